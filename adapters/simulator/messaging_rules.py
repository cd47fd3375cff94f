"""Rules of events that happened in WhatsApp, Messenger or Instagram conversations."""

from adapters.simulator.context import Context, Event
from adapters.simulator.refusals import (
    DATASET_NEEDS_PAGE,
    DATASET_NOT_WHATSAPP,
    MALFORMED,
    MESSAGING_EVENT_NOT_ALLOWED,
    MESSAGING_IDS_MISSING,
    MISSING_FIELD,
    Refusal,
    invalid,
)
from adapters.simulator.vocabulary import (
    MESSAGING_DATASET_KINDS,
    MESSAGING_EVENTS,
    MESSAGING_IDENTIFIERS,
)


def _is_messaging(event: Event) -> bool:
    return bool(event["action_source"] == "business_messaging")


def channel_is_known(event: Event, context: Context) -> Refusal | None:
    """A business messaging event names its channel: whatsapp, messenger or instagram."""
    if not _is_messaging(event):
        return None
    channel = event.get("messaging_channel")
    if isinstance(channel, str) and channel in MESSAGING_IDENTIFIERS:
        return None
    return invalid(
        MISSING_FIELD,
        "Missing messaging channel",
        "messaging_channel must be whatsapp, messenger or instagram",
    )


def channel_only_for_messaging(event: Event, context: Context) -> Refusal | None:
    """`messaging_channel` belongs to business messaging alone."""
    if _is_messaging(event) or "messaging_channel" not in event:
        return None
    return invalid(MALFORMED, "Unexpected messaging channel", "messaging_channel needs business_messaging")


def event_is_allowed(event: Event, context: Context) -> Refusal | None:
    """Only a short list of names is taken; `Lead`, `Schedule`, `Contact` and custom names are not on it."""
    if not _is_messaging(event) or event["event_name"] in MESSAGING_EVENTS:
        return None
    return invalid(
        MESSAGING_EVENT_NOT_ALLOWED,
        "Messaging Event Invalid Event Type",
        "event_name is not allowed for business_messaging",
    )


def dataset_matches_channel(event: Event, context: Context) -> Refusal | None:
    """A conversation's dataset belongs to the same Page, WhatsApp or Instagram account as the conversation.

    Meta names two mismatches: WhatsApp ids sent to another kind of dataset, and Page ids sent to a dataset
    that has no Page. A dataset registered without a kind is not checked.
    """
    if not _is_messaging(event) or context.dataset_kind is None:
        return None
    channel = event["messaging_channel"]
    if MESSAGING_DATASET_KINDS[channel] == context.dataset_kind:
        return None
    if channel == "whatsapp":
        return invalid(
            DATASET_NOT_WHATSAPP,
            "Dataset is not linked to WhatsApp",
            "a WhatsApp Business Account id was sent to a dataset of another kind",
        )
    return invalid(
        DATASET_NEEDS_PAGE,
        "Dataset is not linked to the Page",
        "a Page or Instagram id was sent to a dataset of another kind",
    )


def ids_fit_the_dataset(event: Event, context: Context) -> Refusal | None:
    """A WhatsApp dataset takes no Page's id, a website's no WhatsApp account's, whatever the event's source."""
    data = event["user_data"]
    if context.dataset_kind == "waba" and "page_id" in data:
        return invalid(DATASET_NEEDS_PAGE, "Dataset is not linked to the Page", "this dataset has no Page")
    if context.dataset_kind == "website" and "whatsapp_business_account_id" in data:
        return invalid(DATASET_NOT_WHATSAPP, "Dataset is not linked to WhatsApp", "this dataset is a website's")
    return None


def identifiers_are_present(event: Event, context: Context) -> Refusal | None:
    """Each channel asks for the business's id and the person's id in that channel."""
    if not _is_messaging(event):
        return None
    data = event["user_data"]
    for alternatives in MESSAGING_IDENTIFIERS[event["messaging_channel"]]:
        if not any(field in data for field in alternatives):
            return invalid(
                MESSAGING_IDS_MISSING,
                "Missing messaging identifier",
                f"user_data needs {' or '.join(alternatives)} for this messaging_channel",
            )
    return None
