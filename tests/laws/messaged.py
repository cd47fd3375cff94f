"""What goes back and forth in threads, for the histories."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from domain.messaging.content import Content, Media
from domain.shared.fact import Fact
from tests.cast import at
from tests.cast_messaging import (
    AD,
    BASEMS,
    THREAD,
    altered,
    asked,
    echoed,
    entry,
    fetched,
    held_by,
    moved,
    rated,
    receipt,
    settled,
    signal,
    wrote,
)

seconds = st.integers(-86_400, 86_400)
entries = st.integers(1, 40).map(entry)
"""Log entries of the same history: a message, a send, or anything else."""
maybe = st.one_of(st.none(), entries)
threads = st.sampled_from([THREAD, THREAD, BASEMS])
authors, types = st.sampled_from(["assistant", "agent", "system"]), st.sampled_from(["text", "reaction"])
signals = st.sampled_from(["opted_in", "marketing_stopped", "marketing_resumed", "thread_passed"])
states = st.sampled_from(["NEW", "ACTIVE", "IDLE", "WAITING_AGENT", "CLOSED"])
photo = Content(media=Media(id="m1"))

messaged: SearchStrategy[Fact] = st.one_of(
    st.builds(
        lambda when, of, referral, standby: wrote(when, **of, referral=referral, standby=standby),
        seconds,
        st.sampled_from([{}, {"message_type": "image", "content": photo}, {"text": "how much?"}, {"problem": 131051}]),
        st.sampled_from([None, None, AD]), st.sampled_from([False, False, True]),
    ),
    st.builds(lambda when: wrote(when, text="still there?"), seconds),
    st.builds(lambda when, send, past: echoed(when, send_id=send, past=past), seconds, maybe, st.booleans()),
    st.builds(
        lambda status, when, ref, send, code: receipt(status, when, ref=ref, send_id=send, code=code),
        st.sampled_from(["sent", "delivered", "read", "played", "failed"]), seconds, entries, maybe,
        st.sampled_from([None, 131026, 131050]),
    ),
    st.builds(lambda when, to: receipt("read", when, up_to=at(to)), seconds, seconds),
    st.builds(
        lambda change, ref, when, us: altered(change, ref, when, by_us=us),
        st.sampled_from(["reacted", "unreacted", "edited", "revoked"]), entries, seconds, st.booleans(),
    ),
    st.builds(signal, signals, seconds),
    st.builds(lambda when: signal("referral", when, referral=AD), seconds),
    st.builds(
        lambda when, author, thread, reply, kind: asked(when, author, thread, reply_to=reply, message_type=kind),
        seconds, authors, threads, maybe, types,
    ),
    st.builds(
        lambda send, outcome, when, thread, ref: settled(send, outcome, when, thread, ref=ref),
        entries, st.sampled_from(["accepted", "refused", "unknown", "cancelled"]), seconds, threads, maybe,
    ),
    st.builds(held_by, st.sampled_from([None, "omar", "laila"]), st.integers(1, 5), seconds, threads),
    st.builds(moved, states, states, seconds, threads),
    st.builds(rated, st.integers(1, 5), seconds, threads),
    st.builds(fetched, entries, st.sampled_from(["kept", "failed", "infected"]), seconds, threads),
)  # fmt: skip
