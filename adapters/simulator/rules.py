"""Every rule an event must pass, in one table; the first one broken refuses the whole request.

Sources: Meta, *Using the Conversions API*, *Server event parameters*, *Customer information parameters*
and *Conversions API for business messaging*, checked in November 2026.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.simulator import custom_data_rules as custom
from adapters.simulator import messaging_rules as messaging
from adapters.simulator import user_data_rules as user
from adapters.simulator.context import Context, Event
from adapters.simulator.refusals import BAD_TIME, MALFORMED, MISSING_FIELD, TOO_OLD, Refusal, invalid
from adapters.simulator.vocabulary import (
    ACTION_SOURCES,
    EVENT_FIELDS,
    MAX_AGE_IN_STORE_S,
    MAX_AGE_S,
    MAX_EVENT_NAME_LENGTH,
    MILLISECONDS_FROM,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One check, and whether Meta was seen to accept what it refuses.

    A `strict_only` rule refuses in strict mode and becomes a warning in the answer's `messages` otherwise:
    it stands in Meta's documentation but not in its observed behaviour, or guards against silent loss.
    """

    check: Callable[[Event, Context], Refusal | None]
    strict_only: bool = False


def event_has_a_name(event: Event, context: Context) -> Refusal | None:
    """`event_name` is a text of 1 to 50 characters, standard or custom."""
    name = event.get("event_name")
    if not isinstance(name, str) or not name.strip():
        return invalid(MISSING_FIELD, "Missing event name", "event_name must be a non-empty text")
    if len(name) > MAX_EVENT_NAME_LENGTH:
        return invalid(
            MALFORMED, "Event name too long", f"event_name is longer than {MAX_EVENT_NAME_LENGTH} characters"
        )
    return None


def action_source_is_known(event: Event, context: Context) -> Refusal | None:
    """`action_source` is one of Meta's nine."""
    source = event.get("action_source")
    if source is None:
        return invalid(MISSING_FIELD, "Missing action source", "action_source is required")
    if not isinstance(source, str) or source not in ACTION_SOURCES:
        return invalid(MALFORMED, "Invalid action source", "action_source is not one of Meta's values")
    return None


def event_time_is_in_seconds(event: Event, context: Context) -> Refusal | None:
    """`event_time` is an integer of unix seconds, not milliseconds."""
    time = event.get("event_time")
    if type(time) is not int:  # bool is an int to isinstance, not to Meta
        return invalid(BAD_TIME, "Invalid event time", "event_time must be an integer of unix seconds")
    if time >= MILLISECONDS_FROM:
        return invalid(BAD_TIME, "Invalid event time", "event_time is in milliseconds; Meta expects seconds")
    return None


def event_time_is_not_too_old(event: Event, context: Context) -> Refusal | None:
    """At most 7 days old, 62 for `physical_store`."""
    limit = MAX_AGE_IN_STORE_S if event["action_source"] == "physical_store" else MAX_AGE_S
    if context.now - event["event_time"] > limit:
        return invalid(TOO_OLD, "Event Timestamp Too Old", f"event_time is older than {limit // 86_400} days")
    return None


def event_time_is_not_in_the_future(event: Event, context: Context) -> Refusal | None:
    """Not later than now; Meta does not publish its tolerance, so ours is a setting."""
    if event["event_time"] - context.now > context.future_tolerance_s:
        return invalid(BAD_TIME, "Event Timestamp In The Future", "event_time lies in the future")
    return None


def event_id_is_text(event: Event, context: Context) -> Refusal | None:
    """`event_id` may be absent, but is a non-empty text where present."""
    event_id = event.get("event_id", "absent")
    if not isinstance(event_id, str) or not event_id:
        return invalid(MALFORMED, "Invalid event id", "event_id must be a non-empty text")
    return None


def only_known_fields(event: Event, context: Context) -> Refusal | None:
    """No field Meta does not know: it would be ignored without a word."""
    if event.keys() <= EVENT_FIELDS:
        return None
    unknown = ", ".join(sorted(event.keys() - EVENT_FIELDS))
    return invalid(MALFORMED, "Unknown event field", f"unknown field: {unknown}")


def optional_fields_have_their_kinds(event: Event, context: Context) -> Refusal | None:
    """`opt_out` is a truth value, `referrer_url` a text, `original_event_data` and the like are objects."""
    for field, kind in _KINDS.items():
        if field in event and not isinstance(event[field], kind):
            return invalid(MALFORMED, "Invalid event field", f"{field} must be a {kind.__name__}")
    return None


_KINDS: dict[str, type] = {
    "opt_out": bool,
    "referrer_url": str,
    "original_event_data": dict,
    "attribution_data": dict,
}


def website_names_its_page(event: Event, context: Context) -> Refusal | None:
    """A website event carries `event_source_url`, an http address."""
    if event["action_source"] != "website":
        return None
    url = event.get("event_source_url")
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        return invalid(
            MISSING_FIELD, "Missing event source URL", "website events need event_source_url (http or https)"
        )
    return None


def website_names_its_browser(event: Event, context: Context) -> Refusal | None:
    """A website event carries `client_user_agent`. Documented; the live API accepted events without it."""
    if event["action_source"] != "website" or event["user_data"].get("client_user_agent"):
        return None
    return invalid(MISSING_FIELD, "Missing user agent", "website events need user_data.client_user_agent")


def app_describes_its_device(event: Event, context: Context) -> Refusal | None:
    """An app event carries both tracking flags and 16 items of `extinfo`, the first `a2` or `i2`."""
    if event["action_source"] != "app":
        return None
    app = event.get("app_data")
    extinfo = app.get("extinfo") if isinstance(app, dict) else None
    if (
        isinstance(app, dict)
        and app.get("advertiser_tracking_enabled") in (0, 1)
        and app.get("application_tracking_enabled") in (0, 1)
        and isinstance(extinfo, list)
        and len(extinfo) == 16
        and extinfo[0] in ("a2", "i2")
    ):
        return None
    return invalid(
        MISSING_FIELD,
        "Missing app data",
        "app events need app_data: both tracking flags and 16 items of extinfo",
    )


def limited_data_use_is_complete(event: Event, context: Context) -> Refusal | None:
    """`data_processing_options` is `[]` or `["LDU"]`, the latter with country and state."""
    options = event.get("data_processing_options")
    if options is None or options == []:
        return None
    country = event.get("data_processing_options_country")
    state = event.get("data_processing_options_state")
    state_known = type(state) is int and (state == 0 or 1_000 <= state < 1_100)  # 0 asks Meta to locate
    if options == ["LDU"] and type(country) is int and country in (0, 1) and state_known:
        return None
    return invalid(MALFORMED, "Invalid data processing options", 'use [] or ["LDU"] with country 0 or 1 and a state')


# The order matters: a rule may rely on the shapes that rules above it have checked.
RULES: tuple[Rule, ...] = (
    Rule(event_has_a_name),
    Rule(action_source_is_known),
    Rule(event_time_is_in_seconds),
    Rule(event_time_is_not_too_old),
    Rule(event_time_is_not_in_the_future),
    Rule(event_id_is_text),
    Rule(only_known_fields, strict_only=True),
    Rule(optional_fields_have_their_kinds, strict_only=True),
    Rule(limited_data_use_is_complete),
    Rule(user.user_data_is_an_object),
    Rule(user.only_known_identifiers, strict_only=True),
    Rule(user.no_identifier_is_empty),
    Rule(user.lead_id_is_15_to_17_digits),
    Rule(user.personal_fields_are_sha256),
    Rule(user.no_hash_of_nothing),
    Rule(user.plain_fields_are_not_hashed),
    Rule(user.external_id_is_text),
    Rule(user.click_and_browser_ids_are_well_formed, strict_only=True),
    Rule(user.ip_address_is_an_address, strict_only=True),
    Rule(messaging.channel_is_known),
    Rule(messaging.channel_only_for_messaging, strict_only=True),
    Rule(messaging.event_is_allowed),
    Rule(messaging.dataset_matches_channel),
    Rule(messaging.ids_fit_the_dataset),
    Rule(messaging.identifiers_are_present),
    Rule(user.customer_information_is_enough),
    Rule(custom.custom_data_is_an_object),
    Rule(custom.purchase_has_value_and_currency),
    Rule(custom.numbers_are_numbers),
    Rule(custom.amounts_are_not_negative, strict_only=True),
    Rule(custom.currency_is_known),
    Rule(custom.value_has_a_currency, strict_only=True),
    Rule(custom.contents_are_identified),
    Rule(custom.content_ids_are_a_list, strict_only=True),
    Rule(custom.choices_are_known, strict_only=True),
    Rule(custom.custom_data_is_not_too_large, strict_only=True),
    Rule(custom.crm_stage_is_complete, strict_only=True),
    Rule(website_names_its_page, strict_only=True),
    Rule(website_names_its_browser, strict_only=True),
    Rule(app_describes_its_device, strict_only=True),
)
_CHECKS = tuple((rule.check, rule.strict_only) for rule in RULES)


def check_events(events: Sequence[Any], context: Context) -> tuple[Refusal | None, list[str]]:
    """Return the first refusal, if any, and the warnings gathered before it.

    The refusal's message starts with the zero-based place of the guilty event.
    """
    warnings: list[str] = []
    for place, event in enumerate(events):
        if not isinstance(event, dict):
            return invalid(MALFORMED, "Invalid event", f"event {place}: an event must be an object"), warnings
        for check, strict_only in _CHECKS:
            refusal = check(event, context)
            if refusal is None:
                continue
            message = f"event {place}: {refusal.message}"
            if context.strict or not strict_only:
                return Refusal(refusal.code, refusal.subcode, refusal.title, message), warnings
            warnings.append(message)
    return None, warnings
