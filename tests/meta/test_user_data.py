"""User data leaves for Meta normalised and hashed as Meta matches it, or not at all, with a reason."""

import hashlib
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapters.meta.normalise_text import PLACEHOLDERS
from adapters.meta.user_data import (
    HASHED_FIELDS,
    PASSED_FIELDS,
    hash_user_data,
    normalise,
    normalise_email,
    phone_e164_digits,
)

FIELDS = sorted(HASHED_FIELDS | PASSED_FIELDS)
OF_NOTHING = hashlib.sha256(b"").hexdigest()


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# fmt: off
HASHED = [
    # field, as people and programs write it, what is hashed
    ("em", "Nadia.Farouk@Example.NET", "nadia.farouk@example.net"),
    ("em", "  hany@example.net\n", "hany@example.net"),
    ("em", "\u200fhany\u200b@example.net\ufeff", "hany@example.net"),
    ("em", "n.a.d.i.a+flats@gmail.com", "n.a.d.i.a+flats@gmail.com"),
    ("em", "d'arcy_{x}@mail.example.co.uk", "d'arcy_{x}@mail.example.co.uk"),
    ("em", "info@عقارات.com", "info@عقارات.com"),
    ("em", "INFO@BÜRO.example", "info@büro.example"),
    ("ph", "01007654321", "201007654321"),
    ("ph", "0111 765 4321", "201117654321"),
    ("ph", "012-2765-4321", "201227654321"),
    ("ph", "(015) 5765.4321", "201557654321"),
    ("ph", "1007654321", "201007654321"),
    ("ph", "+20 100 765 4321", "201007654321"),
    ("ph", "+20 (0)100 765 4321", "201007654321"),
    ("ph", "+2001007654321", "201007654321"),
    ("ph", "0020 100 765 4321", "201007654321"),
    ("ph", "00 20 0100 765 4321", "201007654321"),
    ("ph", "201007654321", "201007654321"),
    ("ph", "2 01007654321", "201007654321"),
    ("ph", "٠١٠٠٧٦٥٤٣٢١", "201007654321"),
    ("ph", "+٢٠ ١٠٠ ٧٦٥ ٤٣٢١", "201007654321"),
    ("ph", "۰۱۰۰۷۶۵۴۳۲۱", "201007654321"),
    ("ph", "\u202a+20 100 765 4321\u202c", "201007654321"),
    ("ph", "\u2067٠٠٢٠١٠٠٧٦٥٤٣٢١\u2069", "201007654321"),
    ("ph", "tel:+201007654321", "201007654321"),
    ("ph", "https://wa.me/201007654321", "201007654321"),
    ("ph", "موبايل: ٠١٠٠٧٦٥٤٣٢١", "201007654321"),
    ("ph", "02 2736 1234", "20227361234"),
    ("ph", "02 2736 1234 ext. 17", "20227361234"),
    ("ph", "02 2736 1234 داخلي ١٧", "20227361234"),
    ("ph", "+966 55 765 4321", "966557654321"),
    ("ph", "966557654321", "966557654321"),
    ("ph", "00971 50 765 4321", "971507654321"),
    ("ph", "+1 (212) 736-5000", "12127365000"),
    ("fn", "  Nadia ", "nadia"),
    ("fn", "Mohamed Ali", "mohamedali"),
    ("fn", "Jean-Luc", "jeanluc"),
    ("fn", "José", "josé"),
    ("fn", "Jose\u0301", "josé"),
    ("fn", "Mona 🌸❤️", "mona"),
    ("fn", "أحمد", "أحمد"),
    ("fn", "مُحَمَّد", "محمد"),
    ("fn", "محمـــد", "محمد"),
    ("fn", "رحمٰن", "رحمن"),
    ("fn", "فاطمة،", "فاطمة"),
    ("fn", "ليلى؟؛", "ليلى"),
    ("fn", "\u200fنور\u200c الدين\u200e", "نورالدين"),
    ("fn", "ا\u0654حمد", "أحمد"),
    ("ln", "O'Connor", "oconnor"),
    ("ln", "ʿAbd al-ʿAzīz", "abdalazīz"),
    ("ln", "عبد الله", "عبدالله"),
    ("ln", "الشافعى", "الشافعى"),
    ("ln", "Größe", "größe"),
    ("db", "19870304", "19870304"),
    ("db", "1987-03-04", "19870304"),
    ("db", "1987/3/4", "19870304"),
    ("db", "1987-03-04T00:00:00.000Z", "19870304"),
    ("db", "04/03/1987", "19870304"),
    ("db", "4.3.1987", "19870304"),
    ("db", "25/12/1987", "19871225"),
    ("db", "12/25/1987", "19871225"),
    ("db", "04031987", "19870304"),
    ("db", "19121990", "19901219"),
    ("db", "٠٤/٠٣/١٩٨٧", "19870304"),
    ("db", "4 March 1987", "19870304"),
    ("db", "March 4th, 1987", "19870304"),
    ("db", "04-Mar-1987", "19870304"),
    ("db", "٤ مارس ١٩٨٧", "19870304"),
    ("db", "29 فبراير 1988", "19880229"),
    ("ge", "F", "f"),
    ("ge", "male", "m"),
    ("ge", "Mrs.", "f"),
    ("ge", "أنثى", "f"),
    ("ge", "انثي", "f"),
    ("ge", "ذكر", "m"),
    ("ct", "New Cairo", "newcairo"),
    ("ct", "6th of October", "6thofoctober"),
    ("ct", "Saint-Étienne", "saintétienne"),
    ("ct", "القاهرة الجديدة", "القاهرةالجديدة"),
    ("ct", "الشيخ زايد،", "الشيخزايد"),
    ("st", "Cairo", "cairo"),
    ("st", "Kafr El-Sheikh", "kafrelsheikh"),
    ("st", "الجيزة", "الجيزة"),
    ("st", "Texas", "tx"),
    ("st", "North Carolina", "nc"),
    ("st", "TX", "tx"),
    ("zp", "11835", "11835"),
    ("zp", "١١٨٣٥", "11835"),
    ("zp", "SW1A 2AA", "sw1a2aa"),
    ("zp", "10001-2345", "10001"),
    ("zp", "1010 AB", "1010ab"),
    ("country", "EG", "eg"),
    ("country", "EGY", "eg"),
    ("country", "Egypt", "eg"),
    ("country", "UAE", "ae"),
    ("country", "U.A.E.", "ae"),
    ("country", "KSA", "sa"),
    ("country", "UK", "gb"),
    ("country", "England", "gb"),
    ("country", "U.S.A.", "us"),
    ("country", "State of Kuwait", "kw"),
    ("country", "Cote d'Ivoire", "ci"),
    ("country", "Niger", "ne"),
    ("external_id", "  Buyer-00Af7 ", "Buyer-00Af7"),
    ("external_id", "عميل-٧", "عميل-٧"),
]

DROPPED = [
    # field, as it came, words of the reason
    ("em", "mailto:hany@example.net", "mailto"),
    ("em", "Hany <hany@example.net>", "not an e-mail"),
    ("em", "hany@@example.net", "not an e-mail"),
    ("em", "hany@localhost", "domain"),
    ("em", "hany@10.0.0.1", "domain"),
    ("em", "hany@-example.net", "domain"),
    ("em", "hany..m@example.net", "not an e-mail"),
    ("em", "ha ny@example.net", "not an e-mail"),
    ("em", "a@b.com, c@d.com", "domain"),
    ("em", "هاني@example.net", "not an e-mail"),
    ("em", "01007654321", "not an e-mail"),
    ("em", "null", "placeholder"),
    ("em", "{{email}}", "template"),
    ("ph", "0100765432", "not a valid"),
    ("ph", "010076543210", "not a valid"),
    ("ph", "01307654321", "not a valid"),
    ("ph", "+20 130 765 4321", "not a valid"),
    ("ph", "27361234", "not a valid"),
    ("ph", "01007654321 / 01117654321", "not a valid"),
    ("ph", "2.01007654321E+11", "letters"),
    ("ph", "+1 800 FLOWERS", "letters"),
    ("ph", "201007654321@s.whatsapp.net", "letters"),
    ("ph", "EG.1007654321", "WhatsApp user id"),
    ("ph", "call me", "no digits"),
    ("ph", "19991", "not a valid"),
    ("ph", "1" * 100, "not a valid"),
    ("fn", "...", "no letters"),
    ("fn", "🌸🌸", "no letters"),
    ("fn", "ـَ", "no letters"),
    ("fn", "01007654321", "no letters"),
    ("fn", "nadia@example.net", "e-mail"),
    ("fn", "undefined", "placeholder"),
    ("fn", "n.u.l.l", "placeholder"),
    ("ln", "لا يوجد", "placeholder"),
    ("db", "31/02/1987", "no such date"),
    ("db", "1987-13-41", "no such date"),
    ("db", "29/02/1987", "no such date"),
    ("db", "00000000", "no such date"),
    ("db", "4/3/87", "not a date"),
    ("db", "1987", "not a date"),
    ("db", "1987-03-04T22:00:00Z", "not a date"),
    ("db", "1812-03-04", "plausible"),
    ("ge", "7", "neither"),
    ("ge", "company", "neither"),
    ("ct", "12345", "no letters"),
    ("st", "--", "placeholder"),
    ("st", "...", "no letters"),
    ("zp", "00000", "placeholder"),
    ("zp", "Maadi", "postcode"),
    ("zp", "شارع 9", "postcode"),
    ("country", "ZZ", "country"),
    ("country", "Atlantis", "country"),
    ("country", "EGYPTIAN", "country"),
    ("country", "20", "country"),
    ("external_id", "undefined", "placeholder"),
    ("external_id", "00000000-0000-0000-0000-000000000000", "placeholder"),
    ("external_id", "0cc175b9c0f1b6a831c399e269772661", "MD5"),
    ("em", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8", "SHA-1"),
    ("fn", OF_NOTHING, "empty"),
    ("fbc", "fb.1.1790000000.IwAR0abc", "milliseconds"),
    ("fbc", "IwAR0abc", "form"),
    ("fbp", "fb.1.1790000000123.", "form"),
    ("fbp", "fb.1.1790000000123.12 34", "form"),
    ("client_ip_address", "192.168.1.20", "private"),
    ("client_ip_address", "127.0.0.1", "loopback"),
    ("client_ip_address", "::1", "loopback"),
    ("client_ip_address", "::ffff:10.1.2.3", "private"),
    ("client_ip_address", "fe80::1%eth0", "link-local"),
    ("client_ip_address", "100.72.3.4", "carrier"),
    ("client_ip_address", "156.160.1.999", "not an IP"),
    ("client_ip_address", "156.160.1.9, 10.0.0.1", "not an IP"),
    ("client_user_agent", "Mozilla\n5.0", "control"),
    ("lead_id", "12345678901234", "15 to 17"),
    ("lead_id", "l:123456789012345", "15 to 17"),
    ("ctwa_clid", "A clid", "identifier"),
    ("page_id", "ab" * 32, "hashed"),
    ("client_user_agent", "AB" * 32, "hashed"),
    ("shoe_size", "43", "not a field"),
]

PASSED = [
    # field, as it came, as it goes
    ("client_ip_address", " 156.160.1.9 ", "156.160.1.9"),
    ("client_ip_address", "2A02:CB40:0:0::1", "2a02:cb40::1"),
    ("client_ip_address", "::ffff:156.160.1.9", "156.160.1.9"),
    ("client_user_agent", " Mozilla/5.0 (Linux; Android 9) [FB4A]", "Mozilla/5.0 (Linux; Android 9) [FB4A]"),
    ("fbc", "fb.1.1790000000123.IwAR0aBcD_e-F", "fb.1.1790000000123.IwAR0aBcD_e-F"),
    ("fbc", "fb.2.1790000000123.IwAR0aBcD.AQYBAQAA", "fb.2.1790000000123.IwAR0aBcD.AQYBAQAA"),
    ("fbp", "fb.1.1790000000123.1098115397", "fb.1.1790000000123.1098115397"),
    ("lead_id", "1234567890123456", "1234567890123456"),
    ("lead_id", "١٢٣٤٥٦٧٨٩٠١٢٣٤٥", "123456789012345"),
    ("ctwa_clid", "ARAbC-dEf_0123456789xyzXYZ", "ARAbC-dEf_0123456789xyzXYZ"),
    ("madid", "38400000-8cf0-11bd-b23e-10b96e40000d", "38400000-8cf0-11bd-b23e-10b96e40000d"),
    ("page_scoped_user_id", " 7264519870231 ", "7264519870231"),
]
# fmt: on


@pytest.mark.parametrize(("field", "raw", "expected"), HASHED)
def test_a_value_is_hashed_in_the_form_meta_matches(field: str, raw: str, expected: str) -> None:
    result = normalise(field, raw)
    assert (result.normalised, result.sha256, result.dropped) == (expected, sha256(expected), None)


@pytest.mark.parametrize(("field", "raw", "reason"), DROPPED)
def test_junk_is_dropped_with_a_reason(field: str, raw: str, reason: str) -> None:
    result = normalise(field, raw)
    assert (result.normalised, result.sha256) == (None, None)
    assert reason in (result.dropped or "")


@pytest.mark.parametrize(("field", "raw", "expected"), PASSED)
def test_an_identifier_meta_wants_unhashed_passes(field: str, raw: str, expected: str) -> None:
    result = normalise(field, raw)
    assert (result.normalised, result.sha256, result.dropped) == (expected, None, None)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 0, 201007654321, 1.5, [], ["a@b.com"], {}, b"a@b.com"),
        *("", "  ", "\u200b\u200f", "a\0b", "\ud800", "fb.1.1790000000123.\udfff"),
        *("x" * 1_000_000, "9" * 1_000_000, "@" * 1_000_000),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_what_is_no_usable_text_is_dropped_and_never_raises(field: str, value: object) -> None:
    result = normalise(field, value)
    assert result.dropped
    assert (result.normalised, result.sha256) == (None, None)


@given(field=st.sampled_from(FIELDS), value=st.text(st.characters(), max_size=80))
def test_any_text_is_either_kept_or_dropped(field: str, value: str) -> None:
    result = normalise(field, value)
    assert (result.dropped is None) == (result.normalised is not None or result.sha256 is not None)
    assert result.sha256 != OF_NOTHING
    if result.normalised is not None and field in HASHED_FIELDS:
        assert result.sha256 == sha256(result.normalised)


WORDS = st.text(st.characters(categories=["L", "M", "Nd", "P", "Zs", "Cf", "S"]), min_size=1, max_size=20)
LIKELY = st.sampled_from([(field, raw) for field, raw, _ in HASHED + PASSED])


@given(st.one_of(LIKELY, st.tuples(st.sampled_from(FIELDS), WORDS)))
def test_normalising_twice_changes_nothing(field_and_raw: tuple[str, str]) -> None:
    field, raw = field_and_raw
    once = normalise(field, raw)
    if once.normalised is not None:
        assert normalise(field, once.normalised) == once


@given(
    field=st.sampled_from(sorted(HASHED_FIELDS)),
    digest=st.binary(min_size=40).map(lambda data: hashlib.sha256(data).hexdigest()),
    appendix=st.sampled_from(["", ".AQYBAQAA"]),
)
def test_a_hash_is_never_hashed_again(field: str, digest: str, appendix: str) -> None:
    for written in (digest, digest.upper(), f" {digest}\n"):
        result = normalise(field, written.strip() + appendix)
        assert (result.normalised, result.sha256, result.dropped) == (None, digest + appendix, None)


@pytest.mark.parametrize("placeholder", sorted({*PLACEHOLDERS, " ", "0"}))
def test_the_hash_of_a_placeholder_is_dropped(placeholder: str) -> None:
    result = normalise("em", hashlib.sha256(placeholder.encode()).hexdigest())
    assert (result.sha256, bool(result.dropped)) == (None, True)


PREFIXES = st.sampled_from(["0", "+20", "+20 ", "0020", "00 20 ", "+20 (0)", "+200", "20", "2 0", "002 0", ""])
DIGITS = st.sampled_from(["0123456789", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹"])
FRAMES = st.sampled_from(["{}", " {} ", "\u200e{}", "\u202a{}\u202c", "\u2066{}\u2069", "tel: {}"])


@given(
    operator=st.sampled_from(["10", "11", "12", "15"]),
    subscriber=st.from_regex(r"[0-9]{8}", fullmatch=True),
    gap=st.sampled_from(["", " ", "-", ".", "\u00a0", "/"]),
    prefix=PREFIXES,
    digits=DIGITS,
    frame=FRAMES,
)
def test_an_egyptian_mobile_is_one_number_however_it_is_typed(
    operator: str, subscriber: str, gap: str, prefix: str, digits: str, frame: str
) -> None:
    typed = f"{prefix}{operator}{subscriber[:1]}{gap}{subscriber[1:4]}{gap}{subscriber[4:]}"
    typed = frame.format(typed.translate(str.maketrans("0123456789", digits)))
    assert phone_e164_digits(typed) == f"20{operator}{subscriber}"


@given(st.text(st.sampled_from("أإآابتثجحخدذرزسشصضطظعغفقكلمنهويىةئؤء"), min_size=1, max_size=12), st.data())
def test_arabic_vowel_signs_and_tatweel_do_not_change_the_person(letters: str, data: st.DataObject) -> None:
    assume(letters not in PLACEHOLDERS)
    signs = st.sampled_from(["", "\u064e", "\u064f", "\u0650", "\u0651\u064e", "\u0652", "\u064b", "ـ", "\u200f"])
    written = "".join(letter + data.draw(signs) for letter in letters)
    assert normalise("fn", written).normalised == unicodedata.normalize("NFC", letters)


def test_a_phone_without_country_code_belongs_to_the_region() -> None:
    assert phone_e164_digits("0557654321", "SA") == "966557654321"
    assert phone_e164_digits("0557654321", "EG") == "20557654321"  # the same digits are a landline in Zagazig
    assert phone_e164_digits("+201007654321", "SA") == "201007654321"
    assert phone_e164_digits("01007654321", "nowhere") is None


def test_an_email_can_be_had_alone() -> None:
    assert normalise_email(" Hany@Example.net ") == "hany@example.net"
    assert normalise_email("hany") is None


def test_a_birth_date_in_the_future_is_junk() -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=2)
    assert normalise("db", tomorrow.isoformat()).dropped == "not a plausible date of birth"


def test_the_persons_country_decides_how_state_and_postcode_are_read() -> None:
    assert normalise("st", "Florida", country="US").normalised == "fl"
    assert normalise("st", "Florida", country="uy").normalised == "florida"
    assert normalise("st", "Cairo", country="us").dropped == "not a state of the United States"
    assert normalise("zp", "12345-6789", country="sa").normalised == "123456789"


def test_user_data_is_ready_for_meta() -> None:
    user_data, dropped = hash_user_data(
        {
            "em": ["Hany@Example.net", "hany@example.net", "not one"],
            "ph": "01007654321",
            "fn": "هاني",
            "country": "KSA",
            "zp": "12345-6789",
            "ln": "",
            "ge": None,
            "external_id": sha256("buyer-7"),
            "fbc": "fb.1.1790000000123.IwAR0aBc",
            "client_ip_address": "10.0.0.1",
            "fbp": ["fb.1.1790000000123.1098115397"],
            "nickname": "hanno",
        }
    )
    assert user_data == {
        "em": [sha256("hany@example.net")],
        "ph": [sha256("201007654321")],
        "fn": [sha256("هاني")],
        "country": [sha256("sa")],
        "zp": [sha256("123456789")],
        "external_id": [sha256("buyer-7")],
        "fbc": "fb.1.1790000000123.IwAR0aBc",
    }
    assert dropped == {
        "em": "not an e-mail address",
        "ln": "empty",
        "client_ip_address": "a private address",
        "fbp": "not text",
        "nickname": "not a field of Meta's user data",
    }


def test_several_phones_keep_their_order() -> None:
    user_data, _ = hash_user_data({"ph": ["01117654321", "01007654321", "+20 111 765 4321"]})
    assert user_data["ph"] == [sha256("201117654321"), sha256("201007654321")]
