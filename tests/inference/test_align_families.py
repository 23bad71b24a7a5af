"""Fits of any family are aligned by their parameters alone, and by rows where these depend on covariates."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from inference.labels.align import align
from inference.results import Origin, PointFit
from inference.status import Status
from mixtures import Mixture, Observations, declare
from mixtures.assignments import PerGroup
from mixtures.errors import DataError
from tests.family_cases import CASES, Case


def fit_at(case: Case, x: Observations, order: list[int], backend: str) -> PointFit:
    """The truth as a fit, its components in this order."""
    axes = {site: 0 for site in case.parameters if site not in case.shared}
    return PointFit(
        parameters={site: value[order] if site in axes else value for site, value in case.parameters.items()},
        dims={
            site: ("components", *others) if site in axes else others
            for site, value in case.parameters.items()
            for others in [tuple(f"axis_{axis}" for axis in range(np.ndim(value) - (site in axes)))]
        },
        log_likelihood=0.0,
        log_posterior=0.0,
        classification_log_likelihood=0.0,
        losses=np.zeros(1),
        gradient_norms={},
        restarts=pd.DataFrame(),
        status=Status.CONVERGED,
        free_parameters=1,
        origin=Origin.of(case.model.scaled_to(x), x, backend, seed=0),
    )


@pytest.mark.quick(but=["multinomial", "student_t tied"], reason="each kind of site stays")
@pytest.mark.parametrize(
    "name",
    ["product", "poisson", "student_t tied", "multinomial", "categorical columns", "gaussian regression", "gating"],
)
def test_components_in_another_order_are_put_back(name):
    case, backend = CASES[name], "numpyro" if name == "product" else "pyro"  # all that it does is draw rows
    x = case.data()
    reference, other = (fit_at(case, x, order, backend) for order in ([0, 1], [1, 0]))
    if case.covariates:
        with pytest.raises(DataError, match=r"covariates, which a fit does not keep\.\n?.*Pass the data"):
            align(other, to=reference)
    aligned = align(other, to=reference, x=x if case.covariates else None)
    for site, value in reference.parameters.items():
        assert np.array_equal(aligned.parameters[site], value)


def test_a_program_that_only_scores_needs_rows():
    @declare
    def two_rates(ppl, x):
        weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
        with ppl.plate("components", 2):
            rate = ppl.sample("rate", ppl.dist.Gamma(2.0, 1.0))
        with ppl.plate("rows", len(x)):
            z = ppl.assign("assignment", weights)
            ppl.sample("obs", ppl.dist.Poisson(rate[z]), obs=x)

    case = CASES["poisson"]
    x = case.data()
    fits = [fit_at(case, x, order, "numpyro") for order in ([0, 1], [1, 0])]
    for fit in fits:
        object.__setattr__(fit, "origin", Origin.of(two_rates, x, "numpyro", seed=0))
    with pytest.raises(DataError, match="cannot draw rows"):
        align(fits[1], to=fits[0])
    assert np.array_equal(align(fits[1], to=fits[0], x=x).parameters["rate"], case.truth["rate"])


def test_rows_of_groups_are_needed():
    case = CASES["poisson"]
    x = replace(case.data(), group=np.repeat([0, 1], len(case.data()) // 2))
    fits = [fit_at(case, x, order, "pyro") for order in ([0, 1], [1, 0])]
    for fit in fits:
        object.__setattr__(
            fit, "origin", Origin.of(Mixture(2, case.family, PerGroup()).scaled_to(x), x, "pyro", seed=0)
        )
    with pytest.raises(DataError, match=r"rows are of groups, which a fit does not keep\.\n?.*Pass the data"):
        align(fits[1], to=fits[0])
    assert np.array_equal(align(fits[1], to=fits[0], x=x).parameters["rate"], case.truth["rate"])
