"""Values as people, spreadsheets and broken programs really write them, each with what Meta is to see of it.

Expectations are written by hand from Meta's documentation, the Egyptian numbering plan and the calendar.
"""

import hashlib
import json

import pytest

from adapters.meta.hash_lines import hash_lines
from adapters.meta.user_data import HASHED_FIELDS, PASSED_FIELDS, normalise
from domain.ads.match_quality import KEYS


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


MOBILE = "201007654321"
UPPER = sha256("mona@homes.example").upper()

# fmt: off
KEPT = [
    # field, as it came, what is hashed (or passed on, for fields that are never hashed)
    ("ph", "002-0100-765-4321", MOBILE),                      # 00 20 and the trunk zero
    ("ph", "00 20 (0) 100 765 4321", MOBILE),
    ("ph", "+20 (0)10 0765 4321", MOBILE),
    ("ph", "+20-0-100-7654321", MOBILE),
    ("ph", "+2 01007654321", MOBILE),                         # "plus two", as people say it
    ("ph", "+2٠١٠٠٧٦٥٤٣٢١", MOBILE),                          # half of it in Arabic digits
    ("ph", "٠٠٢٠١٠٠٧٦٥٤٣٢١", MOBILE),
    ("ph", "०१००७६५४३२१", MOBILE),                            # digits of a visitor's phone
    ("ph", "０１００７６５４３２１", MOBILE),
    ("ph", "0100\u00a0765\u202f4321", MOBILE),                # blanks of a web page
    ("ph", "0100\t765\t4321", MOBILE),
    ("ph", "0100–765—4321", MOBILE),
    ("ph", "\u200f\u202b01007654321\u202c", MOBILE),
    ("ph", "'01007654321", MOBILE),                           # a spreadsheet's way to keep the zero
    ("ph", '="01007654321"', MOBILE),
    ("ph", "p:+201007654321", MOBILE),                        # Instant Forms export
    ("ph", "0115 765 4321", "201157654321"),
    ("ph", "012 27654321", "201227654321"),
    ("ph", "٠١٥ ٥٧٦٥ ٤٣٢١", "201557654321"),
    ("ph", "0227361234", "20227361234"),                      # Cairo
    ("ph", "٠٢٢٧٣٦١٢٣٤", "20227361234"),
    ("ph", "+2 02 27361234", "20227361234"),
    ("ph", "03 4871234", "2034871234"),                       # Alexandria
    ("ph", "+٩٦٦٥٥٧٦٥٤٣٢١", "966557654321"),
    ("ph", "+44 (0)7911 123456", "447911123456"),
    ("em", "MONA@MAIL.COM\u200e", "mona@mail.com"),
    ("em", "\ufeffmona@mail.com\r\n", "mona@mail.com"),
    ("em", "mona@بريد.مصر", "mona@بريد.مصر"),
    ("fn", "إسلام", "إسلام"),                                  # hamza forms are other letters to Meta
    ("fn", "آية", "آية"),
    ("fn", "لؤي", "لؤي"),
    ("fn", "هدى", "هدى"),
    ("fn", "هدي", "هدي"),
    ("fn", "مُـنَـى", "منى"),                                   # tashkeel and tatweel together
    ("fn", "منى ،", "منى"),
    ("fn", "منى٬ حسن؛", "منىحسن"),
    ("fn", "\u2067منى\u2069", "منى"),
    ("fn", "Mona🌸", "mona"),
    ("fn", "Mona\u200dSayed", "monasayed"),
    ("ln", "O’Connor", "oconnor"),
    ("ln", "Nguyê\u0303n", "nguyễn"),
    ("db", "05/06/1990", "19900605"),                         # the day first, as Egypt writes it
    ("db", "05/13/1990", "19900513"),                         # … unless there is no thirteenth month
    ("db", "29/02/2000", "20000229"),
    ("db", "٦ مايو ١٩٩٠", "19900506"),
    ("db", "٦/٥/١٩٩٠", "19900506"),
    ("db", "1990-05-06 00:00:00", "19900506"),
    ("ge", "ذكَر", "m"),
    ("ge", "آنسه", "f"),
    ("ct", "Cairo", "cairo"),
    ("ct", "القاهرة", "القاهرة"),
    ("ct", "القاهره", "القاهره"),
    ("ct", "  6th  of October ", "6thofoctober"),
    ("ct", "مدينة نصر،", "مدينةنصر"),
    ("st", "محافظة القاهرة", "محافظةالقاهرة"),
    ("zp", " ١١ ٨٣٥ ", "11835"),
    ("fn", "ﻣﺤﻤﺪ", "محمد"),                                  # drawn letter by letter, as out of a PDF
    ("ct", "ﺍﻟﻘﺎﻫﺮﺓ", "القاهرة"),
    ("ln", "Ｓｍｉｔｈ", "smith"),
    ("country", "UAE", "ae"),
    ("country", "KSA", "sa"),
    ("country", "Egypt", "eg"),
    ("country", "A.R.E.", "eg"),                              # the Arab Republic, not the Emirates' code
    ("country", "egypt🇪🇬", "eg"),
    ("external_id", "عميل ٧", "عميل ٧"),
    ("fbc", "fb.1.1596403881668.AbC.dEf-_", "fb.1.1596403881668.AbC.dEf-_"),
    ("fbp", "fb.1.1596403881668.1116446470.AQYBAQAA", "fb.1.1596403881668.1116446470.AQYBAQAA"),
    ("client_ip_address", "2A02:0CB4::0001", "2a02:cb4::1"),
    ("madid", "EA7583CD-A667-48BC-B806-42ECB2B48606", "EA7583CD-A667-48BC-B806-42ECB2B48606"),
    ("anon_id", "XZ12-9", "XZ12-9"),
    ("subscription_id", "sub_17", "sub_17"),
    ("fb_login_id", "1029384756", "1029384756"),
    ("page_id", "77001", "77001"),
    ("ig_account_id", "99003", "99003"),
    ("ig_sid", "66004", "66004"),
    ("whatsapp_business_account_id", "555000111", "555000111"),
    ("instagram_business_account_id", "99003", "99003"),
]

JUNK = [
    # field, as it came, words of the reason
    ("em", "test@test", "domain"),
    ("em", "n/a@n/a", "domain"),
    ("em", "N/A", "placeholder"),
    ("em", "mona@mail.com\x00", "NUL"),
    ("em", "mona\ud83d@mail.com", "Unicode"),
    ("em", "mona＠mail.com", "not an e-mail"),
    ("em", "mona٠١@mail.com", "not an e-mail"),
    ("em", "a@b.com; c@d.com", "domain"),
    ("em", sha256(""), "empty"),
    ("em", sha256("").upper() + ".AQYBAQAA", "empty"),
    ("em", sha256("null"), "placeholder"),                    # somebody hashed their missing values
    ("em", sha256("undefined").upper(), "placeholder"),
    ("em", "0" * 64, "placeholder"),
    ("em", "d41d8cd98f00b204e9800998ecf8427e", "MD5"),
    ("ph", "11F6AD8EC52A2984ABAAFD7C3B516503785C2072", "SHA-1"),
    ("ph", "0000", "not a valid"),
    ("ph", "00000000000", "not a valid"),
    ("ph", "+20", "not a valid"),
    ("ph", "16000", "not a valid"),                           # a hotline
    ("ph", "01307654321", "not a valid"),                     # no operator has 013
    ("ph", "010076543210", "not a valid"),
    ("ph", "01007654321;01117654321", "more than one"),
    ("ph", "01007654321,01117654321", "not a valid"),
    ("ph", "٠١٠٠٧٦٥٤٣٢١ و ٠١١١٧٦٥٤٣٢١", "letters"),
    ("ph", "1.00765E+09", "letters"),
    ("ph", "201007654321.0", "not a valid"),                  # a spreadsheet's number
    ("fn", "N.A.", "placeholder"),
    ("fn", "nan", "placeholder"),
    ("fn", "Null Null", "placeholder"),
    ("fn", "{first_name}", "template"),
    ("fn", "%FIRST_NAME%", "template"),
    ("fn", "[First Name]", "template"),
    ("fn", "<name>", "template"),
    ("fn", "👩\u200d👩\u200d👧", "no letters"),
    ("fn", "٠١٢", "no letters"),
    ("fn", "ـــ", "no letters"),
    ("ln", "غير معروف", "placeholder"),
    ("db", "31/02/1990", "no such date"),
    ("db", "29/02/1900", "no such date"),
    ("db", "6-May-90", "not a date"),
    ("db", "636940800", "not a date"),
    ("db", "0000-00-00", "no such date"),
    ("db", "2099-01-01", "plausible"),
    ("ge", "other", "neither"),
    ("ct", "11835", "no letters"),
    ("zp", "0000", "placeholder"),
    ("country", "XX", "country"),
    ("country", "+20", "country"),
    ("country", "Cairo", "country"),
    ("country", "السعودية", "country"),
    ("external_id", "0", "placeholder"),
    ("external_id", "nan", "placeholder"),
    ("fbc", "fb.1.1596403881668.undefined", "placeholder"),
    ("fbc", "FB.1.1596403881668.AbC", "form"),
    ("fbp", "fb.1.1596403881668.null", "form"),
    ("fbp", "fb.1.1596403881668.1116446470.AQ", "form"),
    ("client_ip_address", "203.0.113.9:443", "not an IP"),
    ("client_ip_address", "unknown", "placeholder"),
    ("client_user_agent", "-", "placeholder"),
    ("lead_id", "000000000000000", "placeholder"),
    ("lead_id", "123456789012345.0", "15 to 17"),
    ("madid", "00000000-0000-0000-0000-000000000000", "placeholder"),  # its owner does not want to be followed
    ("ctwa_clid", "undefined", "placeholder"),
    ("ig_sid", "{{ig}}", "template"),
    ("page_scoped_user_id", "88 002", "identifier"),
    ("whatsapp_business_account_id", UPPER, "hashed"),
]
# fmt: on


def answer(field: str, value: object) -> dict[str, str | None]:
    """What the command prints for one line."""
    (line,) = hash_lines([json.dumps({"field": field, "value": value})])
    told: dict[str, str | None] = json.loads(line)
    return told


@pytest.mark.parametrize(("field", "raw", "expected"), KEPT)
def test_what_can_be_used_is_told_in_one_form(field: str, raw: str, expected: str) -> None:
    digest = sha256(expected) if field in HASHED_FIELDS else None
    assert answer(field, raw) == {"normalised": expected, "sha256": digest, "dropped": None}


@pytest.mark.parametrize(("field", "raw", "reason"), JUNK)
def test_junk_is_never_hashed(field: str, raw: str, reason: str) -> None:
    told = answer(field, raw)
    assert (told["normalised"], told["sha256"]) == (None, None)
    assert reason in (told["dropped"] or "")


@pytest.mark.parametrize("field", sorted(HASHED_FIELDS))
def test_a_hash_in_capitals_is_passed_on_in_small_letters_and_never_hashed_again(field: str) -> None:
    assert answer(field, UPPER) == {"normalised": None, "sha256": UPPER.lower(), "dropped": None}


@pytest.mark.parametrize("value", [["mona@mail.com"], {"email": "mona@mail.com"}, 201007654321, True, None])
def test_what_is_no_text_is_dropped(value: object) -> None:
    assert answer("em", value)["dropped"] == "not text"


def test_every_field_of_metas_user_data_is_known() -> None:
    hashed = "em ph fn ln db ge ct st zp country external_id"
    passed = (
        "client_ip_address client_user_agent fbc fbp subscription_id fb_login_id lead_id anon_id madid page_id "
        "page_scoped_user_id ctwa_clid ig_account_id ig_sid whatsapp_business_account_id instagram_business_account_id"
    )
    assert frozenset(hashed.split()) == HASHED_FIELDS
    assert frozenset(passed.split()) == PASSED_FIELDS
    assert {key.field for key in KEYS} <= HASHED_FIELDS | PASSED_FIELDS


def test_an_unknown_field_is_dropped_with_its_reason() -> None:
    assert normalise("shoe_size", "43").dropped == "not a field of Meta's user data"
