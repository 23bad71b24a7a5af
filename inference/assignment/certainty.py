"""How surely are rows assigned? Entropy, and the probabilities of the components that rows are assigned to."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float
from scipy.special import xlogy

from inference.assignment.responsibilities import checked_like, probabilities
from inference.frames import components_of
from inference.html import InNotebooks
from inference.parameter_table import heading, number, plain
from inference.results import PointFit
from mixtures import Program
from mixtures.errors import ModelError


@dataclass(frozen=True, eq=False, repr=False)
class Certainty(InNotebooks):
    """How surely rows are assigned to their most probable components.

    Args:
        relative_entropy: 1 - sum_ik (-r_ik log r_ik) / (n log K): 1 where all rows are sure, 0 where nothing is known; 1 of one
            component.
        table: a line for each component: expected (rows), assigned (rows whose most probable component it is), share (of the rows), and
            probability (the mean, over these rows, of its own: the average posterior probability). NaN where no row is assigned.
        average: the mean probability of each component (columns) over the rows assigned to each (lines).
    """

    relative_entropy: float
    table: pd.DataFrame
    average: pd.DataFrame

    @property
    def smallest(self) -> Any:
        """The component with the fewest rows, expected."""
        return self.table.index.tolist()[int(self.table["expected"].argmin())]

    def to_frame(self) -> pd.DataFrame:
        """The table."""
        return self.table

    def __str__(self) -> str:
        shown = self.table.map(number)
        shown.index = pd.Index([heading(name) for name in shown.index])
        least = f"{heading(self.smallest)} is the smallest, with {self.table['expected'].min():.1f} expected rows"
        return "\n".join([f"Relative entropy {number(self.relative_entropy)}; {least}:", "", plain(shown)])


def certainty(fit_or_posterior: PointFit | xr.DataTree, x: Any, *, program: Program | None = None) -> Certainty:
    """How surely rows are assigned: relative entropy, and average probabilities by assigned component.

    Relative entropy above 0.8, and averages above 0.7, are usually asked for where rows are to be classified; neither says that the number of
    components is right, and low ones are no reason against a mixture as a density.

    Args:
        fit_or_posterior: a point fit, or a tree of relabelled draws.
        x: rows with the columns of the fitted data; a row of weight 2 counts as two.
        program: the declaration of the draws, where it cannot be imported again: one made inside a function, say.

    Returns:
        A `Certainty`.

    Raises:
        DataError: other columns than the model was fitted to.
        ModelError: several assignments a row.

    Source: Ramaswamy, DeSarbo, Reibstein & Robinson (1993), Marketing Science 12, for the entropy; Nagin (2005), section 5.3, for the averages.

    Example:
        >>> from inference import fit_em
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 10.0, 11.0, 12.0]
        >>> found = certainty(fit_em(gaussian_mixture(2, "tied"), x, restarts=5, seed=0), x)
        >>> round(found.relative_entropy, 3), found.smallest
        (1.0, 1)
    """
    shares = probabilities(fit_or_posterior, x, program=program)
    if isinstance(shares, dict):
        raise ModelError("fit", got=f"{len(shares)} assignments a row", expected="one, whose certainty is asked for")
    shares, times = np.asarray(shares), checked_like(fit_or_posterior, x).times
    components = shares.shape[1]
    names = pd.Index(components_of(fit_or_posterior) or range(components), name="component")
    assigned = np.eye(components)[shares.argmax(axis=1)] * times[:, None]
    counts = assigned.sum(axis=0)
    with np.errstate(invalid="ignore"):  # of components that no row is assigned to
        average = (assigned.T @ shares) / counts[:, None]
    table = pd.DataFrame(
        {
            "expected": times @ shares,
            "assigned": counts,
            "share": counts / times.sum(),
            "probability": np.diag(average),
        },
        index=names,
    )
    return Certainty(
        entropy_r2(shares, times), table, pd.DataFrame(average, index=names.rename("assigned to"), columns=names)
    )


def entropy_r2(shares: Float[np.ndarray, "rows components"], times: Float[np.ndarray, " rows"]) -> float:
    """1 - entropy of the assignment / (n log K): 1 where every row is sure of its component, 0 where none knows anything; 1 of one component.

    Example:
        >>> entropy_r2(np.full((3, 2), 0.5), np.ones(3))
        0.0
    """
    if shares.shape[1] == 1:
        return 1.0
    return float(1 + (xlogy(shares, shares).sum(axis=1) @ times) / (times.sum() * np.log(shares.shape[1])))
