"""Names of threads, and of what platforms call by names of their own."""

from functools import lru_cache
from uuid import UUID, uuid5

from domain.messaging.events import FROM_CUSTOMERS, MessageChanged, PlatformTouchpoint, Signal, SignalReceived
from domain.shared.fact import Channel, Fact

THREADS = UUID("5f2f6f0a-6c3e-5d0c-9d0b-8f7a3f0f5c11")
"""Namespace of the ids of threads, and of what is decided about them."""


SESSION = "thread-"
BETWEEN_APPLICATIONS: frozenset[Signal] = frozenset({"thread_passed", "thread_taken", "thread_requested"})


@lru_cache(maxsize=65_536)
def thread_of(brokerage_id: UUID, channel: Channel, account_id: str, subject_id: UUID) -> UUID:
    """Return the thread of one customer on one account: the same whoever computes it, and for ever.

    It goes by the subject that the facts were recorded for, so a later merge of people joins no threads.
    """
    return uuid5(THREADS, f"thread|{brokerage_id}|{channel}|{account_id}|{subject_id}")


def session_of(thread_id: UUID) -> str:
    """Return the conversation session of a thread: what is learned from its messages counts there."""
    return f"{SESSION}{thread_id}"


def thread_of_session(session_id: str) -> UUID | None:
    """Return the thread of a conversation session, None for a session of another kind."""
    if not session_id.startswith(SESSION):
        return None
    try:
        return UUID(session_id.removeprefix(SESSION))
    except ValueError:
        return None


def of_the_customer(fact: Fact) -> bool:
    """Tell whether a fact may count as something that the customer did.

    What the platforms report of us does not: echoes, receipts, our own reactions, threads passed between applications.
    """
    match fact:
        case MessageChanged(by_us=by_us):
            return not by_us
        case SignalReceived(signal=signal):
            return signal not in BETWEEN_APPLICATIONS
        case PlatformTouchpoint():
            return isinstance(fact, FROM_CUSTOMERS)
        case _:
            return True


def message_name(platform_id: str) -> str:
    """Return the producer's name of a message; with the channel as producer it makes the message's `ref`."""
    return f"message|{platform_id}"


def names_its_sends(channel: Channel) -> bool:
    """Tell whether an echo says that it is ours where it is: what travels with a message comes back with its echo.

    Instagram lets nothing travel along. An echo there may be that of our own survey after closing, or of a
    confirmation: it opens no thread that rests and answers nobody by itself. Whoever answers later reads in
    the log who spoke.
    Source: Meta, "Instagram API: messaging webhooks", whose echoes have no metadata.
    """
    return channel != "instagram"
