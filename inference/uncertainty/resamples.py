"""Data sets like the fit's own: drawn from the fit, or made of the data's independent units, drawn again or weighted anew."""

import numpy as np

from inference.backends import Bound
from inference.results import PointFit
from inference.selection.replicates import check_plain, replicates_of
from mixtures import Observations
from mixtures.errors import ModelError
from mixtures.seeds import derived, generator

KINDS = {
    "nonparametric": "of units drawn again",
    "parametric": "of data drawn from the fit",
    "weighted": "of units weighted at random",
}


def check_units(bound: Bound, kind: str) -> None:
    """Check that there are units to draw from, or data that can be drawn.

    Raises:
        DataError: data that cannot be drawn, see `check_plain`.
        ModelError: weights of rows that are not independent, or one series alone.
    """
    if kind == "parametric":
        check_plain(bound.x)
    elif bound.sites.is_row_wise:
        return
    elif kind == "weighted":
        raise ModelError(
            "kind",
            got="'weighted', of rows that follow one another, or hang together in groups",
            expected="rows that are independent given the parameters: only these have weights",
            advice='Ask for kind="nonparametric", which draws whole series, or groups.',
        )
    elif _units(bound) < 2:
        raise ModelError(
            "kind",
            got="'nonparametric', and one series",
            expected="several series, of which some are drawn twice",
            advice='Ask for kind="parametric".',
        )


def resamples_of(fit: PointFit, bound: Bound, kind: str, batch: range, seed: int) -> list[Observations]:
    """Some of the data sets, those of a batch of replicates."""
    if kind == "parametric":
        return replicates_of(bound, fit.parameters, batch, derived(seed, "data", batch.start))
    return [_one(bound, kind, generator(seed, "data", replicate)) for replicate in batch]


def _one(bound: Bound, kind: str, rng: np.random.Generator) -> Observations:
    x, times = bound.x, bound.x.times
    if not bound.sites.is_row_wise:
        units = _units(bound)
        return x.resampled("group" if bound.sites.is_of_groups else "sequence", rng.integers(units, size=units))
    if kind == "weighted":
        # Dirichlet(1, ..., 1) weights of rows, n times: exponential ones, normed (Rubin 1981); those of w equal rows sum to a Gamma(w)
        share = rng.standard_gamma(times)
        return x.with_row_weights(share * times.sum() / share.sum())
    # n rows drawn with replacement: how often each was
    return x.with_row_weights(rng.multinomial(round(times.sum()), times / times.sum()).astype(np.float64))


def _units(bound: Bound) -> int:
    """How many series, or groups."""
    number = bound.x.group if bound.sites.is_of_groups else bound.x.sequence
    return 1 if number is None else int(number.max()) + 1
