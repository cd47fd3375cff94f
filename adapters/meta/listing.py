"""A property as Meta's real-estate fields: what is not in Meta's lists is left out, never made up."""

from collections.abc import Mapping
from math import inf
from typing import Any, Final, TypeGuard

from adapters.meta.normalise_text import look_up_key, words

AVAILABILITIES: Final = words("available_soon for_rent for_sale off_market recently_sold sale_pending")
LISTING_TYPES: Final = words(
    "for_rent_by_agent for_rent_by_owner for_sale_by_agent for_sale_by_owner foreclosed new_construction new_listing"
)
PROPERTY_TYPES: Final = words("apartment condo house land manufactured other townhouse")

# Words of the Egyptian market → Meta's seven. A duplex or a chalet is none of Meta's, and no apartment either.
# fmt: off
_SAID: Final = {
    "apartment":    "apartment flat studio loft penthouse serviced-apartment hotel-apartment"
                    " شقة ستوديو استوديو روف بنتهاوس",
    "condo":        "condo condominium",
    "house":        "house home villa stand-alone standalone standalone-villa stand-alone-villa mansion palace cottage"
                    " detached-house فيلا فيلا-مستقلة بيت منزل قصر",
    "townhouse":    "townhouse town-house twin-house twinhouse twin-villa row-house تاون-هاوس توين-هاوس",
    "land":         "land plot lot farm أرض ارض قطعة-أرض مزرعة",
    "manufactured": "manufactured mobile-home prefabricated",
    "other":        "other duplex triplex chalet cabin i-villa whole-building building room office shop store retail"
                    " clinic warehouse factory commercial دوبلكس شاليه عمارة مبنى غرفة مكتب محل عيادة مخزن مصنع",
}
# fmt: on
_TYPES: Final = {look_up_key(word): ours for ours, words in _SAID.items() for word in words.split()}

_NAMED: Final = {  # our field → Meta's, taken as it is
    "name": "content_name",
    "city": "city",
    "neighborhood": "neighborhood",
    "region": "region",
    "country": "country",
    "postal_code": "postal_code",
}


def property_type(said: object) -> str | None:
    """Return Meta's word for a kind of property in English or Arabic, None where it has none."""
    key = look_up_key(said) if isinstance(said, str) else ""
    return _TYPES.get(key) or _TYPES.get(key.removesuffix("s"))


def listing_fields(listing: Mapping[str, Any], currency: str | None, content_type: str) -> dict[str, Any]:
    """Return the fields of `custom_data` that describe a property.

    Its price goes into `contents` where it is in the event's `currency`, which is the currency of all amounts of an
    event; another currency would make it a wrong price.
    """
    fields: dict[str, Any] = {ours: listing[name] for name, ours in _NAMED.items() if listing.get(name)}
    choices = {
        "property_type": property_type(listing.get("property_type")),
        "listing_type": _one_of(LISTING_TYPES, listing.get("listing_type")),
        "availability": _one_of(AVAILABILITIES, listing.get("availability")),
    }
    fields |= {name: choice for name, choice in choices.items() if choice is not None}
    if property_id := listing.get("property_id"):
        fields |= {"content_ids": [str(property_id)], "content_type": content_type}
        price = listing.get("price")
        if is_amount(price) and listing.get("currency") == currency:
            fields["contents"] = [{"id": str(property_id), "quantity": 1, "item_price": price}]
    return fields


def preference_fields(preferences: Mapping[str, Any]) -> dict[str, Any]:
    """Return what somebody looks for as Meta's preferred ranges: `[least, most]`, nothing where no most is known."""
    fields: dict[str, Any] = {}
    for name in ("price", "beds", "baths"):
        least, most = preferences.get(f"{name}_min"), preferences.get(f"{name}_max")
        if is_amount(most) and (least is None or (is_amount(least) and least <= most)):
            fields[f"preferred_{name}_range"] = [least or 0, most]  # no least is what somebody says who looks from 0 up
    wanted = preferences.get("neighborhoods")
    if isinstance(wanted, list | tuple) and (named := [one for one in wanted if isinstance(one, str) and one]):
        fields["preferred_neighborhoods"] = named
    return fields


def is_amount(value: Any) -> TypeGuard[int | float]:
    """Say whether this is a finite number of zero or more; a truth value is none."""
    return type(value) in (int, float) and 0 <= value < inf


def _one_of(choices: frozenset[str], said: object) -> str | None:
    return said if isinstance(said, str) and said in choices else None
