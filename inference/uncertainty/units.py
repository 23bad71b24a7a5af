"""Of what is independent, given the parameters: what each unit adds to the slope of the log likelihood.

Units are rows; groups, where rows of a group share an assignment, or a class; and series, where rows follow one another.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from inference.backends import Bound
from mixtures.errors import ModelError
from mixtures.ppl.sums import summed


@dataclass(frozen=True, eq=False)
class Units:
    """The independent units of a bound problem at one vector.

    Args:
        scores: d log p(x_g | parameters) / du of each unit g, counted once.
        times: how often each unit counts.
        of_rows: the unit of each row.
        unit: what they are, a word.
    """

    scores: Float[np.ndarray, "units size"]
    times: Float[np.ndarray, " units"]
    of_rows: Int[np.ndarray, " rows"]
    unit: str

    def information(self) -> Float[np.ndarray, "size size"]:
        """The outer product of gradients, sum_g w_g s_g s_g', which estimates the information."""
        return (self.times[:, None] * self.scores).T @ self.scores


def units_at(bound: Bound, u: Float[np.ndarray, " size"]) -> Units:
    """The units' scores at a vector; their sum, each as often as it counts, is the gradient of the log likelihood.

    Raises:
        ModelError: rows that are not independent given the parameters, nor in groups or series; or that have unknowns of their own.
    """
    bound.sites.check_hub("scores of each")
    if bound.sites.has_prior_in_rows:
        raise ModelError(
            "program",
            got=f"rows that have unknowns of their own: {', '.join(bound.sites.latent)}",
            expected="rows whose only unknown is their assignment, for scores of each",
            advice='Ask for method="information", or sample the posterior: sample_nuts.',
        )
    x, scores = bound.x, bound.scores(u)
    of_rows, unit = np.arange(len(x)), "row"
    if bound.sites.is_of_groups:
        return Units(scores, np.ones(len(scores)), x.group, "group")
    if bound.sites.is_chain:
        # log p of a series is the sum of its rows', each given those before it
        of_rows = np.zeros(len(x), dtype=int) if x.sequence is None else x.sequence
        series = int(of_rows.max()) + 1
        return Units(summed(np, scores, of_rows, series), np.ones(series), of_rows, "series")
    # a row that counts for nothing may have no slope
    return Units(np.where(x.times[:, None] > 0, scores, 0.0), x.times, of_rows, unit)
