"""What is drawn on request has the law that the model gives it.

Oracles: assignment frequencies against scipy's responsibilities; predictive moments against the moments of a mixture, written out; prior
draws against the priors' own moments; log priors against scipy's densities.
"""

import arviz_stats
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import inference
from inference.posterior import generate
from mixtures import Mixture, Observations, declare, families, gaussian_mixture
from mixtures.errors import ModelError
from tests.oracles import FIVE_POINTS, gaussian_log_joint
from tests.programs import common_regime, shared_rate, two_assignments

Z = 4.5


@pytest.fixture(scope="module")
def tree(tutorial, backend):
    size = 400 if backend == "numpyro" else 60
    options = {"draws": size, "tune": size, "chains": 2, "seed": 3, "backend": backend, "progress": False}
    return inference.sample_nuts(tutorial, FIVE_POINTS, predictive=True, assignments=True, **options)


def _shares(tree: xr.DataTree) -> np.ndarray:
    """P(assignment = 1 | row, draw) by scipy, (draws, rows)."""
    posterior = tree["posterior"].to_dataset().stack(sample=("chain", "draw")).transpose("sample", ...)
    tables = [
        gaussian_log_joint(FIVE_POINTS, w, loc, np.full((2, 1, 1), scale**2))
        for w, loc, scale in zip(*(posterior[name].values for name in ("weights", "loc", "scale")), strict=True)
    ]
    return 1 / (1 + np.exp([table[:, 0] - table[:, 1] for table in tables]))


@pytest.mark.quick("numpyro", reason="one code draws assignments of either backend's table")
@pytest.mark.statistical
def test_assignments_follow_their_responsibilities(tree):
    drawn = tree["posterior"]["assignment"]
    assert drawn.dims == ("chain", "draw", "rows") and drawn.dtype == np.int8
    share, z = _shares(tree), drawn.values.reshape(-1, 5)
    error = np.sqrt(np.maximum((share * (1 - share)).sum(axis=0), 1e-9))
    assert np.all(np.abs((z - share).sum(axis=0)) < Z * np.maximum(error, 1.0))


@pytest.mark.statistical
def test_predicted_data_have_the_moments_of_the_draws_mixtures(tree):
    posterior, predicted = tree["posterior"].to_dataset(), tree["posterior_predictive"]["obs"]
    assert predicted.dims == ("chain", "draw", "rows")
    mean = (posterior["weights"] * posterior["loc"]).sum("components")
    variance = (posterior["weights"] * posterior["loc"] ** 2).sum("components") - mean**2 + posterior["scale"] ** 2
    total = predicted.sum("rows") - 5 * mean
    assert abs(float(total.sum())) < Z * float(np.sqrt(5 * variance.sum()))


@pytest.mark.statistical
def test_prior_draws_have_the_priors_moments(tree):
    prior = tree["prior"].to_dataset()
    count = prior.sizes["draw"]
    assert count == tree["posterior"]["loc"].sizes["chain"] * tree["posterior"]["loc"].sizes["draw"]
    assert abs(float(prior["loc"].mean())) < Z * 10 / np.sqrt(2 * count)
    assert abs(float(np.log(prior["scale"]).mean())) < Z * 2 / np.sqrt(count)
    assert stats.kstest(prior["weights"].values[0, :, 0], stats.beta(0.5, 0.5).cdf).pvalue > 1e-5
    assert tree["prior_predictive"]["obs"].shape == (1, count, 5)


def test_log_prior_is_the_priors_density(tree):
    one = tree["posterior"].to_dataset().isel(chain=1, draw=7)
    expected = stats.norm(0, 10).logpdf(one["loc"]).sum() + stats.lognorm(2).logpdf(one["scale"])
    expected += stats.dirichlet([0.5, 0.5]).logpdf(one["weights"].values)
    np.testing.assert_allclose(tree["log_prior"]["log_prior"].values[1, 7], expected, rtol=1e-10)


def test_psense_takes_the_tree(faithful_posterior):
    summary = arviz_stats.psense_summary(faithful_posterior, var_names=["weights"])
    assert {"prior", "likelihood"} <= set(summary.columns)
    assert np.isfinite(summary[["prior", "likelihood"]].to_numpy(dtype=float)).all()


@pytest.mark.quick("pyro", reason="blocks are cut by one code")
def test_predictive_memory_is_bounded(tree, monkeypatch):
    monkeypatch.setattr(generate, "PREDICTIVE_CELLS", 100)
    monkeypatch.setattr(generate, "AT_ONCE", 10)
    few = generate.with_predictive(tree, 0)["posterior_predictive"]["obs"]
    assert few.shape == (2, 10, 5)
    assert few["draw"].values[0] == 0 and few["draw"].values[-1] == tree["posterior"].sizes["draw"] - 1


@pytest.mark.quick("pyro-*", reason="one code draws assignments of either backend's table")
@pytest.mark.parametrize(
    ("program", "shapes"), [(two_assignments, {"group": 3, "level": 3}), (common_regime, {"regime": 2})]
)
def test_richer_assignments_are_drawn_too(program, shapes, backend):
    x = np.array([0.0, 1.0, 2.0, 5.0, 9.0])
    tree = inference.sample_nuts(
        program,
        x,
        draws=6,
        tune=6,
        chains=2,
        seed=0,
        backend=backend,
        progress=False,
        assignments=True,
        predictive=True,
    )
    for name, dimensions in shapes.items():
        assert tree["posterior"][name].ndim == dimensions
        assert tree["posterior"][name].values.min() >= 0
    assert tree["posterior_predictive"]["obs"].shape == (2, 6, 5)


@declare
def classes_of_subjects(ppl, x):
    """Subjects have classes, which their rows look up."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(2.0 * ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", ppl.dist.Normal(0.0, 2.0))
    with ppl.plate("subjects", 3):
        z = ppl.assign("class", weights)
    with ppl.plate("rows", len(x)):
        ppl.sample("obs", ppl.dist.Normal(centre[z[WHO]], 1.0), obs=x)


@declare
def classes_of_subjects_and_rows(ppl, x):
    """The same, and rows have assignments too: those of one subject hang together."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(2.0 * ppl.xp.ones(2)))
    with ppl.plate("subjects", 3):
        z = ppl.assign("class", weights)
    with ppl.plate("rows", len(x)):
        wide = ppl.assign("wide", ppl.xp.ones(2) / 2)
        ppl.sample("obs", ppl.dist.Normal(1.0 * z[WHO], 1.0 + wide), obs=x)


WHO = np.array([0, 0, 1, 2, 2, 1])
LONG = np.array([-0.5, -0.9, 0.4, 1.2, 0.6, -0.1])


@pytest.mark.quick("numpyro", reason="one code draws assignments of either backend's table")
@pytest.mark.statistical
def test_assignments_that_rows_look_up_are_drawn_from_their_probabilities(backend):
    tree = inference.sample_nuts(
        classes_of_subjects,
        LONG,
        draws=200,
        tune=50,
        chains=1,
        seed=0,
        backend=backend,
        progress=False,
        assignments=True,
    )
    draws = tree["posterior"].to_dataset().isel(chain=0)
    # P(class of s = 1 | parameters), from log w_k + sum of log N(x_i | centre_k, 1) over the rows of s
    of_rows = stats.norm.logpdf(LONG[:, None], draws["centre"].values[:, None], 1.0)
    table = np.log(draws["weights"].values)[:, None] + np.stack([of_rows[:, s == WHO].sum(axis=1) for s in range(3)], 1)
    p = np.exp(table[..., 1] - np.logaddexp.reduce(table, axis=2))
    z = draws["class"].values
    assert z.shape == p.shape == (200, 3)
    assert np.all(abs((z - p).sum(axis=0)) < 5 * np.sqrt((p * (1 - p)).sum(axis=0)))


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_assignments_that_hang_together_are_refused_before_any_draw(backend):
    with pytest.raises(ModelError, match="for assignments=True"):
        inference.sample_nuts(
            classes_of_subjects_and_rows,
            LONG,
            draws=4,
            tune=4,
            seed=0,
            backend=backend,
            progress=False,
            assignments=True,
        )


@pytest.mark.quick("numpyro-table", "pyro-*", reason="one code gives dims to what either backend has drawn")
@pytest.mark.parametrize("family", ["table", "product", "regression", "own"])
def test_predicted_data_go_with_the_data(family, backend):
    """Dims and coordinates of every group that has rows are those of `observed_data`: differences line up, and ArviZ draws them."""
    names, columns = [f"p{row}" for row in range(12)], ["a", "b"]
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(rng.poisson(3.0, size=(12, 2)), columns=columns, index=names).astype(float)
    x, program = {
        "table": (frame, gaussian_mixture(2, "diag")),
        "product": (frame, Mixture(2, families.Product({"a": families.Gaussian(), "b": families.Poisson()}))),
        "regression": (Observations(frame["a"], covariates=frame[["b"]]), Mixture(2, families.Regression("poisson"))),
        "own": (frame["a"], shared_rate),
    }[family]
    options = {"draws": 4, "tune": 4, "chains": 2, "seed": 0, "backend": backend, "progress": False}
    tree = inference.sample_nuts(program, x, predictive=True, assignments=True, **options)
    seen = tree["observed_data"]["obs"]
    for group in ("posterior_predictive", "prior_predictive"):
        made = tree[group]["obs"]
        assert made.dims[2:] == seen.dims
        for dim in seen.dims:
            assert list(made.coords[dim].values) == list(seen.coords[dim].values)
        assert (made - seen).sizes["rows"] == 12
    for values in (tree["posterior"]["assignment"], tree["log_likelihood"]["obs"]):
        assert values.dims[2:] == ("rows",) and list(values.coords["rows"].values) == names
    if family == "product":
        np.testing.assert_array_equal(
            tree["posterior_predictive"]["b"], tree["posterior_predictive"]["obs"].sel(features="b")
        )
