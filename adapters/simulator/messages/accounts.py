"""Who sends: phone numbers, pages and Instagram accounts, their credentials and what each may do."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from adapters.simulator.messages.errors import Channel

THROUGHPUT_PER_S = {"whatsapp": 80, "messenger": 300, "instagram": 100}
"""Messages a second that an account may send; Instagram's figure is not certain."""
COEXISTENCE_PER_S = 20
"""… of a number that is used in the phone's app as well."""


class Account(BaseModel):
    """A registered account; a credential that is None is not checked, as with datasets."""

    model_config = ConfigDict(extra="forbid")

    channel: Channel
    provider: Literal["meta", "360dialog"] = "meta"
    name: str | None = None
    token: str | None = Field(default=None, min_length=1)  # where given, the only one that may send
    api_key: str | None = Field(default=None, min_length=1)  # 360dialog's D360-API-KEY
    app_secret: str | None = Field(default=None, min_length=1)  # where given, calls must carry its proof
    dead_token: bool = False
    app_id: str = "900100200"
    waba_id: str | None = Field(default=None, pattern="^[0-9]+$")  # the WhatsApp Business Account of a number
    display_phone_number: str | None = Field(default=None, pattern="^[0-9]{7,15}$")
    coexistence: bool = False
    throughput_per_s: int | None = Field(default=None, ge=1)
    human_agent: bool = True  # whether Meta granted the human-agent tag
    restricted: bool = False  # a page that may not send: 10/1893063
    direct_messages: bool = True  # Instagram: whether access to direct messages is switched on

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.provider == "360dialog" and (self.channel != "whatsapp" or not self.api_key):
            raise ValueError("360dialog has WhatsApp numbers alone, each with an api_key")
        return self

    def per_second(self) -> int:
        """Return how many messages this account may send within one second."""
        slow = COEXISTENCE_PER_S if self.coexistence else THROUGHPUT_PER_S[self.channel]
        return self.throughput_per_s or slow


class Accounts:
    """The accounts known. An id that was never registered is no account."""

    def __init__(self) -> None:
        self._known: dict[str, Account] = {}

    def register(self, account_id: str, account: Account) -> None:
        """Add an account or replace it."""
        if account.channel == "whatsapp":
            account = account.model_copy(
                update={
                    "waba_id": account.waba_id or f"8{account_id}",
                    "display_phone_number": account.display_phone_number or f"202{account_id[-8:]:0>8}",
                }
            )
        self._known[account_id] = account

    def forget(self) -> None:
        """Drop every account."""
        self._known.clear()

    def get(self, account_id: str) -> Account | None:
        """Return an account, None where it was never registered."""
        return self._known.get(account_id)

    def all(self) -> dict[str, Account]:
        """Return every account by its id."""
        return dict(self._known)

    def of_token(self, token: str) -> str | None:
        """Return the page or Instagram account that a token belongs to: what `/me` stands for."""
        return next((one for one, it in self._known.items() if it.token == token and it.channel != "whatsapp"), None)

    def of_key(self, api_key: str) -> str | None:
        """Return the number that a 360dialog key belongs to."""
        return next((one for one, it in self._known.items() if it.api_key == api_key), None)

    def of_waba(self, waba_id: str) -> str | None:
        """Return a number of a WhatsApp Business Account."""
        return next((one for one, it in self._known.items() if it.waba_id == waba_id), None)
