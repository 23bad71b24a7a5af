"""Every family's posterior holds the truth as often as it says: over simulated data sets, central 80 % intervals cover it at that rate.

The data are drawn with parameters from the prior (written out as numbers), so that the nominal rate is exact for every site, well or badly
identified (Cook, Gelman & Rubin 2006); label-invariant sums over components make it independent of labels.
"""

import numpy as np
import pytest
from scipy import stats

import inference
import mixtures
from mixtures import Observations
from mixtures.families.support import REAL
from tests.family_cases import CASES, covariates

DATA_SETS, ROWS, DRAWS = 50, 40, 250

FAMILIES = [name for name in CASES if name not in ("point mass", "with noise", "per component", "gating", "product")]


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_intervals_cover_the_truth_at_the_nominal_rate(name):
    case = CASES[name]
    model = case.model.scaled_to(case.data())
    known = covariates(ROWS) if case.covariates else None
    size = ROWS if case.features is None else (ROWS, case.features)
    inside, total = 0, 0
    for seed in range(DATA_SETS):
        truth = mixtures.simulate(model, size, seed, covariates=known)
        x = truth["obs"]
        if not np.isfinite(x).all() or not _is_inside(case.family, x):
            continue  # a prior draw so extreme that its data are not numbers any more
        post = inference.sample_nuts(
            model, Observations(x, covariates=known), draws=DRAWS, tune=DRAWS, chains=1, seed=seed, progress=False
        )
        for site in case.parameters:
            if site == "weights" or site in case.shared:
                continue
            # the sum over components does not depend on their labels
            drawn = post.posterior[site].values[0].sum(axis=1).reshape(DRAWS, -1)[:, 0]
            rank = np.mean(drawn < truth[site].sum(axis=0).reshape(-1)[0])
            inside, total = inside + (0.1 < rank < 0.9), total + 1
    low, high = stats.binom(total, 0.8).ppf([0.0005, 0.9995])
    assert total >= 0.9 * DATA_SETS
    assert low <= inside <= high


def _is_inside(family: object, x: np.ndarray) -> bool:
    support = getattr(family, "support", REAL)
    return bool(support.holds(x).all())
