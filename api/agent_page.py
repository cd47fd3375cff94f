"""How agents are reached: as it is given and as it is shown, by HTTP and on the command line alike."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from application.ports.notices import AgentContact
from domain.shared.fact import Label

Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
Email = Annotated[str, StringConstraints(pattern=r"^[^\s@<>,;:\"]{1,64}@[^\s@<>,;:\"]{1,180}$")]


class AgentBody(BaseModel):
    """How an agent is told that a human is wanted: by WhatsApp with an approved template, by e-mail, or both.

    The words of the template may have up to four parameters, in this order: the customer's name, what they look for,
    why a human is wanted, the conversation.
    """

    model_config = ConfigDict(extra="forbid")

    phone: Phone | None = Field(default=None, repr=False)
    email: Email | None = Field(default=None, repr=False)
    template: Label | None = None
    language: Label | None = None

    @model_validator(mode="after")
    def _reachable(self) -> "AgentBody":
        if self.phone is None and self.email is None:
            raise ValueError("an agent needs a phone or an email")
        if self.phone is not None and (self.template is None or self.language is None):
            raise ValueError("a phone needs the template to write with, and its language")
        return self


def shown(contact: AgentContact) -> dict[str, Any]:
    """Return an agent as the API and the command line show them."""
    return {
        "agent": contact.agent, "phone": contact.phone, "email": contact.email, "template": contact.template,
        "language": contact.language,
    }  # fmt: skip
