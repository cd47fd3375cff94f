"""Facts about experiments."""

from typing import Literal
from uuid import UUID

from domain.experiments.experiment import Experiment
from domain.shared.fact import Fact, Label
from domain.shared.personal import Open


class ExperimentDefined(Fact):
    """Somebody said what an experiment compares. It stays so: what is changed while it runs proves nothing.

    Source: an operator, `POST /api/experiments`.
    """

    kind: Open[Literal["experiments.defined.v1"]] = "experiments.defined.v1"
    experiment_id: Open[UUID]
    name: Open[Label]
    experiment: Open[Experiment]
    by: Open[Label | None] = None  # the key of whoever defined it
