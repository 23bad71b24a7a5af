"""Online EM: a fit that goes on with rows as they come, and needs none of the earlier ones again."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from inference.point.em.closed_em import ClosedTask, closed_task
from inference.point.em.closed_form import Frame
from inference.point.em.e_step import Block
from inference.point.em.m_steps.carried import can_be_carried
from inference.point.em.runs import problem_of
from inference.point.em.stepwise import Average, Stepwise
from inference.results import PointFit
from mixtures import Mixture, Observations
from mixtures.errors import ModelError


def check_online(mixture: Any, x: Observations) -> ClosedTask:
    """What online EM is to do with rows, of which the first are x.

    Raises:
        ModelError: components whose statistics cannot be averaged while parameters move; missing cells of such.
    """
    task = closed_task(mixture, x, frozenset(), is_posterior=False) if isinstance(mixture, Mixture) else None
    if task is None or not can_be_carried(task.closed.family):
        got = "rows with missing cells" if x.observed is not None else "components without such statistics"
        expected = "complete rows, of Gaussians without factors, exponential families, and products of them"
        raise ModelError("partial_fit", got=got, expected=expected, advice="Use fit, with all rows.")
    return task


@dataclass(frozen=True, eq=False)
class OnlineEM:
    """Where online EM stands; see `inference.point.em.stepwise` for its equations.

    Args:
        rule: by which it goes on.
        average: its state, and a row's statistics on average.
        frame: the coordinates, of the first rows.
        features: of the data.
    """

    rule: Stepwise
    average: Average
    frame: Frame
    features: int | None

    @classmethod
    def of(cls, fit: PointFit, x: Observations, alpha: float) -> "OnlineEM":
        """Begun with the rows of a fit by maximum likelihood, which are the first.

        Raises:
            ModelError: components whose statistics cannot be averaged while parameters move; missing cells of such.
        """
        task = check_online(fit.program.mixture, x)
        problem = problem_of((task.closed,), 0, x, row_weights=x.counts, fixed=task.held, tolerance=0.0, max_steps=0)
        start = Average(task.closed.encode(fit.parameters, x.features, problem.frame))
        return cls(Stepwise(task.closed, alpha, task.held), start, problem.frame, x.features).after(x)

    def after(self, x: Observations) -> "OnlineEM":
        """The same after more rows."""
        across = ((self.rule.closed.columns(x) - self.frame.centre) / self.frame.unit).T
        with np.errstate(all="ignore"):  # of a component that collapses there are no numbers
            average = self.rule.after(self.average, Block(np.ascontiguousarray(across), x.counts))
        return replace(self, average=average)

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        """By site."""
        return self.rule.closed.decode(self.average.state, self.features, self.frame)
