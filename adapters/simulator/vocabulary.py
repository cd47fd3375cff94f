"""The closed lists of Meta's Conversions API: names, fields, enumerations and limits to check against."""

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SUPPORTED_VERSIONS: Final = frozenset(f"v{major}.0" for major in range(21, 27))

MAX_EVENTS_PER_REQUEST: Final = 1_000
MAX_EVENT_NAME_LENGTH: Final = 50
DAY_S: Final = 86_400
MAX_AGE_S: Final = 7 * DAY_S
MAX_AGE_IN_STORE_S: Final = 62 * DAY_S
DEDUPE_WINDOW_S: Final = 48 * 3_600
DEDUPE_WINDOW_IN_STORE_S: Final = 7 * DAY_S
MAX_CUSTOM_FIELDS: Final = 100  # Graph has a limit ("too many parameters") and names no figure: these three are ours
MAX_CUSTOM_NAME_LENGTH: Final = 100
MAX_CUSTOM_TEXT_LENGTH: Final = 2_000
MILLISECONDS_FROM: Final = 100_000_000_000  # as seconds this is the year 5138; as milliseconds, 1973

REQUEST_PARAMETERS: Final = _words(
    # Meta's own parameters of the call, then those every Graph call takes.
    "data test_event_code partner_agent namespace_id upload_id upload_tag upload_source platforms progress "
    "trace access_token appsecret_proof appsecret_time fields format locale debug pretty method"
)

EVENT_FIELDS: Final = _words(
    "event_name event_time event_id event_source_url referrer_url action_source user_data custom_data "
    "app_data opt_out data_processing_options data_processing_options_country data_processing_options_state "
    "messaging_channel customer_segmentation attribution_data original_event_data advanced_measurement_table "
    "advertiser_tracking_enabled"
)

ACTION_SOURCES: Final = _words(
    "email website app phone_call chat physical_store system_generated business_messaging other"
)

HASHED_FIELDS: Final = _words("em ph fn ln fi f5first f5last db dobd dobm doby ge ct st zp country")
PLAIN_FIELDS: Final = _words(
    "client_ip_address client_user_agent fbc fbp subscription_id fb_login_id lead_id anon_id madid page_id "
    "page_scoped_user_id ctwa_clid ig_account_id ig_sid whatsapp_business_account_id "
    "instagram_business_account_id"
)
USER_DATA_FIELDS: Final = HASHED_FIELDS | PLAIN_FIELDS | {"external_id"}  # hashing external_id is optional

# Customer information made only of these is too weak to match anyone.
WEAK_COMBINATIONS: Final = (
    frozenset({"ct", "country", "st", "zp", "ge", "client_user_agent"}),
    frozenset({"db", "client_user_agent"}),
    frozenset({"fn", "ge"}),
    frozenset({"ln", "ge"}),
)

SHA256_OF_NOTHING: Final = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

MESSAGING_EVENTS: Final = _words(
    "Purchase LeadSubmitted InitiateCheckout AddToCart ViewContent OrderCreated OrderShipped OrderDelivered "
    "OrderCanceled OrderReturned CartAbandoned QualifiedLead RatingProvided ReviewProvided"
)

# Per channel, the identifiers an event must carry; of each group one is enough, because
# Meta's own pages disagree on the name of Instagram's account id.
MESSAGING_IDENTIFIERS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "whatsapp": (("whatsapp_business_account_id",), ("ctwa_clid",)),
    "messenger": (("page_id",), ("page_scoped_user_id",)),
    "instagram": (("instagram_business_account_id", "ig_account_id"), ("ig_sid",)),
}
MESSAGING_DATASET_KINDS: Final = {"whatsapp": "waba", "messenger": "page", "instagram": "instagram"}
DATASET_NODE_FIELDS: Final = _words(
    "id name creation_time last_fired_time is_unavailable is_created_by_business code data_use_setting "
    "enable_automatic_matching owner_business owner_ad_account can_proxy"
)

CUSTOM_DATA_CHOICES: Final[dict[str, frozenset[str]]] = {
    "delivery_category": frozenset({"in_store", "curbside", "home_delivery"}),
    "availability": frozenset(
        {"available_soon", "for_rent", "for_sale", "off_market", "recently_sold", "sale_pending"}
    ),
    "property_type": frozenset({"apartment", "condo", "house", "land", "manufactured", "other", "townhouse"}),
    "listing_type": _words(
        "for_rent_by_agent for_rent_by_owner for_sale_by_agent for_sale_by_owner foreclosed new_construction "
        "new_listing"
    ),
}
CUSTOM_DATA_NUMBERS: Final = ("value", "predicted_ltv", "net_revenue", "num_items")
CRM_STAGE_KEYS: Final = _words("lead_id em ph")  # a stage of a lead is matched by one of these

CURRENCIES: Final = _words(  # ISO 4217, the codes in circulation
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD "
    "CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD "
    "GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT "
    "LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR "
    "NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP "
    "STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF "
    "XCG XPF YER ZAR ZMW ZWG"
)
