"""Laws whose weights are the same for all rows."""

from abc import abstractmethod
from typing import Any

import numpy as np
from jaxtyping import Float

from mixtures.assignments.law import RowWise, Values
from mixtures.ppl.protocol import PPL, Array
from mixtures.rows import Rows

TINY = float(np.finfo(np.float32).tiny)
"""The share of a component that has none: its logarithm is a number, and so is the gradient, in single precision too."""


class CommonWeights(RowWise):
    """A law that says how one set of weights comes about; `draw` has them under `weights`."""

    @abstractmethod
    def weights_of(self, xp: Any, values: Values) -> Float[Array, "... components"]:
        """The weights, of values of its sites."""

    def assign(self, ppl: PPL, values: Values, rows: Rows) -> Array:
        return ppl.assign("assignment", probs=values["weights"])

    def shares(self, values: Values) -> np.ndarray:
        return np.asarray(self.weights_of(np, values))

    def log_probs(self, xp: Any, values: Values, rows: Rows) -> Array:
        return log_of(xp, self.weights_of(xp, values))[None]


def log_of(xp: Any, weights: Array) -> Array:
    """Logarithms of weights, some of which may be 0."""
    return xp.log(xp.where(weights > TINY, weights, xp.full_like(weights, TINY)))
