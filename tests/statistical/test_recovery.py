"""Every family's posterior holds the truth as often as it says: over simulated data sets, central 80 % intervals cover it at that rate.

The truth is drawn from the very prior that is fitted with (written out as numbers), so that the nominal rate is exact for every quantity,
well or badly identified, whatever the number of rows (Cook, Gelman & Rubin 2006; Talts et al. 2018). Quantities do not depend on the
components' labels. Data sets of one family share their shape, and so one compiled sampler.

Each quantity's count is held against the binomial distribution, for all quantities of a family together (Bonferroni). A count that is
rarer than the first of `STAGES` allows is no proof yet, but a suspicion: it is settled with three times as many data sets.
"""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy import stats

import inference
import mixtures
from inference.factors import with_factors
from mixtures import Mixture, Observations, families, priors
from tests.family_cases import CASES, Case, covariates

ROWS, DRAWS, NOMINAL = 40, 200, 0.8
STAGES = ((0, 55, 1e-3), (55, 165, 1e-7))
"""From which data set to which, and the probability below which counts are wrong: a rate that is wrong enough to be suspected is worse than
the second bound."""

LINES = families.Regression("poisson", priors={"intercept": priors.Normal(0.5, 0.7), "slope": priors.Normal(0.0, 0.4)})

MILD = {
    "poisson regression": Mixture(2, LINES),
    "product with covariates": Mixture(
        2, families.Product({**dict(CASES["product with covariates"].family.columns), "visits": LINES})
    ),
}
"""Narrower priors where draws from the default ones have counts of millions, which take a sampler hours."""


@pytest.mark.statistical
@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_intervals_cover_the_truth_at_the_nominal_rate(name):
    case = CASES[name]
    model = MILD.get(name, case.model).scaled_to(case.data())
    is_inside: dict[str, list[bool]] = {}
    sets = 0
    for begin, end, level in STAGES:
        sets += sum(cover(case, model, seed, is_inside) for seed in range(begin, end))
        assert sets >= 0.9 * end
        wrong = wrongly_covered(is_inside, sets, level)
        if not wrong:
            return
    assert not wrong, f"of {sets}: { {quantity: sum(inside) for quantity, inside in is_inside.items()} }"


def wrongly_covered(is_inside: dict[str, list[bool]], sets: int, level: float) -> list[str]:
    """The quantities whose intervals hold the truth too often or too seldom."""
    count, tail = stats.binom(sets, NOMINAL), level / len(is_inside) / 2
    return [q for q, inside in is_inside.items() if min(count.cdf(sum(inside)), count.sf(sum(inside) - 1)) < tail]


def cover(case: Case, model: Mixture, seed: int, is_inside: dict[str, list[bool]]) -> bool:
    """Simulate a data set, and note which quantities' intervals hold the truth; whether there are data."""
    truth, x = draw_from_prior(case, model, seed)
    if x is None:
        return False
    init, size = near(truth, case, model, x, seed), {"draws": DRAWS, "tune": DRAWS, "chains": 1}
    post = inference.sample_nuts(model, x, **size, seed=seed, progress=False, init=init)
    drawn = with_factors(post).posterior.data_vars
    sites = {site: values.values[0] for site, values in drawn.items() if site in case.parameters}
    true = dict(quantities(case, {site: truth[site][None] for site in sites}))
    for quantity, drawn in quantities(case, sites):
        # the rank of the truth among the draws: uniform
        rank = (np.sum(drawn < true[quantity]) + 0.5 * np.sum(drawn == true[quantity])) / DRAWS
        is_inside.setdefault(quantity, []).append(abs(rank - 0.5) < NOMINAL / 2)
    return True


def draw_from_prior(case: Case, model: Mixture, seed: int) -> tuple[dict[str, np.ndarray], Observations | None]:
    """Parameters from the prior, and data; None for data that are not numbers any more, or not inside the support: rounded to its edge.

    Leaving those out does not disturb the rate, because it is decided by the data alone.
    """
    known = covariates(ROWS) if case.covariates else None
    truth = mixtures.simulate(model, ROWS if case.features is None else (ROWS, case.features), seed, covariates=known)
    if isinstance(case.family, families.Product):
        names = tuple(name for name, _ in case.family.columns)
        return truth, Observations(
            np.column_stack([truth[name] for name in names]), feature_names=names, covariates=known
        )
    support = case.family.parts().support
    is_sound = np.isfinite(truth["obs"]).all() and bool(support.holds(truth["obs"]).all())
    return truth, Observations(truth["obs"], covariates=known) if is_sound else None


def near(
    truth: dict[str, np.ndarray], case: Case, model: Mixture, x: Observations, seed: int
) -> inference.PointFit | None:
    """Where the chain starts, if components are of different kinds that have parameters each, or of factors: at the mode next to the truth.

    A line and a level may each describe what the other was, loadings may have the other sign, and a short chain stays with the mode that it
    began in. The truth is a draw from the posterior given the data, so that the mode next to it is taken as often as the posterior says.
    """
    has_kinds = isinstance(case.family, families.PerComponent) and not case.family.parts().parameter_free_components
    if not has_kinds and "loading" not in case.parameters:
        return None
    start = {site: truth[site] for site in case.parameters}
    return inference.fit_map(model, x, init=start, restarts=1, steps=100, seed=seed)


def quantities(case: Case, sites: dict[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """Numbers that do not depend on labels, (draws,) each: of components' values their sum and range, of shared ones themselves."""
    if isinstance(case.family, families.PerComponent):
        sites = _together(sites)
    if isinstance(case.family, families.VonMises):
        sites = {**sites, "loc": np.cos(sites["loc"])}  # directions 2 pi apart are the same
    for site, values in sites.items():
        if site in case.shared or values.ndim == 1:
            yield site, values.reshape(len(values), -1)[:, -1]
            continue
        # (draws, components): the last number of each, which is not constant in a Cholesky factor
        columns = values.reshape(*values.shape[:2], -1)[..., -1]
        if site != "weights":
            yield f"sum of {site}", columns.sum(axis=1)
        yield f"range of {site}", np.ptp(columns, axis=1)


def _together(sites: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Sites of numbered components as one: where families are as alike as a normal and a t, the data hardly tell which is which, and a
    single chain stays with the answer that it began with."""
    stems: dict[str, list[np.ndarray]] = {}
    for site, values in sites.items():
        stems.setdefault(site.rstrip("_0123456789"), []).append(values)
    return {stem: values[0] if len(values) == 1 else np.stack(values, axis=1) for stem, values in stems.items()}
