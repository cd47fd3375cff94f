"""Datasets, their credentials, and who may write to them."""

import hashlib
import hmac

from pydantic import BaseModel, ConfigDict, Field

from adapters.simulator.context import DatasetKind
from adapters.simulator.faults import TOKEN_EXPIRED, Faults
from adapters.simulator.refusals import Refusal

TOKEN_MISSING = Refusal(190, None, "Missing token", "An access token is required to request this resource.", 401)
TOKEN_INVALID = Refusal(190, 467, "Invalid token", "Error validating access token", 401)
PROOF_INVALID = Refusal(100, None, "Invalid proof", "Invalid appsecret_proof provided in the API argument")
PROOF_MISSING = Refusal(100, None, "Missing proof", "API calls from the server require an appsecret_proof argument")
NO_SUCH_OBJECT = Refusal(
    100, 33, "Unsupported request", "Object does not exist or cannot be loaded due to missing permissions"
)


class Dataset(BaseModel):
    """A registered dataset; what is None is not checked."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    token: str | None = Field(default=None, min_length=1)  # where given, the only one that may write
    app_secret: str | None = Field(default=None, min_length=1)  # where given, calls must carry its proof
    kind: DatasetKind | None = None
    dead_token: bool = False
    expires_at: int = Field(default=0, ge=0)  # unix seconds at which the token dies, 0 for never
    scopes: tuple[str, ...] = ("ads_management", "business_management")
    unavailable: bool = False  # as Meta shows a dataset that was switched off


class Datasets:
    """The datasets known; others with a numeric id are open to any token while `accept_any_token`."""

    def __init__(self) -> None:
        self._known: dict[str, Dataset] = {}

    def register(self, dataset_id: str, dataset: Dataset) -> None:
        """Add a dataset or replace it."""
        self._known[dataset_id] = dataset

    def get(self, dataset_id: str) -> Dataset:
        """Return the dataset, or one without any restriction where it was never registered."""
        return self._known.get(dataset_id, _OPEN)

    def forget(self) -> None:
        """Drop every registration."""
        self._known.clear()

    def named(self) -> list[str]:
        """Return the ids registered."""
        return list(self._known)

    def of_token(self, token: str) -> Dataset | None:
        """Return the dataset that a token was registered for, None where for none."""
        return next((one for one in self._known.values() if one.token == token), None)

    def refuse(
        self, dataset_id: str, token: str | None, proof: str | None, *, faults: Faults, accept_any_token: bool,
        now: float,
    ) -> Refusal | None:  # fmt: skip
        """Return why these credentials may not use this dataset at this moment (unix seconds), or None."""
        if not token:
            return TOKEN_MISSING
        dataset = self._known.get(dataset_id)
        if faults.of(dataset_id).is_dead(token) or (dataset is not None and is_dead(dataset, now)):
            return TOKEN_EXPIRED
        if dataset is None and not (dataset_id.isascii() and dataset_id.isdigit()):
            return NO_SUCH_OBJECT
        if dataset is not None and dataset.token is not None:
            if token != dataset.token:
                return TOKEN_INVALID
        elif not accept_any_token:
            return TOKEN_INVALID
        return _refuse_proof(dataset or _OPEN, token, proof)


def is_dead(dataset: Dataset, now: float) -> bool:
    """Say whether the token of a dataset is dead: declared so, or expired."""
    return dataset.dead_token or 0 < dataset.expires_at <= now


def _refuse_proof(dataset: Dataset, token: str, proof: str | None) -> Refusal | None:
    if dataset.app_secret is None:
        return None
    if proof is None:
        return PROOF_MISSING
    expected = hmac.new(dataset.app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
    return None if hmac.compare_digest(expected.encode(), proof.encode()) else PROOF_INVALID


_OPEN = Dataset()
