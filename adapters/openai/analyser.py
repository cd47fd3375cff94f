"""The ConversationAnalyser behind an OpenAI-compatible server: one question, one strict answer, within a deadline."""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

import openai
import orjson
from pydantic import ValidationError

from adapters.openai.answer import INSTRUCTIONS, PROMPT, Answer, response_format
from adapters.openai.prices import cost_usd_micros
from adapters.openai.settings import ModelSettings
from application.ports.analysis import MadeBy, NoReading, Reading
from domain.conversations.analysis import Turn

CONNECT_S = 3.0
REST_S = 30.0
"""A server that does not answer is left alone for so long, seconds: everything else a worker does would wait for it."""
THINKS = "gpt-6"
"""Beginning of the names of models that think before they answer unless told not to; other servers lack the word."""
MOST_TEXT = 60_000
"""Characters of a conversation that are read: its end, where it is longer."""
MOST_ANSWER = 2_000
"""Tokens of an answer; a full one has about 400."""


class OpenAIAnalyser:
    """Asks a model; never twice. Thread-safe: it keeps no connection. `clock` tells monotonic seconds."""

    def __init__(self, settings: ModelSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._rests_until = float("-inf")

    def analyse(self, turns: Sequence[Turn]) -> Reading:
        """Return what the model makes of the conversation. Raises NoReading."""
        started = self._clock()
        if started < self._rests_until:
            raise self._none("resting")
        try:
            completion = asyncio.run(self._ask(turns))
        except (TimeoutError, openai.APITimeoutError) as late:
            self._rests_until = self._clock() + REST_S
            raise self._none("deadline") from late
        except openai.APIStatusError as refusal:
            raise self._none(f"status {refusal.status_code}") from refusal
        except Exception as broken:  # whatever it is, our own rules can still answer
            raise self._none(type(broken).__name__) from broken
        answer = self._answer(completion)
        try:
            analysis, notes = answer.analysis(), answer.notes()
        except ValidationError as nonsense:
            raise self._none("nonsense") from nonsense
        return Reading(analysis, notes, self._made_by(completion, round((self._clock() - started) * 1000)))

    async def _ask(self, turns: Sequence[Turn]) -> Any:
        own, mark = self._settings, secrets.token_hex(8)
        asked: dict[str, Any] = {
            "model": own.model,
            "messages": [
                {"role": "system", "content": INSTRUCTIONS.format(mark=mark)},
                {"role": "user", "content": f"<{mark}>\n{_told(turns)}\n</{mark}>"},
            ],
            "response_format": response_format(),
            "max_completion_tokens": MOST_ANSWER,
        }
        if own.model.startswith(THINKS):
            asked["reasoning_effort"] = "none"
        limits = openai.Timeout(own.deadline_s, connect=CONNECT_S)
        client = openai.AsyncOpenAI(api_key=own.api_key, base_url=own.base_url, timeout=limits, max_retries=0)
        async with asyncio.timeout(own.deadline_s), client:
            return await client.chat.completions.create(**asked)

    def _answer(self, completion: Any) -> Answer:
        """Return the answer; a refusal, half an answer, or one of another shape is none."""
        try:
            (choice,) = completion.choices
            if choice.finish_reason != "stop":
                raise self._none(f"stopped by {str(choice.finish_reason)[:20]}")
            if choice.message.refusal:
                raise self._none("refused")
            return Answer.model_validate_json(choice.message.content, strict=True)
        except (ValidationError, ValueError, TypeError, AttributeError) as nonsense:
            raise self._none("nonsense") from nonsense

    def _made_by(self, completion: Any, latency_ms: int) -> MadeBy:
        """Return who answered and what it took; servers that tell no usage are believed in nothing."""
        model = self._settings.model
        usage = getattr(completion, "usage", None)
        tokens_in, tokens_out = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
        cached = _count(getattr(usage, "prompt_tokens_details", None), "cached_tokens") or 0
        cost = None
        if tokens_in is not None and tokens_out is not None:
            cost = cost_usd_micros(model, tokens_in, cached, tokens_out)
        return MadeBy(model, PROMPT, tokens_in, tokens_out, latency_ms, cost)

    def _none(self, why: str) -> NoReading:
        return NoReading(self._settings.model, why)


def _count(usage: Any, name: str) -> int | None:
    told = getattr(usage, name, None)
    return told if isinstance(told, int) and told >= 0 else None


def _told(turns: Sequence[Turn]) -> str:
    """Return the turns as JSON lines, which no text in them can leave; the last ones where they are many."""
    lines: list[str] = []
    length = 0
    for turn in reversed(turns):
        line = orjson.dumps({"by": turn.by, "text": turn.text}).decode()
        length += len(line)
        if length > MOST_TEXT and lines:
            break
        lines.append(line[:MOST_TEXT])
    return "\n".join(reversed(lines))
