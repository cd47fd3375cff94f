"""The people of the demo: invented names, addresses on reserved domains, phones the way Egyptians write them."""

import string
from dataclasses import dataclass
from datetime import datetime
from random import Random

# fmt: off
FIRST = (
    ("Mona", "منى"), ("Ahmed", "أحمد"), ("Nour", "نور"), ("Karim", "كريم"), ("Salma", "سلمى"), ("Youssef", "يوسف"),
    ("Heba", "هبة"), ("Omar", "عمر"), ("Dina", "دينا"), ("Tarek", "طارق"), ("Farida", "فريدة"), ("Hany", "هاني"),
    ("Aya", "آية"), ("Mostafa", "مصطفى"), ("Laila", "ليلى"), ("Sherif", "شريف"), ("Yasmin", "ياسمين"),
    ("Khaled", "خالد"), ("Rania", "رانيا"), ("Amr", "عمرو"), ("Malak", "ملك"), ("Bassem", "باسم"), ("Hala", "هالة"),
)
FAMILY = (
    ("Hassan", "حسن"), ("El-Sayed", "السيد"), ("Mansour", "منصور"), ("Abdelrahman", "عبد الرحمن"), ("Fahmy", "فهمي"),
    ("Shawky", "شوقي"), ("Mahmoud", "محمود"), ("Gaber", "جابر"), ("Ezzat", "عزت"), ("Naguib", "نجيب"),
    ("Soliman", "سليمان"), ("Rizk", "رزق"), ("El-Masry", "المصري"), ("Zaki", "زكي"), ("Kamel", "كامل"),
    ("Farouk", "فاروق"), ("Aziz", "عزيز"), ("Halim", "حليم"), ("Barakat", "بركات"),
)
DOMAINS = ("example.com", "example.net", "example.org")  # reserved: nobody has an address there
NETWORKS = ("203.0.113", "198.51.100", "192.0.2")  # reserved for documentation
OPERATORS = ("10", "11", "12", "15")
NOTATIONS = ("0{a}{b}{c}", "+20 {a} {b} {c}", "0020{a}{b}{c}", "0{a}-{b}-{c}", "20{a}{b}{c}", "٠{a}{b}{c}")
"""Ways to write one mobile number; the last is in Arabic digits throughout."""
AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 "
    "Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 16; SM-A566B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile "
    "Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 "
    "Safari/605.1.15",
)
# fmt: on
ARABIC_DIGITS = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


@dataclass(frozen=True, slots=True)
class Buyer:
    """Somebody with a name, an e-mail address and a mobile number (ten digits, without the leading zero)."""

    name: str
    email: str
    mobile: str

    def phone(self, notation: str) -> str:
        """Return the number in one of `NOTATIONS`."""
        written = notation.format(a=self.mobile[:2], b=self.mobile[2:6], c=self.mobile[6:])
        return written.translate(ARABIC_DIGITS) if notation.startswith("٠") else written


def buyer(rng: Random, number: int) -> Buyer:
    """Return the buyer of a number; two never share an address or a phone."""
    (first, first_ar), (family, family_ar) = rng.choice(FIRST), rng.choice(FAMILY)
    name = f"{first_ar} {family_ar}" if rng.random() < 0.4 else f"{first} {family}"
    email = f"{first}.{family.replace('-', '')}{number}@{rng.choice(DOMAINS)}"
    mobile = f"{rng.choice(OPERATORS)}{rng.randrange(1000):03}{number % 100_000:05}"
    return Buyer(name, email if rng.random() < 0.2 else email.lower(), mobile)


def browser(rng: Random, since: datetime) -> dict[str, str]:
    """Return what a new browser tells of itself: its pixel's cookie, address and user agent."""
    made_ms = round(since.timestamp() * 1000) - rng.randrange(60_000)
    return {
        "fbp": f"fb.1.{made_ms}.{rng.randrange(10**9, 10**10)}",
        "ip": f"{rng.choice(NETWORKS)}.{rng.randrange(1, 255)}",
        "user_agent": rng.choice(AGENTS),
    }


def click_id(rng: Random) -> str:
    """Return a click id of the shape that advertisements append to links."""
    return "IwZXh0bgNhZW0" + "".join(rng.choices(string.ascii_letters + string.digits, k=48))
