"""NUTS by NumPyro and nutpie, and tempered SMC, meet the gold posterior of posteriordb's `low_dim_gauss_mix`, by the rule of its README."""

import json
from collections.abc import Callable
from pathlib import Path

import arviz_stats
import numpy as np
import pytest
import xarray as xr

import inference
import mixtures

FOLDER = Path(__file__).parent / "low_dim_gauss_mix"


@pytest.fixture(scope="module")
def data() -> np.ndarray:
    return np.array(json.loads((FOLDER / "data.json").read_text())["y"])


@pytest.fixture(scope="module")
def model() -> mixtures.Mixture:
    """The posterior's model without the ordering of its labels."""
    priors = {"loc": mixtures.priors.Normal(0.0, 2.0), "scale": mixtures.priors.HalfNormal(2.0)}
    return mixtures.gaussian_mixture(2, weights=mixtures.weights.Dirichlet(5.0), priors=priors)


@pytest.fixture(scope="module")
def fit(model, data) -> inference.PointFit:
    return inference.fit_map(model, data, restarts=5, seed=0)


def in_order(tree: xr.DataTree) -> xr.Dataset:
    """The draws with labels sorted by location, under the reference's names."""
    draws = tree["posterior"].to_dataset().transpose("chain", "draw", "components")
    order = np.argsort(draws["loc"].values, axis=2)
    weights, loc, scale = (
        np.take_along_axis(draws[name].values, order, axis=2) for name in ("weights", "loc", "scale")
    )
    columns = {"theta": weights[..., 0]}
    columns |= {f"mu[{k + 1}]": loc[..., k] for k in (0, 1)} | {f"sigma[{k + 1}]": scale[..., k] for k in (0, 1)}
    return xr.Dataset({name: (("chain", "draw"), values) for name, values in columns.items()})


def check_moments(
    name: str,
    values: xr.DataArray,
    mcse: float,
    bound: float,
    sampler: str,
    record_property: Callable[[str, dict[str, str]], None],
) -> None:
    """|mean - gold| <= bound sqrt(MCSE^2 + MCSE_gold^2), sd ratio in [0.93, 1.07]."""
    gold = json.loads((FOLDER / "reference_summary.json").read_text())[name]
    score = (float(values.mean()) - gold["mean"]) / np.hypot(mcse, gold["mcse_mean"])
    ratio = float(values.std()) / gold["sd"]
    record_property(
        "Posteriors with reference draws",
        {
            "posterior": "posteriordb, low_dim_gauss_mix",
            "sampler": sampler,
            "of": name,
            "z-score": f"{score:.2f}",
            "fails beyond": f"{bound:g}",
            "ratio of standard deviations": f"{ratio:.3f}",
        },
    )
    assert abs(score) <= bound, name
    assert 0.93 <= ratio <= 1.07, name


def check_gold(tree: xr.DataTree, sampler: str, record_property) -> None:
    """Its moments by four errors, bulk ESS >= 1500, R-hat < 1.01."""
    draws = in_order(tree)
    mcse, ess, r_hat = arviz_stats.mcse(draws, method="mean"), arviz_stats.ess(draws), arviz_stats.rhat(draws)
    for name, values in draws.items():
        check_moments(name, values, float(mcse[name]), 4, sampler, record_property)
        assert float(ess[name]) >= 1500, name
        assert float(r_hat[name]) < 1.01, name


@pytest.mark.quick("nutpie", reason="both samplers see one density")
@pytest.mark.statistical
@pytest.mark.parametrize("sampler", ["nutpie", "numpyro"])
def test_the_gold_posterior_is_met(model, data, fit, sampler, record_property):
    tree = inference.sample_nuts(model, data, seed=0, init=fit, sampler=sampler, progress=False)
    check_gold(tree, tree.attrs["sampler"], record_property)
    assert not tree["sample_stats"]["diverging"].any()
    assert inference.check_posterior(tree).is_sound


@pytest.mark.statistical
@pytest.mark.slow
def test_the_gold_posterior_is_met_by_a_run_that_was_cut_and_continued(model, data, fit, tmp_path, record_property):
    options = {"seed": 1, "init": fit, "progress": False}
    whole = inference.sample_nuts(model, data, store=tmp_path / "run", **options)
    blocks = sorted((tmp_path / "run").glob("block-*"))
    for block in blocks[len(blocks) // 2 :]:
        block.unlink()
    tree = inference.resume(tmp_path / "run", data, progress=False)
    xr.testing.assert_identical(tree["posterior"].to_dataset(), whole["posterior"].to_dataset())
    check_gold(tree, f"{tree.attrs['sampler']}, cut and continued", record_property)


@pytest.mark.statistical
@pytest.mark.slow
def test_the_gold_posterior_is_met_by_smc(model, data, record_property):
    """The same bounds on means and standard deviations; particles are no chain, so the error is the spread of independent runs."""
    draws = in_order(inference.sample_smc(model, data, particles=200, runs=5, seed=0, progress=False))
    for name, values in draws.items():
        means = values.mean("draw").values
        # six errors: they are estimated, by four degrees of freedom
        check_moments(name, values, means.std(ddof=1) / np.sqrt(len(means)), 6, "sample_smc", record_property)
