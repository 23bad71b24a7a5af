"""What M-steps of regressions share: rows are the covariates that the response depends on, then the response."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from inference.point.em.closed_form import Array, Frame, State, Statistics
from mixtures.among import Among
from mixtures.observations import Observations
from mixtures.priors import Prior


class LinesEM:
    """Of `inference.point.em.closed_form.ClosedForm` what depends on the covariates alone."""

    covariates: int
    among: Among

    takes_missing = False
    starts_at_rows = True

    @property
    def line_sites(self) -> frozenset[str]:
        """The sites of the lines: where a response depends on no covariates there are no slopes."""
        return frozenset({"intercept", "slope"} if self.covariates else {"intercept"})

    def columns(self, x: Observations) -> np.ndarray:
        assert x.covariates is not None  # the mixture has checked
        return np.column_stack([self.among.columns(x.covariates), x.x]).astype(np.float64)

    def width(self, features: int) -> int:
        return self.covariates + 1

    def log_prior(self, xp: Any, state: State, pseudo: Statistics) -> Array:
        raise NotImplementedError("no prior is conjugate: see `pseudo`")

    def pseudo(self, priors: Mapping[str, Prior], components: int, features: int | None) -> Statistics | None:
        return None  # normal priors of coefficients are not conjugate to unknown scales, nor to counts or categories


def of_covariates(frame: Frame) -> Frame:
    """Without the response, which is the last column."""
    return Frame(frame.centre[:-1], frame.unit[:-1])


def without_unit(frame: Frame) -> Frame:
    """The same for a response that is counted, or a category: it has no other unit."""
    return Frame(np.append(frame.centre[:-1], 0.0), np.append(frame.unit[:-1], 1.0))
