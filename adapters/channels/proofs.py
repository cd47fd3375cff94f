"""Calls with the proof that we know the app's secret, which Meta demands of apps that are set so."""

from collections.abc import Callable
from typing import Final, TypeVar

from adapters.meta.graph import appsecret_proof
from application.ports.channels import Account, NotSent

T = TypeVar("T")
REFUSED: Final = (100, "appsecret_proof")
"""The code of a call whose proof is missing or wrong, and the field's name, which no language changes."""


class Proofs:
    """Finds the proof that goes with each token. Thread-safe.

    `tried` is for calls of the channels' clients, `first_taken` for those that refuse in other words.

    The secrets known are those of the app that signs the account's webhooks. They are rotated, and a token may be
    another app's. A call refused for its proof was not carried out, so it is made again with the next secret, and at
    last without a proof; what was taken comes first from then on.
    """

    def __init__(self) -> None:
        self._good: dict[tuple[str, str, str], dict[str, str]] = {}

    def tried(self, account: Account, call: Callable[[dict[str, str]], T]) -> T:
        """Return what `call` does with the proof's field, nothing where there is none. Raises NotSent."""
        try:
            return self.first_taken(account, call, lambda no: isinstance(no, NotSent) and is_refused(no))
        except NotSent as no:
            if not is_refused(no):
                raise
            raise NotSent("forbidden", no.reason, no.code, no.subcode) from None

    def first_taken(
        self, account: Account, call: Callable[[dict[str, str]], T], for_its_proof: Callable[[Exception], bool]
    ) -> T:
        """Return what `call` does with the first proof that is taken; raises what it raises with the last of them.

        `for_its_proof` tells of what was raised whether it was for the proof.
        """
        *others, last = self._in_turn(account)
        for proof in others:
            try:
                done = call(proof)
            except Exception as no:
                if not for_its_proof(no):
                    raise
                continue
            self._good[_name(account)] = proof
            return done
        done = call(last)
        self._good[_name(account)] = last
        return done

    def _in_turn(self, account: Account) -> list[dict[str, str]]:
        """Return the fields to try, the one that was taken last time first, and one without a proof."""
        proofs = [{"appsecret_proof": appsecret_proof(one, account.token)} for one in account.app_secrets] + [{}]
        good = self._good.get(_name(account), proofs[0])
        return sorted(proofs, key=lambda one: one != good)


def is_refused(no: NotSent) -> bool:
    """Tell whether a call was refused for its proof."""
    code, field = REFUSED
    return no.code == code and field in no.reason


def _name(account: Account) -> tuple[str, str, str]:
    return account.channel, account.account_id, account.token
