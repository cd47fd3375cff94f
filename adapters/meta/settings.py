"""Rules of Meta that its pages leave open or that nobody could verify: each is a setting with its default."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MetaSettings:
    """How to read Meta where Meta does not say, or says two things.

    `instagram_business_field`: the guide of business messaging calls the business's id on Instagram
    `instagram_business_account_id`, the page of customer information `ig_account_id`.
    `listing_content_type`: catalogues of homes are said to want this content type.
    `website_needs_user_agent`: demanded by the documentation; the live API took website events without it.
    `future_tolerance_s`: how far ahead of our clock an event may lie, in seconds; Meta publishes none.
    `most_custom_fields`, `longest_custom_name`, `longest_custom_text`: Graph refuses "too many parameters" (105)
    without a figure; these, in characters, are far above anything a table of ours writes.
    """

    instagram_business_field: str = "instagram_business_account_id"
    listing_content_type: str = "home_listing"
    website_needs_user_agent: bool = True
    future_tolerance_s: float = 60.0
    most_custom_fields: int = 100
    longest_custom_name: int = 100
    longest_custom_text: int = 2_000


DEFAULTS = MetaSettings()
