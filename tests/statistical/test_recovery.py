"""Every family's posterior holds the truth as often as it says: over simulated data sets, central 80 % intervals cover it at that rate.

The truth is drawn from the very prior that is fitted with (written out as numbers), so that the nominal rate is exact for every quantity,
well or badly identified, whatever the number of rows (Cook, Gelman & Rubin 2006; Talts et al. 2018). Quantities do not depend on the
components' labels. Data sets of one family share their shape, and so one compiled sampler.

Each quantity's count is held against the binomial distribution. All quantities of a family together fail by chance with probability
`LEVEL` at most (Bonferroni).
"""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy import stats

import inference
import mixtures
from mixtures import Mixture, Observations, families, priors
from mixtures.families.support import REAL
from tests.family_cases import CASES, Case, covariates

DATA_SETS, ROWS, DRAWS = 55, 40, 200
NOMINAL, LEVEL = 0.8, 1e-3

LINES = families.Regression("poisson", priors={"intercept": priors.Normal(0.5, 0.7), "slope": priors.Normal(0.0, 0.4)})

MILD = {
    "poisson regression": Mixture(2, LINES),
    "product with covariates": Mixture(
        2, families.Product({**dict(CASES["product with covariates"].family.columns), "visits": LINES})
    ),
}
"""Narrower priors where draws from the default ones have counts of millions, which take a sampler hours."""


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_intervals_cover_the_truth_at_the_nominal_rate(name):
    case = CASES[name]
    model = MILD.get(name, case.model).scaled_to(case.data())
    is_inside: dict[str, list[bool]] = {}
    sets = 0
    for seed in range(DATA_SETS):
        truth, x = draw_from_prior(case, model, seed)
        if x is None:
            continue
        sets += 1
        post = inference.sample_nuts(
            model,
            x,
            draws=DRAWS,
            tune=DRAWS,
            chains=1,
            seed=seed,
            progress=False,
            init=near(truth, case, model, x, seed),
        )
        sites = {site: values.values[0] for site, values in post.posterior.data_vars.items() if site in case.parameters}
        true = dict(quantities(case, {site: truth[site][None] for site in sites}))
        for quantity, drawn in quantities(case, sites):
            # the rank of the truth among the draws: uniform
            rank = (np.sum(drawn < true[quantity]) + 0.5 * np.sum(drawn == true[quantity])) / DRAWS
            is_inside.setdefault(quantity, []).append(abs(rank - 0.5) < NOMINAL / 2)
    assert sets >= 50
    count = stats.binom(sets, NOMINAL)
    tail = LEVEL / len(is_inside) / 2
    covered = {quantity: sum(inside) for quantity, inside in is_inside.items()}
    wrong = {q: c for q, c in covered.items() if min(count.cdf(c), count.sf(c - 1)) < tail}
    assert not wrong, f"of {sets}: {covered}"


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
    support = getattr(case.family, "support", REAL)
    is_sound = np.isfinite(truth["obs"]).all() and bool(support.holds(truth["obs"]).all())
    return truth, Observations(truth["obs"], covariates=known) if is_sound else None


def near(
    truth: dict[str, np.ndarray], case: Case, model: Mixture, x: Observations, seed: int
) -> inference.PointFit | None:
    """Where the chain starts, if components are of different kinds that have parameters each: at the posterior's mode next to the truth.

    A line and a level may each describe what the other was, and a short chain stays with the mode that it began in. The truth is a draw from
    the posterior given the data, so that the mode next to it is taken as often as the posterior says.
    """
    if not isinstance(case.family, families.PerComponent) or case.family.bare_components:
        return None
    start = {site: truth[site] for site in case.parameters}
    return inference.fit_map(model, x, start=start, restarts=1, steps=100, seed=seed)


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
