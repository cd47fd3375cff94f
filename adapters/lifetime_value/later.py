"""The value fitter of a process that seldom fits: what it needs is loaded at the first fit."""

import os
from collections.abc import Sequence
from datetime import datetime

from application.ports.lifetime_value import History
from domain.lifetime_value.fitted import FittedValueModel
from domain.lifetime_value.model import Kind


class LoadedLater:
    """A ValueFitter on scipy; one thread of arithmetic, as more of them take longer for matrices this small."""

    def fit(
        self, histories: Sequence[History], as_of: datetime, currency: str, kind: Kind = "mbg", margin: float = 1.0,
        monthly_discount: float = 0.0,
    ) -> FittedValueModel:  # fmt: skip
        """Return the model as of a moment, later bookings left out; too little data gives one without numbers."""
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy is loaded
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        from adapters.lifetime_value.fitter import ScipyValueFitter

        return ScipyValueFitter().fit(histories, as_of, currency, kind, margin, monthly_discount)
