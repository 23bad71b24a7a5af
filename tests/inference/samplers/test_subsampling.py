"""NUTS on a log likelihood estimated by some of the rows: differences in the place of derivatives, all rows in turn, and draws beside
those of all rows.
"""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from arviz_stats.base import array_stats
from scipy.special import softmax
from scipy.stats import chisquare

import inference
from inference.backends import bind
from inference.posterior.afterwards import Steps
from inference.posterior.some_rows import check_one_reference, with_weights
from inference.samplers import numpyro_nuts, subsampling
from inference.samplers.subsampling import Subsample, Taylor, estimate, of_some, taylor_of, taylor_of_rows, with_total
from mixtures import Mixture, Observations, assignments, declare, families, gaussian_mixture, hidden_markov, simulate
from mixtures.errors import BackendError, ModelError

ROWS = 80
MODEL = gaussian_mixture(2, "tied")
X = np.random.default_rng(0).normal(size=ROWS) + np.repeat([0.0, 2.0], ROWS // 2)
WEIGHTS = np.random.default_rng(1).integers(1, 4, ROWS).astype(float)
LABELS = np.where(np.arange(ROWS) % 10 == 0, np.repeat([0, 1], ROWS // 2), -1)
OPTIONS = {"draws": 100, "tune": 100, "chains": 2, "seed": 0, "progress": False}


@pytest.fixture(scope="module")
def problem():
    """The bound problem, its density, what that is given, a vector off the reference, and the log likelihood there."""
    bound = bind(MODEL, Observations(X, row_weights=WEIGHTS, labels=LABELS), "numpyro")
    target, size = bound.target(), bound.sites.coordinates
    with jax.enable_x64(True):
        given = with_total(target, jax.tree.map(jnp.asarray, (target.data, np.zeros(size), np.full(size, 0.2))))
        v = jnp.linspace(-1.0, 1.5, size)
        values = jax.jit(target.density.constrain)(given[2] * v, target.data)
        return (
            bound,
            target.density,
            given,
            v,
            bound.log_densities({name: np.asarray(u)[None] for name, u in values.items()}),
        )


def estimated(density, v, given, rows):
    """By these rows."""
    return jax.jit(
        lambda v, rows, given: estimate(density, v, given, Subsample(rows, taylor_of_rows(density, rows, given)))[0]
    )(v, rows, given)


def test_all_rows_give_the_log_likelihood_itself(problem):
    _, density, given, v, (likelihood, _) = problem
    with jax.enable_x64(True):
        rows = jnp.arange(ROWS)
        found = estimated(density, v, given, rows)
    assert abs(float(found.value) - likelihood[0]) < 1e-10 * abs(likelihood[0])


def terms(bound, density, given, points):
    """Each row's weighted log likelihood at points in the units of the frame, (points, rows)."""
    constrain = jax.jit(jax.vmap(density.constrain, (0, None)))
    values = constrain(given[2] * jnp.asarray(points), given[0])
    return bound.pointwise({name: np.asarray(value) for name, value in values.items()}) * WEIGHTS


def test_the_estimate_is_that_of_polynomials_by_differences(problem):
    """log p - s^2 / 2 of Dang et al. (2019), where central differences of each row's term make its polynomial."""
    bound, density, given, v, _ = problem
    with jax.enable_x64(True):
        rows, step = np.random.default_rng(3).integers(0, ROWS, 12), 1e-3
        along = step * np.eye(len(v))
        every = (along[:, None] + along).reshape(-1, len(v)), (along[:, None] - along).reshape(-1, len(v))
        points = np.concatenate(
            [np.zeros((1, len(v))), np.asarray(v)[None], along, -along, *every, -every[0], -every[1]]
        )
        found = np.split(terms(bound, density, given, points), np.cumsum([1, 1, *2 * [len(v)], *3 * [len(v) ** 2]]))
        centre, there, up, down, *corners = found
        curvature = (corners[0] - corners[1] - corners[3] + corners[2]) / (4 * step**2)
        v = np.asarray(v)
        polynomials = centre[0] + v @ (up - down) / (2 * step) + np.outer(v, v).ravel() @ curvature / 2
        difference = (there[0] - polynomials)[rows]
        value, variance = estimated(density, v, given, jnp.asarray(rows))
    assert float(value) == pytest.approx(polynomials.sum() + ROWS * difference.mean(), rel=1e-6)
    assert float(variance) == pytest.approx(ROWS**2 * difference.var() / 12, rel=1e-3)


RNG = np.random.default_rng(4)
AGE, PAIRS = np.sort(RNG.normal(50.0, 5.0, 30)), RNG.normal(size=(30, 2))
GAPS = np.where(RNG.random(PAIRS.shape) < 0.1, np.nan, PAIRS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "x"),
    [
        (Mixture(2, families.Regression(), assignments.Gating()), Observations(0.4 * AGE, covariates=AGE[:, None])),
        (gaussian_mixture(2), Observations(GAPS, missing="allow")),
        (gaussian_mixture(2, "factor-1"), Observations(RNG.normal(size=(30, 4)))),
    ],
    ids=["gating", "missing cells", "factors"],
)
def test_polynomials_of_rows_add_up(model, x):
    """The sum of each row's is that of all rows, and its second derivatives are differences of first ones."""
    bound = bind(model, x, "numpyro")
    target, size, step = bound.target(), bound.sites.coordinates, 1e-5
    with jax.enable_x64(True):
        centre, unit = np.linspace(-0.1, 0.2, size), np.full(size, 0.1)
        given = with_total(target, jax.tree.map(jnp.asarray, (target.data, centre, unit)))
        each = jax.jit(lambda given: taylor_of_rows(target.density, jnp.arange(30), given))(given)
        each, total = jax.tree.map(np.asarray, (each, given[3]))
    for one, whole in zip(each, total, strict=True):
        np.testing.assert_allclose(one.sum(axis=0), whole, rtol=1e-10, atol=1e-10 * abs(whole).max())
    density = bound.log_density(prior=False)
    up, down = (density.values_and_gradients(centre + way * step * np.eye(size) * unit)[1] for way in (1, -1))
    differences = (up - down) * unit / (2 * step)
    np.testing.assert_allclose(total.curvature, differences, rtol=1e-5, atol=1e-6 * abs(differences).max())


@pytest.fixture(scope="module")
def draws():
    return inference.sample_nuts(MODEL, pd.DataFrame({"size": X}), max_rows=20, **OPTIONS)


def test_the_tree_says_what_was_drawn_from(draws):
    stats = draws["sample_stats"]
    assert draws.attrs["max_rows"] == 20 and "perturbed posterior" in draws.attrs["approximation"]
    assert draws.attrs["sampler"] == "numpyro NUTS" and "some of the rows" in draws.attrs["sampler_reason"]
    assert (stats["log_likelihood_variance"] >= 0).all() and 1 <= draws.attrs["effective_draws"] <= 200


def test_draws_are_weighed_by_the_density_of_all_rows(draws):
    """exp(log p - s^2 / 2) times the prior, and the Jacobian of logit and logarithm, is what they were drawn from."""
    stats, posterior = draws["sample_stats"], draws["posterior"]
    perturbed = stats["log_likelihood_estimate"] - stats["log_likelihood_variance"] / 2
    jacobian = np.log(posterior["weights"]).sum("components") + np.log(posterior["scale"])
    assert (stats["lp"] - perturbed - draws["log_prior"]["log_prior"] - jacobian).std() < 1e-8
    ratio = draws["log_likelihood"]["obs"].sum("rows") - perturbed
    assert (ratio - stats["log_weight"]).where(ratio < ratio.quantile(0.75)).std() < 1e-8  # larger ones are smoothed
    assert np.exp(stats["log_weight"]).sum() == pytest.approx(1.0)


PRIOR = np.random.default_rng(5).normal(-3.0, 1.0, (2, 30))


def of_stats(**stats):
    """A tree with these statistics of two chains, and log priors."""
    cells = ("chain", "draw")
    prior = xr.Dataset({"log_prior": (cells, PRIOR)})
    return xr.DataTree.from_dict(
        {"sample_stats": xr.Dataset({name: (cells, value) for name, value in stats.items()}), "log_prior": prior}
    )


def test_weights_are_the_ratios_of_densities():
    rng = np.random.default_rng(6)
    exact, estimate, variance = rng.normal(-50, 1, (2, 30)), rng.normal(-50, 1, (2, 30)), rng.uniform(0, 1, (2, 30))
    steps, tree = (
        Steps(),
        of_stats(log_posterior=exact + PRIOR, log_likelihood_estimate=estimate, log_likelihood_variance=variance),
    )
    found = with_weights(tree, steps)
    ratio = exact - (estimate - variance / 2)
    low = ratio < np.quantile(ratio, 0.75)  # the others are smoothed
    away = found["sample_stats"]["log_weight"].values - ratio
    assert np.ptp(away[low]) < 1e-10 and not steps.lost
    weights = np.exp(ratio - ratio.max())
    assert found.attrs["effective_draws"] == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
    without = with_weights(of_stats(log_likelihood_estimate=estimate), steps)
    assert "log_weight" not in without["sample_stats"] and "sample_stats.log_weight and k_hat" in steps.lost
    assert without.attrs["is_trustworthy"] == 0 and "perturbed posterior" in without.attrs["approximation"]


def test_even_weights_are_to_be_trusted():
    even = np.full((2, 30), 7.0)
    tree = of_stats(
        log_posterior=even + PRIOR, log_likelihood_estimate=even + 0.5, log_likelihood_variance=even * 0 + 1.0
    )
    found = with_weights(tree, Steps())
    np.testing.assert_allclose(found["sample_stats"]["log_weight"], -np.log(60))
    assert found.attrs["is_trustworthy"] == 1 and found.attrs["effective_draws"] == pytest.approx(60)


def test_check_posterior_says_where_rows_are_too_few(draws):
    far = draws.copy()
    far.attrs |= {"is_trustworthy": 0, "k_hat": 0.9, "effective_draws": 3.0}
    warning = next(one for one in inference.check_posterior(far).warnings if one.name == "approximation")
    assert "max_rows" in warning.advice


def test_a_stored_run_goes_on_as_it_began(draws, tmp_path):
    store, frame = tmp_path / "run", pd.DataFrame({"size": X})
    inference.sample_nuts(MODEL, frame, store=store, max_rows=20, **OPTIONS)
    for block in sorted(store.glob("block-*"))[-3:]:
        block.unlink()
    again = inference.resume(store, frame, progress=False)
    np.testing.assert_array_equal(again["posterior"]["loc"], draws["posterior"]["loc"])
    assert again.attrs["max_rows"] == 20


def test_no_fewer_rows_than_there_are_is_all_rows():
    tree = inference.sample_nuts(MODEL, X[:10], max_rows=10, **{**OPTIONS, "draws": 4, "tune": 4})
    assert "approximation" not in tree.attrs and "log_weight" not in tree["sample_stats"]


@declare
def own(ppl, x):
    rate = ppl.sample("rate", ppl.dist.Gamma(2.0, 1.0))
    with ppl.plate("rows", len(x)):
        ppl.sample("obs", ppl.dist.Poisson(rate), obs=x)


@pytest.mark.parametrize(
    ("program", "options", "error", "words"),
    [
        (hidden_markov(2), {}, ModelError, "hidden Markov chain; expected rows that are independent"),
        (own, {}, ModelError, "a program of your own; expected a Mixture"),
        (MODEL, {"precision": "float32"}, ModelError, "max_rows: got precision='float32'"),
        (MODEL, {"spread": True}, ModelError, "max_rows: got chains that start from several fits"),
        (MODEL, {"backend": "pyro"}, BackendError, "max_rows: got sampler 'pyro'"),
        (MODEL, {"sampler": "nutpie"}, BackendError, "max_rows: got sampler 'nutpie'"),
        (MODEL, {"max_rows": 1}, ModelError, "max_rows: got 1"),
    ],
)
def test_what_it_cannot_do_is_said(program, options, error, words):
    if options.get("sampler") == "nutpie":
        pytest.importorskip("nutpie")
    x = np.arange(1.0, 31.0).round() if program is own else X[:30]
    with pytest.raises(error, match=words.replace("(", r"\(")):
        inference.sample_nuts(program, x, **{**OPTIONS, "max_rows": 5, **options})


def test_terms_are_expanded_about_one_fit():
    check_one_reference([None], "float64", spread=False)
    with pytest.raises(ModelError, match="expected one fit, about which"):
        check_one_reference([None, None], "float64", spread=False)
    with pytest.raises(ModelError, match="got precision='float32'"):
        check_one_reference([None], "float32", spread=False)


TRUTH = {
    "weights": [0.6, 0.4],
    "loc": [[0.0, 0.0], [2.0, 1.0]],
    "scale": [[1.0, 1.0], [0.8, 0.7]],
    "correlation_cholesky": [[[1.0, 0.0], [0.3, np.sqrt(0.91)]], [[1.0, 0.0], [-0.4, np.sqrt(0.84)]]],
}
BOUND = 0.05
"""How far means may be from those of all rows, in posterior standard deviations, and these standard deviations, in parts of them, beyond
Monte Carlo error: the perturbation, which falls as 1 / (rows max_rows^2)."""


def differences(some, whole):
    """Of means and of standard deviations, in posterior standard deviations: how far they are apart, and the Monte Carlo error."""
    found = []
    for name in ("weights", "loc", "scale", "correlation"):
        of_some, of_whole = (np.moveaxis(tree["posterior"][name].values, (0, 1), (-2, -1)) for tree in (some, whole))
        for place in np.ndindex(of_some.shape[:-2]):
            pair = of_some[place], of_whole[place]
            for method, statistic in (("mean", np.mean), ("sd", np.std)):
                error = np.hypot(*(array_stats.mcse(draws, method=method) for draws in pair))
                found.append(np.array([abs(statistic(pair[0]) - statistic(pair[1])), error]) / pair[1].std())
    return np.array(found).T


@pytest.mark.slow
def test_draws_of_overlapping_components_are_those_of_all_rows(monkeypatch, record_property):
    model = gaussian_mixture(2, "full")
    x = simulate(model, (3000, 2), seed=1, given=TRUTH)["obs"]
    fit = inference.fit_map(model, x, seed=0, restarts=4)
    options = {**OPTIONS, "draws": 2000, "tune": 500, "init": fit, "log_likelihood": False, "metric": "diagonal"}
    whole = inference.sample_nuts(model, x, sampler="numpyro", **options)
    some = inference.sample_nuts(model, x, max_rows=200, **options)
    difference, error = differences(some, whole)
    largest = difference.argmax()
    record_property(
        "Means and standard deviations by 200 of 3,000 rows",
        {"largest difference from all rows, posterior sd": f"{difference[largest]:.3f} ± {error[largest]:.3f}"},
    )
    assert (difference < 5 * error + BOUND).all()
    assert some.attrs["is_trustworthy"] and inference.check_posterior(some).is_sound

    monkeypatch.setattr(Taylor, "at", lambda self, v: self.value - (self.slope + self.curvature @ v / 2) @ v)
    for cached in (numpyro_nuts._kernel, subsampling._total):
        cached.cache_clear()
    broken = inference.sample_nuts(model, x, max_rows=200, **options)
    monkeypatch.undo()
    for cached in (numpyro_nuts._kernel, subsampling._total):
        cached.cache_clear()
    difference, error = differences(broken, whole)
    assert not (difference < 5 * error + BOUND).all() and not broken.attrs["is_trustworthy"]


class Kernel(NamedTuple):
    """Of NUTS, what a subsample is drawn anew beside."""

    rng_key: jax.Array
    z: jax.Array
    potential_energy: jax.Array
    z_grad: jax.Array


class Exponentials(NamedTuple):
    """Rows' terms -exp(rate v): their polynomials are 1, rate v and (rate v)^2 / 2."""

    def parts(self, v, data, centre, unit, rows=None):
        x = data["x"] if rows is None else data["x"][rows]
        return -jnp.exp(x * v[0]).sum(), -0.5 * v @ v


RATES, PLACE = np.array([0.4, 0.9, -1.1]), 1.1


def test_subsamples_are_those_of_the_perturbed_posterior(monkeypatch):
    """At a v that stays: a pair of rows has a probability as exp(estimate - variance / 2), here of every one of the nine."""

    def still(potential, options, key, v, given):
        height, slope = jax.value_and_grad(potential(*given))(v)
        return Kernel(key, v, height, slope), lambda kernel, given: kernel

    monkeypatch.setattr(subsampling, "nuts", still)
    with jax.enable_x64(True):
        zero, v = jnp.zeros(1), jnp.array([PLACE])
        total = taylor_of(lambda v: -jnp.exp(RATES * v[0]).sum(), ({}, zero))
        given = ({"x": jnp.asarray(RATES)}, zero, jnp.ones(1), total)

        def last(key):
            chain, step = of_some(Exponentials(), 2, None)(key, v, given)
            return jax.lax.fori_loop(0, 40, lambda _, chain: step(chain), chain)

        chains = jax.jit(jax.vmap(last))(jax.random.split(jax.random.PRNGKey(0), 4000))
        chains = jax.tree.map(np.asarray, chains)
    power = RATES * PLACE
    left = 1 + power + power**2 / 2 - np.exp(power)
    pairs = np.array(list(itertools.product(range(3), repeat=2)))
    value = 3 * left[pairs].mean(axis=1) - (1 + power + power**2 / 2).sum()
    variance = 9 * left[pairs].var(axis=1) / 2
    right, number = softmax(value - variance / 2), chains.subsample.rows @ [3, 1]
    assert chisquare(np.bincount(number, minlength=9), 4000 * right).pvalue > 1e-4
    np.testing.assert_allclose(chains.estimate.value, value[number])
    np.testing.assert_allclose(chains.estimate.variance, variance[number], atol=1e-12)
    np.testing.assert_allclose(chains.potential_energy, (PLACE**2 / 2 - value + variance / 2)[number])
