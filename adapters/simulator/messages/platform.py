"""What the messaging platforms answer to a call: credentials, then planned faults, then the channel's own ways.

Every call goes the same way, whatever the channel; `take_whatsapp` and `take_social` are the two that differ.
"""

import hashlib
import hmac
from typing import Any

from starlette.responses import Response

from adapters.simulator.answers import HALF_AN_ANSWER, WEB_PAGE, CutConnection, json_answer, new_trace_id
from adapters.simulator.call import Call
from adapters.simulator.datasets import NO_SUCH_OBJECT, PROOF_INVALID, PROOF_MISSING, TOKEN_INVALID, TOKEN_MISSING
from adapters.simulator.faults import TOKEN_EXPIRED, PlannedOutcome
from adapters.simulator.messages.accounts import Account
from adapters.simulator.messages.errors import Channel, planned_refusal, told
from adapters.simulator.messages.ground import Ground, Told
from adapters.simulator.messages.social import take_social
from adapters.simulator.messages.whatsapp import take_whatsapp
from adapters.simulator.refusals import Refusal
from adapters.simulator.vocabulary import SUPPORTED_VERSIONS

ROUTE = "messages"
"""The name under which faults are planned for every account's messages at once."""
VERSION_REFUSED = Refusal(
    2635, None, "Unsupported version", "(#2635) Call a supported version: " + ", ".join(sorted(SUPPORTED_VERSIONS))
)
_AFTER_PROCESSING = frozenset({"server_error_after_processing", "lost_after_processing", "bad_json", "html"})


class Messaging(Ground):
    """WhatsApp, Messenger, Instagram and 360dialog, with a memory that can be asked and a temper that can be set."""

    async def send(self, version: str | None, account_id: str, call: Call, key: str | None = None) -> Response:
        """Answer `POST /{version}/{account}/messages`, and 360dialog's `POST /messages` (no version, a key)."""
        account = self.accounts.get(account_id)
        channel: Channel = account.channel if account else _channel_of(call)
        trace_id = new_trace_id()
        fate = self.faults.of(account_id, ROUTE)
        planned = fate.draw()
        if planned.outcome == "lost_before_processing":
            self.record.count(planned.outcome)
            return CutConnection()
        refusal = self.refuse_caller(version, account_id, call, key)
        if refusal is None:
            fate.spend()
            refusal = None if planned.outcome in _AFTER_PROCESSING else planned_refusal(planned, channel)
        if refusal is None:
            assert account is not None
            taken = _take(self, account_id, account, dict(call.parameters))
            if not isinstance(taken, Refusal):
                return await self._answer(account_id, channel, taken, planned, trace_id)
            refusal = taken
        self.record.refuse(refusal)
        if planned.outcome == "lost_after_processing":
            return CutConnection()
        headers = fate.usage_headers(account_id) if planned.outcome == "throttle" else None
        return json_answer(told(refusal, channel, trace_id), refusal.status, headers)

    def refuse_caller(
        self, version: str | None, account_id: str, call: Call, key: str | None = None, *, proved: bool = True
    ) -> Refusal | None:
        """Return why this caller may not use this account, None where they may.

        Not `proved` is a download: its address is not Graph's and takes the token alone.
        """
        account = self.accounts.get(account_id)
        if key is not None:
            return None if account and not self._is_dead(account_id, account, key) else TOKEN_EXPIRED
        if version not in SUPPORTED_VERSIONS:
            return VERSION_REFUSED
        if call.refusal or not call.token:
            return call.refusal or TOKEN_MISSING
        if account is None or account.provider != "meta":
            return TOKEN_EXPIRED if self.faults.of(account_id, ROUTE).is_dead(call.token) else NO_SUCH_OBJECT
        if self._is_dead(account_id, account, call.token):
            return TOKEN_EXPIRED
        expected = account.token
        if call.token != expected if expected is not None else not self.settings.accept_any_token:
            return TOKEN_INVALID
        return _refuse_proof(account, call) if proved else None

    def _is_dead(self, account_id: str, account: Account, token: str) -> bool:
        return account.dead_token or self.faults.of(account_id, ROUTE).is_dead(token)

    async def _answer(
        self, account_id: str, channel: Channel, taken: Told, planned: PlannedOutcome, trace_id: str
    ) -> Response:
        """Send what follows, and answer, or do what a fault makes of the answer once the work is done."""
        if taken.message is not None and planned.outcome != "ok":
            taken.message.answer = planned.outcome
        hook, bodies = self.hook_of(account_id), taken.hooks
        if hook.before_answer and bodies:
            await self.sender.now(hook, bodies[0])
            bodies = bodies[1:]
        self.sender.later(hook, bodies)
        match planned.outcome:
            case "lost_after_processing":
                return CutConnection()
            case "bad_json":
                return Response(HALF_AN_ANSWER, media_type="application/json")
            case "html":
                return Response(WEB_PAGE, media_type="text/html")
            case "server_error_after_processing":
                refusal = planned_refusal(planned, channel)
                assert refusal is not None
                return json_answer(told(refusal, channel, trace_id), refusal.status)
            case _:
                return json_answer(taken.content)


def _take(ground: Ground, account_id: str, account: Account, body: dict[str, Any]) -> Told | Refusal:
    for field in ("access_token", "appsecret_proof"):
        body.pop(field, None)
    take = take_whatsapp if account.channel == "whatsapp" else take_social
    return take(ground, account_id, account, body)


def _channel_of(call: Call) -> Channel:
    return "whatsapp" if call.parameters.get("messaging_product") == "whatsapp" else "messenger"


def _refuse_proof(account: Account, call: Call) -> Refusal | None:
    if account.app_secret is None:
        return None
    proof = call.text("appsecret_proof")
    if proof is None:
        return PROOF_MISSING
    expected = hmac.new(account.app_secret.encode(), str(call.token).encode(), hashlib.sha256).hexdigest()
    return None if hmac.compare_digest(expected.encode(), proof.encode()) else PROOF_INVALID
