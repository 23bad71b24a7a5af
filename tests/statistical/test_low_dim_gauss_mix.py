"""NUTS meets the gold-standard posterior of posteriordb's low_dim_gauss_mix: 1000 values, two overlapping normals.

Data and reference: posteriordb (BSD-3), see the README in low_dim_gauss_mix/. The prior there orders the means; ours is exchangeable, so labels
are sorted by mean afterwards, which is the same posterior. Pass rule (README): |mean - gold| <= 4 sqrt(MCSE^2 + MCSE_gold^2), sd ratio in
[0.93, 1.07], bulk ESS >= 1500, R-hat < 1.01, no divergences.
"""

import json
from pathlib import Path

import arviz_stats
import numpy as np
import pytest
import xarray as xr

import inference
import mixtures
from mixtures import priors, weights

FOLDER = Path(__file__).parent / "low_dim_gauss_mix"
MODEL = mixtures.gaussian_mixture(
    2,
    weights=weights.Dirichlet(5.0),
    priors={"loc": priors.Normal(0.0, 2.0), "scale": priors.HalfNormal(2.0)},
)


def sorted_by_mean(tree: xr.DataTree) -> xr.Dataset:
    """The reference's variables: components in order of their means, theta the weight of the lower one."""
    posterior = tree["posterior"].to_dataset()
    order = posterior["loc"].values.argsort(axis=-1)
    values = {name: np.take_along_axis(posterior[name].values, order, axis=-1) for name in ("loc", "scale", "weights")}
    dims = ("chain", "draw")
    columns = {f"mu[{k + 1}]": (dims, values["loc"][..., k]) for k in (0, 1)}
    columns |= {f"sigma[{k + 1}]": (dims, values["scale"][..., k]) for k in (0, 1)}
    return xr.Dataset(columns | {"theta": (dims, values["weights"][..., 0])})


def check_gold(tree: xr.DataTree) -> None:
    """Apply the pass rule to a tree of draws."""
    gold = json.loads((FOLDER / "reference_summary.json").read_text())
    found = sorted_by_mean(tree)
    means, spreads = found.mean(), found.std()
    errors = arviz_stats.mcse(found, method="mean")
    sizes = arviz_stats.ess(found, method="bulk")
    r_hat = arviz_stats.rhat(found)
    for name, reference in gold.items():
        allowed = 4 * np.hypot(float(errors[name]), reference["mcse_mean"])
        assert abs(float(means[name]) - reference["mean"]) <= allowed, name
        assert 0.93 <= float(spreads[name]) / reference["sd"] <= 1.07, name
        assert float(sizes[name]) >= 1500, name
        assert float(r_hat[name]) < 1.01, name
    assert int(tree["sample_stats"]["diverging"].sum()) == 0


@pytest.fixture(scope="module")
def data():
    return np.array(json.loads((FOLDER / "data.json").read_text())["y"])


def test_numpyro_meets_the_gold_posterior(data):
    fit = inference.fit_map(MODEL, data, restarts=5, seed=0)
    check_gold(inference.sample_nuts(MODEL, data, draws=1000, tune=1000, chains=4, seed=0, init=fit, progress=False))
