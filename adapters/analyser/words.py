"""What customers say, in English, Arabic and Arabic in Latin letters: the tables of the built-in analyser.

Words stand as they are spoken; spelling is evened out on both sides (`spelling.plain`). A `*` lets a word go on.
"""

from domain.conversations.analysis import Specialist, Topic, Urgency

Words = tuple[str, ...]

# fmt: off
PRICE: Words = (
    "price*", "how much", "cost*", "asking for it", "per meter", "what are they asking",
    "سعر*", "أسعار*", "بكام", "بكم", "تمن*", "ثمن*", "تكلف*", "كام سعر*",
    "bekam", "bikam", "bkam", "b kam", "se3r*", "s3r*", "as3ar*", "taman*", "be kam",
)
FINANCING: Words = (
    "installment*", "instalment*", "payment plan*", "mortgage*", "financ*", "loan*", "down payment*", "downpayment*",
    "monthly payment*", "pay over",
    "تقسيط*", "قسط*", "أقساط*", "مقدم*", "تمويل*", "قرض*", "نظام السداد", "سداد*", "نظام الدفع", "أنظمة الدفع",
    "ta2seet*", "ta2sit*", "taqseet*", "t2seet*", "2est*", "a2sat*", "aqsat*", "2sat", "mo2adem*", "mo2addam*",
    "moqadam*", "mqdm", "tamweel*", "tamwil*",
)
VIEWING: Words = (
    "see it", "see the place", "see the apartment", "see the flat", "see the unit", "see the villa", "see the house",
    "see the chalet", "see them in person", "view it", "view the", "viewing*", "visit*", "come and see", "come see",
    "take a look at it", "in person", "walk through it",
    "أشوفها", "أشوفه", "أشوف الشقة", "أشوف الفيلا", "أشوف الشاليه", "أشوف الوحدة", "أشوف المكان", "نشوفها", "نشوفه",
    "نشوف الشقة", "نشوف الفيلا", "نشوف المكان", "معاينة*", "أعاين*", "نعاين*", "زيارة*", "أزور*", "نزور*",
    "أتفرج عليها", "أتفرج عليه", "نتفرج عليها", "على الطبيعة",
    "ashofha", "ashoofha", "ashoufha", "ashof el sha2a", "ashof el villa", "ashoof el sha2a", "ashof el makan",
    "neshofha", "nshofha", "neshoofha", "a3ayen*", "ne3ayen*", "mo3ayna*", "m3ayna*", "zeyara*", "ziyara*", "azorha",
    "atfarag 3aleha", "netfarag 3aleha", "3ala el tabi3a",
)
LOOKING: Words = (
    "just looking", "just browsing", "only looking", "only browsing", "exploring", "no rush", "not in a hurry",
    "just curious", "just asking", "only asking", "not sure yet",
    "بتفرج بس", "بسأل بس", "مجرد سؤال", "مجرد استفسار", "بستفسر بس", "مش مستعجل*", "لسه بفكر", "بشوف السوق",
    "بجمع معلومات",
    "batfarag bas", "bas2al bas", "mesh mesta3gel*", "msh mesta3gel*", "mosh mesta3gel*", "lesa bafakar",
    "lessa bafakar", "bashof el so2",
)
URGENCY: dict[Urgency, Words] = {
    "now": (
        "immediately", "asap", "as soon as possible", "right now", "right away", "today", "tomorrow", "this week",
        "urgent*", "ready to buy", "ready to move", "in a hurry",
        "حالا", "دلوقتي", "فورا", "فوري", "الأسبوع ده", "هذا الأسبوع", "بكرة", "النهاردة", "مستعجل*", "على طول",
        "في أسرع وقت",
        "delwa2ty", "delwa2ti", "dlw2ty", "dilwa2ti", "7alan", "bokra", "bukra", "el osbo3 da", "mesta3gel*",
        "3ala tool", "3ala tul", "fawran", "enaharda", "el naharda", "f asra3 wa2t",
    ),
    "within_3_months": (
        "soon", "this month", "next month", "few weeks", "couple of weeks", "couple of months", "two months",
        "2 months", "three months", "3 months",
        "قريبا", "عن قريب", "الشهر ده", "الشهر الجاي", "خلال شهر", "شهرين", "تلات شهور", "٣ شهور", "كام أسبوع",
        "el shahr da", "el shahr el gay", "5elal shahr", "khelal shahr", "shahreen", "3 shohor", "talat shohor",
    ),
    "within_a_year": (
        "this year", "end of the year", "six months", "6 months", "next year", "within a year", "later this year",
        "السنة دي", "آخر السنة", "ست شهور", "٦ شهور", "السنة الجاية", "خلال سنة",
        "el sana di", "el sana de", "a5er el sana", "akher el sana", "6 shohor", "set shohor", "el sana el gaya",
    ),
}
BUYS: Words = (
    "want to buy", "ready to buy", "ready to pay", "reserve it", "reserve the", "book it", "make an offer",
    "sign the",
    "i'll take it", "we'll take it", "where do i sign",
    "عايز أشتري", "عاوز أشتري", "عايزة أشتري", "هشتري", "أحجزها", "أحجز الوحدة", "نحجز*", "جاهز أدفع", "أمضي العقد",
    "3ayez ashtery", "3ayza ashtery", "3awez ashtery", "hashtery", "a7gezha", "ne7gez*", "gahez adfa3",
)
OBJECTIONS: dict[str, Words] = {
    "price":     ("expensive", "overpriced", "too high", "too much for", "over my budget", "above my budget",
                  "غالي*", "عالي عليا", "كتير عليا", "فوق ميزانيتي", "أكتر من ميزانيتي",
                  "ghaly*", "8aly*", "3'aly*", "kteer 3alaya", "foo2 mezanyety"),
    "location":  ("too far", "far from", "far away", "بعيد*", "be3eed*", "ba3eed*", "ba3id*", "b3eed*"),
    "size":      ("too small", "too big", "صغيرة عليا", "صغيرة علينا", "ضيقة*", "soghayara 3alena", "day2a"),
    "trust":     ("scam*", "don't trust", "not trust", "delayed before", "نصب*", "مش واثق*", "بيتأخر*",
                  "mesh wase2", "msh wase2", "nasab*", "byet2a5ar*"),
    "condition": ("needs renovation", "old building", "bad condition", "محتاجة تجديد", "عمارة قديمة",
                  "me7taga tagdeed"),
}
ACCEPTS: Words = (
    "that works", "works for me", "sounds good", "that's fine", "that is fine", "fair enough", "makes sense",
    "perfect",
    "great", "deal", "good point", "تمام", "كويس*", "ماشي", "موافق*", "حلو", "معقول كده", "اتفقنا",
    "tamam", "tmam", "kowayes*", "kwayes*", "mashy", "mashi", "mwafe2*", "mowafe2*", "7elw", "etafa2na",
)
FOLLOW_UP: Words = (
    "call me", "get back to me", "follow up", "contact me", "remind me", "send me", "text me", "message me",
    "كلمني", "كلميني", "كلموني", "اتصل بيا", "اتصلوا بيا", "ابعتلي", "ابعتيلي", "ابعتولي", "راسلني", "تابع معايا",
    "kalemny", "kallemny", "kalmony", "kalemni", "etesel beya", "ettesel beya", "eb3atly", "eb3tly", "eb3atli",
    "eb3atoly",
)
MEETING: Words = (
    "appointment is confirmed", "viewing is confirmed", "visit is confirmed", "confirmed for", "booked for",
    "you are booked", "you're booked", "see you on", "see you at", "see you tomorrow",
    "تم الحجز", "تم تأكيد", "ميعادنا", "أكدنا الميعاد", "حجزتلك", "مستنيينك",
    "ma3adna", "m3adna", "me3adna", "7agaztelak", "7agaztlak", "akedna el ma3ad",
)
TYPES: Words = (
    "apartment*", "flat", "flats", "villa*", "chalet*", "duplex*", "studio*", "townhouse*", "town house*",
    "twin house*", "twinhouse*", "penthouse*", "office", "offices", "shop", "shops", "land", "clinic*",
    "شقة", "شقق", "شقه", "فيلا", "فيلات", "فيلل", "شاليه*", "دوبلكس*", "استوديو*", "ستوديو*", "تاون هاوس",
    "توين هاوس", "بنتهاوس", "مكتب", "مكاتب", "محل", "محلات", "أرض", "عيادة*",
    "sha2a", "sha22a", "sha2et", "sha2a2", "shaqa", "shaqqa", "vella", "shaleh", "chaleh", "doplex", "maktab",
    "ma7al",
)
ROOMS: Words = (
    "bedroom*", "rooms", "beds", "br", "غرف", "غرفة", "غرف نوم", "أوض", "أوضة", "oda", "odat", "owad", "ghoraf",
    "2owad",
)
TWO_ROOMS: Words = ("أوضتين", "غرفتين", "odteen", "ghorfeteen", "odtein")
AREA: Words = ("sqm", "m2", "meter*", "metre*", "square*", "متر*", "م٢", "metr", "metr*")
DISTRICTS: Words = (
    "new cairo", "tagamo3*", "tagamoa*", "fifth settlement", "5th settlement", "sheikh zayed", "zayed",
    "el sheikh zayed",
    "6 october", "6th of october", "october city", "maadi", "ma3adi", "el ma3ady", "zamalek", "heliopolis",
    "masr el gedida", "nasr city", "madinet nasr", "rehab", "el rehab", "madinaty", "mokattam", "mo2atam", "dokki",
    "do22i", "mohandessin", "mohandeseen", "sahel", "north coast", "sokhna", "ain sokhna", "new capital",
    "ras el hekma", "gouna", "el gouna", "el shorouk", "shorouk", "obour", "mostakbal city", "garden city", "smouha",
    "التجمع*", "القاهرة الجديدة", "الشيخ زايد", "زايد", "أكتوبر", "المعادي", "الزمالك", "مصر الجديدة", "مدينة نصر",
    "الرحاب", "مدينتي", "المقطم", "الدقي", "المهندسين", "الساحل", "السخنة", "العاصمة الإدارية", "العاصمة الجديدة",
    "رأس الحكمة", "الجونة", "الشروق", "العبور", "المستقبل سيتي", "جاردن سيتي", "سموحة",
)
CITIES: Words = (
    "cairo", "giza", "alexandria", "alex", "hurghada", "sharm", "mansoura", "tanta",
    "القاهرة", "الجيزة", "اسكندرية", "الإسكندرية", "الغردقة", "شرم", "المنصورة", "طنطا",
    "el qahera", "el 2ahera", "eskendereya", "el giza", "el gharda2a",
)
FAMILY: Words = (
    "my wife", "my husband", "my kids", "our kids", "my children", "my son", "my daughter", "my family", "our family",
    "getting married", "newlywed*", "my parents", "my mother", "my fiance*",
    "مراتي", "جوزي", "ولادي", "أولادي", "عيالي", "ابني", "بنتي", "عيلتي", "هتجوز", "بنتجوز", "عروسة", "والدتي",
    "خطيبتي",
    "meraty", "maraty", "gozy", "wlady", "welady", "3yaly", "ebny", "benty", "3elty", "hatgawez", "5atebty",
)
NAMES: Words = ("my name is", "this is my name", "اسمي", "أنا اسمي", "esmy", "ismi", "ana esmy")
PURPOSE: Words = (
    "to live in", "for living", "for investment", "as an investment", "to invest", "to rent it out", "for my family",
    "للسكن", "أسكن*", "أعيش*", "استثمار*", "أستثمر*", "أأجرها",
    "lel sakan", "askon*", "a3eesh*", "estesmar*", "astasmer*", "a2agarha",
)
DECIDES: Words = (
    "most important", "matters most", "depends on", "decide*", "priority", "أهم حاجة", "أهم شيء", "المهم عندي",
    "على حسب", "aham 7aga", "el mohem 3andy", "3ala 7asab",
)
GOOD: Words = (
    "thanks", "thank you", "great", "perfect", "excellent", "love", "lovely", "nice", "good", "amazing", "helpful",
    "شكرا", "تمام", "ممتاز*", "جميل*", "حلو", "حلوة", "رائع*", "كويس*", "متشكر*", "عجبتني", "عجبني",
    "shokran", "tamam", "momtaz*", "gamil*", "gameel*", "7elw", "7elwa", "kowayes*", "3agabetny", "3agbny",
)
BAD: Words = (
    "bad", "terrible", "awful", "disappointed", "angry", "waste", "annoying", "hate", "worst", "scam*", "rude",
    "وحش*", "زفت", "زعلان*", "متضايق*", "مضيعة", "أسوأ", "نصب*", "مش عاجبني", "مش عاجباني", "قرفت",
    "we7esh*", "we7sh*", "zeft", "za3lan*", "metdaye2*", "nasab*", "mesh 3agebny", "msh 3agebny", "2erefet",
)
ASKS: Words = (
    "how", "what", "where", "when", "which", "who", "why", "is there", "are there", "do you", "does it", "is it",
    "can i", "can we", "could i",
    "كام", "بكام", "فين", "إزاي", "امتى", "هل", "إيه", "مين", "ليه", "ممكن", "فيه", "ينفع",
    "kam", "bekam", "fen", "feen", "ezay", "ezzay", "emta", "eh", "meen", "leh", "momken", "yenfa3",
)
TOPICS: dict[Topic, Words] = {
    "price":        PRICE,
    "financing":    FINANCING,
    "viewing":      VIEWING,
    "location":     ("where", "location*", "near", "nearby", "close to", "distance*", "فين", "مكان*", "قريب من",
                     "جنب",
                     "لوكيشن", "fen", "feen", "el makan", "2orayeb mn", "orayeb men", "ganb", "lokeshen"),
    "availability": ("available", "still there", "متاح*", "موجود*", "mota7*", "mawgood*", "fadel", "fadla"),
    "size":         (*ROOMS, *TWO_ROOMS, "sqm", "m2", "meter*", "square meter*", "متر", "مساحة*", "metr", "mesa7a*"),
    "condition":    ("condition", "renovat*", "maintenance", "old building", "حالة الشقة", "حالتها", "تجديد*",
                     "صيانة*",
                     "7aletha", "tagdeed*", "seyana*"),
    "finishing":    ("finish*", "core and shell", "تشطيب*", "متشطب*", "tashteeb*", "tashtib*", "metshatab*"),
    "delivery":     ("delivery", "handover", "deliver*", "استلام*", "أستلم*", "تسليم*", "estelam*", "astelem*",
                     "tasleem*"),
    "amenities":    ("pool*", "club*", "gym", "parking", "garage*", "garden*", "elevator*", "school*", "نادي*",
                     "جراج*",
                     "حمام سباحة", "جنينة*", "أسانسير*", "مدرسة*", "nady", "garag", "asanser", "gneina", "madrasa*"),
    "legal":        ("contract*", "registered", "registration", "title deed*", "lawyer*", "عقد*", "تسجيل*", "مسجلة",
                     "شهر عقاري", "محامي*", "3a2d*", "tasgeel*", "mosagala", "mo7amy"),
    "investment":   ("invest*", "roi", "yield*", "resale", "return on", "استثمار*", "أستثمر*", "عائد*", "إعادة بيع",
                     "estesmar*", "astasmer*", "3a2ed*"),
    "rent":         ("rent", "rental*", "renting", "to let", "إيجار*", "أأجر*", "أجر", "egar*", "eygar*", "a2agar*"),
    "comparison":   ("compare*", "versus", "vs", "better than", "difference between", "مقارنة*", "أحسن من",
                     "الفرق بين",
                     "a7san mn", "el far2 ben"),
    "developer":    ("developer*", "المطور", "مطور*", "الشركة المنفذة", "el motawer", "developer"),
}
SPECIALISTS: dict[Specialist, tuple[Topic, ...]] = {
    "financial":  ("price", "financing", "investment"),
    "legal":      ("legal",),
    "condition":  ("condition", "finishing"),
    "location":   ("location", "amenities"),
    "scheduling": ("viewing", "availability"),
}
MILLIONS: Words = ("million", "millions", "مليون", "ملايين", "milion", "melyon", "mlyon",
                   "malyon",
                   "milyon", "malayeen")
THOUSANDS: Words = ("thousand", "thousands", "k", "ألف", "آلاف", "alf", "2alf", "alaf", "elf")
NUMBERS: dict[int, Words] = {
    1: ("one", "a", "واحد", "wa7ed"),             2: ("two", "اتنين", "اثنين", "etnen", "etneen"),
    3: ("three", "تلاتة", "تلات", "ثلاثة", "talata", "talat"),
    4: ("four", "أربعة", "أربع", "arba3a", "arba3"),   5: ("five", "خمسة", "خمس", "5amsa", "khamsa", "5amas"),
    6: ("six", "ستة", "ست", "setta", "set"),      7: ("seven", "سبعة", "سبع", "sab3a", "saba3"),
    8: ("eight", "تمانية", "تمن", "ثمانية", "tamanya", "taman"), 9: ("nine", "تسعة", "تسع", "tes3a", "tesa3"),
    10: ("ten", "عشرة", "عشر", "3ashara", "3ashar"),
}
UNDER: Words = ("under", "below", "up to", "max", "maximum", "less than", "at most", "not more than", "تحت", "أقل من",
                "لحد", "لغاية", "أقصى حاجة", "مش أكتر من", "بالكتير", "ta7t", "l7ad", "le7ad", "leghayet", "a2al mn",
                "a2al men", "bel kteer", "mesh aktar mn")
OVER: Words = ("at least", "more than", "above", "starting from", "أكتر من", "مش أقل من", "فوق", "aktar mn",
               "aktar men",
               "fo2", "foo2", "mesh a2al mn")
VAGUE: Words = ("cheap*", "affordable", "reasonable", "limited budget", "tight budget", "not too expensive",
                "low budget",
                "رخيص*", "سعر معقول", "أسعار معقولة", "ميزانية محدودة", "على قد الإيد", "اقتصادي*",
                "re5is*", "rekhis*", "ma32ol", "ma32oul", "mezaneya ma7duda", "3ala 2ad el eed")
NOT_A_BUDGET: Words = ("down payment*", "deposit", "monthly", "a month", "per month", "salary", "rent is", "مقدم*",
                       "قسط*",
                       "في الشهر", "شهريا", "مرتبي", "mo2adem*", "mo2addam*", "2est*", "fel shahr", "shahry*",
                       "moratab*")
# fmt: on
