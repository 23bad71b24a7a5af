"""Posteriors that are drawn from, or approximated, by some of the rows at a time: for which programs, about which fit, and how near they are."""

from collections.abc import Sequence
from typing import Any

import xarray as xr

from inference.backends.sites import Sites
from inference.posterior.afterwards import Steps
from inference.posterior.approximate import NOT_JUDGED, judged
from inference.results import PointFit
from mixtures import Program
from mixtures.errors import ModelError

PERTURBED = (
    "the perturbed posterior of a log likelihood that is estimated by max_rows rows, exp(estimate - variance / 2) "
    "(Dang, Quiroz, Kohn, Tran & Villani 2019)"
)
"""What is drawn from, for the tree's attribute `approximation`."""


def check_some_rows(argument: str, needed_for: str, program: Program, sites: Sites) -> None:
    """Check that a program's rows are known to be independent, and all of it that is not prior to be theirs.

    Raises:
        ModelError: rows hang together, or the program is one of a user's own.
    """
    sites.check_row_wise(needed_for)
    if program.mixture is None:
        raise ModelError(
            argument,
            got="one, and a program of your own",
            expected="a Mixture, whose rows are known to be independent",
            advice=f"Leave {argument} out: each step then reads all rows.",
        )


def check_one_reference(fits: Sequence[PointFit], precision: str, *, spread: bool) -> None:
    """Check that chains have one fit to start from, about which terms of rows are expanded, and digits enough for their sum.

    Raises:
        ModelError: they have several, or not.
    """
    if spread or len(fits) > 1:
        raise ModelError(
            "max_rows",
            got="chains that start from several fits",
            expected="one fit, about which the terms of rows are expanded",
            advice="Pass one fit as init, without spread; or leave max_rows out.",
        )
    if precision == "float32":
        raise ModelError(
            "max_rows",
            got="precision='float32'",
            expected="precision='float64': what is estimated is a small difference of large sums",
            advice="Leave precision out.",
        )


def with_weights(tree: xr.DataTree, steps: Steps) -> xr.DataTree:
    """The tree with `sample_stats.log_weight`, and attributes that say how near its draws are to the posterior.

    Draws of parameters and subsamples together have a density that is known, and so is that of the posterior and rows drawn at random: their
    ratio is p(x | parameters) over its estimate.
    """
    trust: dict[str, Any] = dict(NOT_JUDGED)
    with steps.step("sample_stats.log_weight and k_hat"):
        stats = tree["sample_stats"].to_dataset()
        exact = stats["log_posterior"] - tree["log_prior"]["log_prior"]
        perturbed = stats["log_likelihood_estimate"] - stats["log_likelihood_variance"] / 2
        ratios = (exact - perturbed).transpose("chain", "draw")
        weights, trust = judged(ratios.values.ravel(), is_at_rest=True)
        tree["sample_stats"] = xr.DataTree(stats.assign(log_weight=(("chain", "draw"), weights.reshape(ratios.shape))))
    tree.attrs.update(approximation=PERTURBED, **trust)
    return tree
