"""The words by which a customer says that they want no more marketing, or want it again: in three scripts.

Only a message that is nothing but such a word counts: "don't stop looking for me" is no opt-out.
"""

import unicodedata
from typing import Literal

Wish = Literal["stop", "resume"]

LONGEST = 60
"""Characters of the longest message that may be such a word; nothing longer is looked at."""
LETTERS = str.maketrans({
    **dict.fromkeys("أإآٱ", "ا"), "ى": "ي", "ة": "ه", "ؤ": "و", "ئ": "ي", "ـ": "", "ک": "ك", "ی": "ي",
})  # fmt: skip
UNSEEN = frozenset({"Mn", "Me", "Cf"})

# fmt: off
STOP = (
    "stop", "stop all", "stopall", "stop it", "stop messages", "stop the messages", "stop messaging me",
    "stop sending", "stop sending me messages", "stop texting me", "unsubscribe", "unsubscribe me", "unsub",
    "opt out", "optout", "opt me out", "cancel", "cancel subscription", "remove me", "remove me from your list",
    "stop promotions", "stop promotion", "stop promotional messages", "stop ads", "stop marketing",
    "no more messages", "no more ads", "do not message me", "don't message me", "dont message me",
    "إلغاء", "الإلغاء", "إلغاء الاشتراك", "الغي الاشتراك", "ألغ الاشتراك", "الغي", "إلغاء المتابعة", "إيقاف",
    "إيقاف الرسائل", "إيقاف الإعلانات", "إيقاف العروض", "إيقاف العروض الترويجية", "وقف العروض", "وقفوا العروض",
    "أوقف", "أوقف الرسائل", "أوقفوا الرسائل", "توقف", "وقف", "وقف الرسايل",
    "وقفوا الرسايل", "وقف رسايل", "بطل تبعت", "بطل تبعتلي", "بطلوا تبعتوا", "بطلوا تبعتولي", "بطل رسايل",
    "بطلوا رسايل", "كفاية رسايل", "كفاية إعلانات", "مش عايز رسايل", "مش عايزة رسايل", "مش عاوز رسايل",
    "مش عايز إعلانات", "لا ترسل", "لا ترسلوا", "لا تراسلني", "لا تراسلوني", "شيلوني من القايمة", "احذفوني",
    "elgha2", "elgha", "el8a2", "el8a", "el3'a2", "elghy", "el8y", "elghy el eshterak", "el8y el eshterak",
    "elgha2 el eshterak", "el8a2 el eshterak", "eqaf", "eeqaf", "iqaf", "e2af", "wa2af", "wa22af", "wa2af el rasayel",
    "wa2afo el rasayel", "batal teb3at", "battal teb3at", "batal teb3atly", "battal teb3atly", "batalo teb3ato",
    "batalo teb3atoly", "battalo teb3ato", "batal rasayel", "batalo rasayel", "kefaya rasayel", "kfaya rasayel",
    "mesh 3ayez rasayel", "msh 3ayez rasayel", "mesh 3ayza rasayel", "msh 3ayza rasayel", "mosh 3ayez rasayel",
)
RESUME = (
    "start", "unstop", "subscribe", "subscribe me", "opt in", "optin", "resume",
    "اشتراك", "اشترك", "الاشتراك", "تفعيل", "تفعيل الاشتراك", "استئناف", "استئناف الرسائل", "ابدأ",
    "eshterak", "ishtirak", "eshtrak",
)
POLITE = ("please", "pls", "plz", "من فضلك", "لو سمحت", "لو سمحتي", "رجاء", "law sama7t", "law samaht", "men fadlak",
          "thanks", "thank you", "شكرا", "shokran")
# fmt: on
"""Said before or after, they change nothing."""


def opt_out_of(text: str | None) -> Wish | None:
    """Return what a message says about marketing, None where it is about anything else."""
    if text is None or len(text) > LONGEST:
        return None
    return _WISHES.get(_bare(_even(text)))


def _even(text: str) -> str:
    """Return a text in one spelling: small letters, one form of each Arabic letter, no marks, no punctuation."""
    folded = unicodedata.normalize("NFKC", text).replace("’", "'").casefold().translate(LETTERS)
    seen = (one for one in folded if unicodedata.category(one) not in UNSEEN)
    return " ".join("".join(one if one.isalnum() or one == "'" else " " for one in seen).split()).strip("' ")


def _bare(text: str) -> str:
    for word in _POLITE:
        text = text.removeprefix(f"{word} ").removesuffix(f" {word}")
    return text


_POLITE = tuple(_even(word) for word in POLITE)
_WISHES: dict[str, Wish] = {
    **{_even(word): "resume" for word in RESUME},
    **{_even(word): "stop" for word in STOP},
}
