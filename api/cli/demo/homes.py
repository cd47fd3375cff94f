"""The homes on offer in the demo: believable ones around Cairo and the coasts, none of them real."""

from dataclasses import dataclass
from typing import Any, Literal

TourKind = Literal["virtual_3d", "realsee", "video"]


@dataclass(frozen=True, slots=True)
class Home:
    """A property with its tour; `price` in Egyptian pounds, `rooms` as the tour player labels them."""

    id: str
    tour_kind: TourKind
    property_type: str
    location: str
    price: int
    rooms: tuple[str, ...]

    @property
    def listing(self) -> dict[str, Any]:
        """What the brokerage's stock says of it, as a touchpoint tells it; the price in piastres."""
        kind = {"property_type": self.property_type, "listing_type": "for_sale_by_agent", "availability": "for_sale"}
        return {"price_minor": self.price * 100, "currency": "EGP", "area": self.location, "country": "EG", **kind}


@dataclass(frozen=True, slots=True)
class Let:
    """A home that is let by the night; `rate` in Egyptian pounds a night."""

    id: str
    property_type: str
    location: str
    rate: int


FLAT = ("Living room", "Kitchen", "Master bedroom", "Bedroom 2", "Bathroom", "Balcony")
VILLA = ("Hall", "Salon", "Dining room", "Kitchen", "Master bedroom", "Bedroom 2", "Bedroom 3", "Garden", "Roof")
CHALET = ("Living room", "Kitchenette", "Bedroom", "Terrace", "Pool")
SHAQQA = ("الصالة", "المطبخ", "غرفة نوم رئيسية", "غرفة نوم ٢", "الحمام", "البلكونة")
FILLA = ("المدخل", "الصالون", "السفرة", "المطبخ", "غرفة نوم رئيسية", "غرفة نوم ٢", "الجنينة", "الروف")

# fmt: off
HOMES = (
    Home("zamalek-12",      "virtual_3d", "apartment", "Zamalek",       14_500_000, FLAT),
    Home("maadi-sarayat-4", "realsee",    "apartment", "Maadi",          8_200_000, SHAQQA),
    Home("new-cairo-v7",    "virtual_3d", "villa",     "New Cairo",     32_000_000, VILLA),
    Home("zayed-beverly-3", "virtual_3d", "villa",     "Sheikh Zayed",  27_500_000, FILLA),
    Home("heliopolis-31",   "video",      "apartment", "Heliopolis",     6_400_000, FLAT),
    Home("gouna-lagoon-9",  "realsee",    "chalet",    "El Gouna",      11_800_000, CHALET),
    Home("coast-hacienda-2", "virtual_3d", "chalet",   "North Coast",   16_900_000, CHALET),
    Home("smouha-18",       "video",      "apartment", "Alexandria",     4_300_000, SHAQQA),
    Home("tagamoa-d5",      "realsee",    "duplex",    "New Cairo",     12_600_000, (*FLAT, "Family room", "Roof")),
    Home("october-palm-6",  "virtual_3d", "townhouse", "6th of October", 9_900_000, (*FLAT, "Garden")),
    Home("capital-r7-22",   "realsee",    "apartment", "New Capital",    5_100_000, SHAQQA),
    Home("dokki-nile-15",   "virtual_3d", "apartment", "Dokki",         10_700_000, (*FLAT, "Nile view")),
)
LETS = (
    Let("stay-gouna-abu-tig", "chalet",    "El Gouna",    3_400),
    Let("stay-sokhna-bay-7",  "chalet",    "Ain Sokhna",  2_200),
    Let("stay-zamalek-loft",  "apartment", "Zamalek",     1_500),
    Let("stay-sahel-marassi", "villa",     "North Coast", 5_800),
    Let("stay-alex-corniche", "apartment", "Alexandria",    900),
)
# fmt: on
