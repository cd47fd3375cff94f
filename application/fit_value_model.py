"""Learn from a brokerage's bookings what its customers may still bring: a `rentals.value_model_fitted.v1`."""

from dataclasses import dataclass
from uuid import UUID, uuid5

from application.clock import Clock, utc_now
from application.ports.lifetime_value import ValueFitter
from application.ports.outbox import Entry, Leased, NewFact, Records, Settled
from application.ports.rental_history import RentalHistories
from application.tell_new_fit import tell_of
from domain.rentals.events import RentalValueModelFitted

FITS = UUID("5f0c2a0a-7a58-5d0e-9c1b-6f7e2b8a9d44")
"""Namespace of the streams of fits: one a day by the clock, and one for each that somebody asks for."""


@dataclass(frozen=True, slots=True)
class FitValueModel:
    """The use case behind the message `fit_value_model`, and behind a fit that is asked for by hand."""

    histories: RentalHistories
    fitter: ValueFitter
    records: Records
    clock: Clock = utc_now

    def run(self, message: Leased) -> None:
        """Fit, and settle the message; a second run of the same day records nothing more. Raises LeaseLost.

        Where no parameters can be found the model before holds on, and the message is set aside with the reason.
        """
        day = str(message.payload["day"])
        try:
            fact = self._fit(message.brokerage_id)
        except ValueError as refusal:
            self.records.record(Entry([Settled(message, "dead", error=str(refusal)[:500])]))
            return
        whose, request = message.brokerage_id, message.correlation_id
        stream = fit_stream(whose, day)
        new = NewFact(stream, whose, fact, cause_id=message.cause_id, correlation_id=request)
        telling = tell_of(whose, stream, fact.model.as_of, fact.occurred_at, request)
        self.records.record(Entry([Settled(message, "done")], [new], messages=[telling]))

    def now(self, brokerage_id: UUID) -> RentalValueModelFitted:
        """Fit at once, record it, and return what was recorded. Raises ValueError where no parameters can be found."""
        fact = self._fit(brokerage_id)
        stream = fit_stream(brokerage_id, fact.occurred_at.isoformat())
        telling = tell_of(brokerage_id, stream, fact.model.as_of, fact.occurred_at)
        self.records.record(Entry(facts=[NewFact(stream, brokerage_id, fact)], messages=[telling]))
        return fact

    def _fit(self, brokerage_id: UUID) -> RentalValueModelFitted:
        now = self.clock()
        known = self.histories.of(brokerage_id)
        model = self.fitter.fit(known.customers, now, known.currency)
        return RentalValueModelFitted(model=model, occurred_at=now)


def fit_stream(brokerage_id: UUID, when: str) -> UUID:
    """Return the stream of a fit: of a day, or of the moment at which somebody asked."""
    return uuid5(FITS, f"{brokerage_id}|{when}")
