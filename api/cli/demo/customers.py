"""Who writes to Nile Homes, on which account, and what they said in the week: invented people, invented words."""

from dataclasses import dataclass, field
from typing import Any

from domain.shared.fact import Channel

NUMBER, SECOND, PAGE, GRAM = "106540352240001", "106540352240002", "110000000000001", "178400000000001"


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the brokerage, and whose it is."""

    channel: Channel
    id: str
    agent: str
    provider: str = "meta"
    business_id: str | None = None
    page_id: str | None = None


# fmt: off
ACCOUNTS = (
    Account("whatsapp",  NUMBER, "Karim",  business_id="2026112000000108"),
    Account("whatsapp",  SECOND, "Salma",  "360dialog", business_id="2026112000000109"),
    Account("messenger", PAGE,   "Salma",  page_id=PAGE),
    Account("instagram", GRAM,   "Karim",  page_id=PAGE),
)


@dataclass(frozen=True, slots=True)
class Past:
    """One message of the week: days before its end, from whom, and what; `echo`: an agent wrote it in the app."""

    days: float
    account: str
    user: str
    name: str
    said: dict[str, Any] = field(default_factory=dict)
    echo: bool = False


def _text(words: str) -> dict[str, Any]:
    return {"text": words}


WEEK = (
    Past(6.2, NUMBER, "201001110001", "Hany Fathy",
         _text("السلام عليكم، محتاج شقة ٣ غرف في التجمع الخامس بحدود ٤ مليون")),
    Past(6.2, NUMBER, "201001110001", "Hany Fathy",   _text("والتقسيط على كام سنة؟")),
    Past(6.1, NUMBER, "201001110001", "Hany Fathy",
         _text("أهلاً أستاذ هاني، التقسيط لحد ٨ سنين. تحب تعاين الخميس؟"), echo=True),
    Past(6.0, NUMBER, "201001110001", "Hany Fathy",   _text("الخميس مناسب جدا")),
    Past(5.1, NUMBER, "201001110002", "Dina Sabry",
         {"location": {"latitude": 30.0131, "longitude": 31.4289, "name": "AUC gate 4"}}),
    Past(5.1, NUMBER, "201001110002", "Dina Sabry",
         _text("Anything within ten minutes of here? Budget 5 to 6 million")),
    Past(4.3, SECOND, "201001110003", "Tarek Nabil",  _text("3ayez villa fel sa7el, ma3aya 12 million")),
    Past(4.3, SECOND, "201001110003", "Tarek Nabil",  {"media": {"kind": "voice", "content": "a voice note"}}),
    Past(3.2, PAGE,   "7300000000000011", "Nour",     _text("هل الشقة اللي في زايد لسه متاحة؟")),
    Past(3.2, PAGE,   "7300000000000011", "Nour",     _text("أيوه متاحة، تحبي صور أكتر؟"), echo=True),
    Past(2.4, GRAM,   "8400000000000021", "layla.home", _text("hi! saw your reel, is the studio for rent?")),
    Past(0.6, NUMBER, "201001110004", "Omar Galal",   _text("Good evening, is the penthouse price negotiable?")),
    Past(0.2, SECOND, "201001110005", "Heba Anwar",   _text("ممكن تفاصيل الدفع للوحدة اللي في الشيخ زايد؟ مستعجلة")),
)
# fmt: on

MONA, HIDDEN, SENDER, YOUSSEF, RANA, ADEL, GONE = (
    "201002220001", "EG.7715501", "201002220003", "7300000000000031", "8400000000000041", "201002220006",
    "201002220007",
)  # fmt: skip
AD = {
    "source_url": "https://fb.me/nile", "source_type": "ad", "source_id": "23860000000001",
    "headline": "شقق التجمع الخامس", "ctwa_clid": "ARAkLkA8rmlFeiCktEJQ-QTwRiyYHAFDLMNDBH0CD3qpjd0HR4irJ6LEkR7JwFF4",
}  # fmt: skip
"""The advertisement that Mona clicked on."""
LONG = (
    "أهلاً رنا! الاستوديو في الدور الثالث، مساحته ٦٢ متر، متشطب بالكامل وفيه مطبخ أمريكي وتكييفين. "
    "الإيجار ١٨ ألف جنيه في الشهر شامل الصيانة، والمقدم شهرين تأمين. "
    "العمارة فيها أمن وأسانسير وجراج، وعلى بعد خمس دقايق من مول العرب ومحطة الأتوبيس الترددي. "
    "العقد سنة قابلة للتجديد، والزيادة السنوية عشرة في المية. "
    "المالك بيفضل عيلة صغيرة أو موظفة، والحيوانات الأليفة مسموح بيها بعد الاتفاق. "
    "لو المعاد مناسب، ممكن نعاين بكرة الساعة خمسة أو بعد بكرة الساعة سبعة بالليل. "
    "ولو حابة تشوفيه قبل ما تيجي، عندي جولة افتراضية كاملة أبعتلك لينكها حالاً، وفيها كل الغرف والبلكونة والمنظر."
)
"""More than Instagram takes in one message."""
