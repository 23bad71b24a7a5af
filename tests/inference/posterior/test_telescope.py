"""The telescoping sampler's draws are those of the posterior of partition, parameters and number of components: by sums over all partitions."""

from dataclasses import dataclass
from typing import Any

import arviz_stats
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from scipy import stats
from scipy.special import gammaln

import inference
from inference.samplers.clusterings import Prior
from inference.samplers.telescoping_sweep import _assigned
from mixtures import Mixture, Observations, component_counts, families, gaussian_mixture, priors
from mixtures.assignments import Dirichlet, Gating, SparseDirichlet, StickBreaking
from mixtures.errors import BackendError, DataError, ModelError
from tests.monte_carlo import standard_score
from tests.partition_oracles import COUNTS, RATE, SHAPE, exact, finite, gamma_grid, mixed, pitman_yor
from tests.telescope_run import telescoped

Z = 5.0
"""Standard errors: of some dozens of numbers, none is farther off by chance."""

MOST = 15
POISSON = component_counts.Poisson(1.0)
HEAVY = component_counts.BetaNegativeBinomial(1, 4, 3)
LEARNED = priors.Gamma(1.0, 2.0)


@dataclass(frozen=True)
class Case:
    """A law, its prior on K, and the same by the oracle."""

    components: int
    law: Any
    prior: Any
    oracle: Any


def _number(prior, law):
    return mixed([law(k) for k in range(1, MOST + 1)], prior.log_probs(MOST))


def _concentration(law):
    values, logs = gamma_grid(1.0, 2.0)
    return mixed([law(value) for value in values], logs)


CASES = {
    "static": Case(MOST, Dirichlet(1.0), POISSON, _number(POISSON, lambda k: finite(k, 1.0))),
    "process": Case(40, StickBreaking(1.0), None, pitman_yor(1.0, 0.0)),
    "fixed": Case(3, Dirichlet(0.5), None, finite(3, 0.5)),
    "sparse": Case(4, SparseDirichlet(LEARNED), None, _concentration(lambda a: finite(4, a / 4))),
    "of each": Case(4, SparseDirichlet(LEARNED, False), None, _concentration(lambda a: finite(4, a))),
    "dynamic": Case(
        MOST,
        SparseDirichlet(LEARNED),
        HEAVY,
        _number(HEAVY, lambda k: _concentration(lambda a: finite(k, a / k))),
    ),
    "learned process": Case(40, StickBreaking(LEARNED), None, _concentration(lambda a: pitman_yor(a, 0.0))),
    "Pitman-Yor": Case(200, StickBreaking(0.5, 0.2), None, pitman_yor(0.5, 0.2)),
}
QUICK = ("static", "process")


def sampled(case: Case, draws: int = 1500, seed: int = 0) -> xr.DataTree:
    family = families.Poisson(priors={"rate": priors.Gamma(SHAPE, RATE)})
    return inference.sample_telescope(
        Mixture(case.components, family, case.law),
        COUNTS,
        prior_on_components=case.prior,
        draws=draws,
        tune=200,
        sweeps=3,
        seed=seed,
        assignments=True,
        progress=False,
    )


def scores(tree: xr.DataTree, case: Case) -> np.ndarray:
    """Standard errors between draws and the sum over all partitions: of P(K+) and of the similarities."""
    right = exact(case.oracle)
    group = tree["posterior"].to_dataset()
    labels = group["assignment"].transpose("chain", "draw", "rows").values
    clusters = group["n_clusters"].transpose("chain", "draw").values
    assert (clusters == [[len(set(row)) for row in chain] for chain in labels.tolist()]).all()
    found = {(i, j): labels[..., i] == labels[..., j] for i in range(len(COUNTS)) for j in range(i)}
    found |= {k: clusters == k for k in range(1, len(COUNTS) + 1)}
    known = {key: right.similarity[key] if isinstance(key, tuple) else right.clusters[key] for key in found}
    return np.array([standard_score(found[key], known[key]) for key in found if 1e-3 < known[key] < 1 - 1e-3])


@pytest.fixture(scope="module")
def static():
    return sampled(CASES["static"])


@pytest.mark.statistical
def test_a_static_mixture_of_finite_mixtures(static):
    assert np.abs(scores(static, CASES["static"])).max() < Z


@pytest.mark.slow  # the static law stays
@pytest.mark.statistical
@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in CASES if name != "static"],
)
def test_every_law(name):
    assert np.abs(scores(sampled(CASES[name]), CASES[name])).max() < Z


@pytest.mark.statistical
def test_the_number_of_components_given_the_clusters(static):
    """p(K | x) is proportional to p(K) p(x | K), each of the latter a sum over all partitions."""
    group = static["posterior"].to_dataset()
    sizes = {}
    for k in range(1, MOST + 1):
        sizes[k] = exact(finite(k, 1.0)).log_evidence
    logs = POISSON.log_probs(MOST) + np.array(list(sizes.values()))
    right = np.exp(logs - np.logaddexp.reduce(logs))
    found = group["n_components"].transpose("chain", "draw").values
    off = [standard_score(found == k, right[k - 1]) for k in range(1, MOST + 1) if right[k - 1] > 1e-3]
    assert np.abs(off).max() < Z


@pytest.mark.statistical
@pytest.mark.slow
@pytest.mark.parametrize("components", [2, 3])
def test_evidence_by_smc_is_that_of_all_partitions(components):
    """Another sampler, whose assignments are summed out, held against the same oracle."""
    model = Mixture(components, families.Poisson(priors={"rate": priors.Gamma(SHAPE, RATE)}))
    found = inference.sample_smc(model, COUNTS, particles=500, runs=6, seed=0, progress=False).attrs
    right = exact(finite(components, 1.0)).log_evidence
    assert abs(found["log_evidence"] - right) < Z * found["log_evidence_error"]
    assert found["log_evidence_error"] < 0.1


def test_a_component_without_a_density_has_no_row():
    logits = jnp.stack([jnp.full(50, jnp.nan), jnp.zeros(50), jnp.full(50, -jnp.inf)], axis=1)
    assert (_assigned(jax.random.PRNGKey(0), logits) == 1).all()


def test_any_prior_of_a_positive_number_may_be_that_of_the_concentration():
    prior = Prior(jnp.zeros(1), "RootInverseGamma", {"concentration": 2.0, "rate": 1.5})
    expected = stats.invgamma(2.0, scale=1.5).logpdf(0.7**2) + np.log(2 * 0.7)
    np.testing.assert_allclose(prior.of_concentration(jnp.array(0.7)), expected, rtol=1e-5)


def test_draws_are_a_tree(static):
    group = static["posterior"].to_dataset()
    assert {"weights", "rate", "n_components", "n_clusters", "assignment"} <= set(group.data_vars)
    k = group["n_components"].values
    weights = group["weights"].transpose("chain", "draw", "components").values
    np.testing.assert_allclose(weights.sum(axis=-1), 1.0)
    assert ((weights > 0).sum(axis=-1) == k).all()
    assert (group["n_clusters"].values <= k).all()
    # clusters stand first
    labels = group["assignment"].transpose("chain", "draw", "rows").values
    assert (labels.max(axis=-1) + 1 == group["n_clusters"].values).all()
    assert np.isfinite(static["log_likelihood"]["obs"].values).all()


def test_the_log_density_is_that_of_the_draw():
    """Data, partition, clusters' parameters and what they share, these by their logarithms where positive: by scipy."""
    x = np.array([0.0, 1.0, 2.0, 5.0, 6.0, 10.0])
    family = families.Gaussian(
        priors={"loc": priors.Normal(5.0, 10.0), "scale": priors.RootInverseGamma(2.0, priors.Gamma(0.5, 0.1))}
    )
    tree = inference.sample_telescope(
        Mixture(3, family), x, draws=25, tune=25, sweeps=1, chains=1, seed=0, assignments=True, progress=False
    )
    for i, lp in enumerate(tree["sample_stats"]["lp"].values[0]):
        draw = tree["posterior"].to_dataset().isel(chain=0, draw=i)
        z, k, rate = draw["assignment"].values, int(draw["n_clusters"]), float(draw["scale_rate"])
        loc, scale, sizes = draw["loc"].values, draw["scale"].values, np.bincount(z)
        expected = stats.norm(loc[z], scale[z]).logpdf(x).sum() + stats.norm(5.0, 10.0).logpdf(loc[:k]).sum()
        # of log scale, whose square has the density: 2 scale^2
        expected += (stats.invgamma(2.0, scale=rate).logpdf(scale[:k] ** 2) + np.log(2 * scale[:k] ** 2)).sum()
        expected += stats.gamma(0.5, scale=10.0).logpdf(rate) + np.log(rate)
        # 3! / (3 - k)! Gamma(3) / Gamma(6 + 3) prod Gamma(N + 1)
        expected += gammaln(4) - gammaln(4 - k) + gammaln(3) - gammaln(9) + gammaln(sizes + 1).sum()
        assert lp == pytest.approx(expected, abs=1e-9)


@pytest.mark.slow
@pytest.mark.statistical
def test_chains_that_begin_with_many_clusters_come_to_those_that_there_are():
    """Three that overlap little, of four columns: begun cold, chains keep four to seven for thousands of sweeps."""
    rng, z = np.random.default_rng(0), np.repeat([0, 1, 2], [80, 40, 20])
    middles = np.array([[0.0, 0.0, 0.0, 0.0], [4.0, 4.0, 0.0, 0.0], [0.0, 0.0, 8.0, 8.0]])
    x = rng.normal(size=(140, 4)) * np.array([1.0, 2.0, 3.0])[z, None] + middles[z]
    options = {"draws": 50, "tune": 200, "sweeps": 3, "log_likelihood": False, "progress": False}
    model = Mixture(10, families.Gaussian("full"), SparseDirichlet())
    tree = inference.sample_telescope(model, x, prior_on_components=HEAVY, seed=0, **options)
    last = tree["posterior"]["n_clusters"].transpose("chain", "draw").values[:, -1]
    assert last.min() >= 2 and last.mean() < 4


def test_what_is_not_random_is_repeated(static):
    again = sampled(CASES["static"])
    np.testing.assert_array_equal(static["posterior"]["rate"].values, again["posterior"]["rate"].values)


def test_a_tree_of_draws_serves_the_verbs(static, tmp_path):
    x = Observations(COUNTS)
    shares = inference.responsibilities(static, x)
    assert shares.shape == (len(COUNTS), MOST)
    np.testing.assert_allclose(np.asarray(shares).sum(axis=1), 1.0)
    inference.save(static, tmp_path / "draws.nc")
    found = inference.partition(inference.load(tmp_path / "draws.nc"), seed=0)
    assert len(found.labels) == len(COUNTS)
    names = {warning.name for warning in inference.check_posterior(static).warnings}
    assert not names & {"not a number", "minor mode", "room", "lost"}


def test_clusters_are_identified_by_the_tightest_groups(static):
    """Of one parameter the best two groups are an interval each: by trying every place where they may be cut."""
    group = static["posterior"].to_dataset().stack(all=("chain", "draw"))
    chosen = group["n_clusters"].values == 2
    rates = group["rate"].transpose("all", "components").values[chosen][:, :2]
    weights = group["weights"].transpose("all", "components").values[chosen][:, :2]
    logs = np.sort(np.log(rates).ravel())
    loss = [logs[:i].var() * i + logs[i:].var() * (len(logs) - i) for i in range(1, len(logs))]
    cut = logs[: 1 + int(np.argmin(loss))].max()
    is_labelled = (np.log(rates) <= cut).sum(axis=1) == 1
    found = inference.identify(static, 2, seed=0)
    assert 0.0 < found.attrs["non_permutation_rate"] < 1.0
    assert found.attrs["non_permutation_rate"] == pytest.approx(1 - is_labelled.mean(), abs=0.01)
    assert found.attrs["share_of_draws"] == pytest.approx(chosen.mean())
    order = np.argsort(rates[is_labelled], axis=1)
    shares = weights[is_labelled] / weights[is_labelled].sum(axis=1, keepdims=True)
    mean = np.sort(np.take_along_axis(shares, order, axis=1).mean(axis=0))[::-1]
    np.testing.assert_allclose(found["posterior"]["weights"].mean(("chain", "draw")).values, mean, atol=0.01)


@pytest.mark.slow  # the sentence is made from numbers of any draws
def test_room_that_is_short_is_said():
    tree = telescoped(seed=0, prior_on_components=component_counts.Uniform(), draws=50, tune=25)
    assert "room" in {warning.name for warning in inference.check_posterior(tree).warnings}


X = [0.0, 1.0, 2.0, 5.0, 9.0]


@pytest.mark.parametrize(
    ("model", "options", "error", "text"),
    [
        (Mixture(3, families.Gaussian(), Gating()), {}, DataError, "covariates"),
        (
            Mixture(3, families.Gaussian(), Dirichlet((1.0, 2.0, 3.0))),
            {},
            ModelError,
            "partitions have known probabilities",
        ),
        (Mixture(3, families.WithNoise(families.Gaussian(), -1.0, 10.0)), {}, ModelError, "tells apart"),
        (
            Mixture(3, families.Gaussian(), StickBreaking()),
            {"prior_on_components": POISSON},
            ModelError,
            "infinitely many",
        ),
        (gaussian_mixture(3), {"prior_on_components": 3}, ModelError, "component_counts"),
        (gaussian_mixture(3), {"backend": "pyro"}, BackendError, "numpyro"),
        (gaussian_mixture(3), {"sweeps": 0}, ModelError, "sweeps"),
    ],
)
def test_what_cannot_be_sampled_is_refused_in_words(model, options, error, text):
    with pytest.raises(error, match=text):
        inference.sample_telescope(model, X, seed=0, progress=False, **options)


def test_components_that_are_tied_are_refused():
    x = np.random.default_rng(0).normal(size=(20, 2))
    with pytest.raises(ModelError, match="relative to each other"):
        inference.sample_telescope(gaussian_mixture(3, "VEV"), x, seed=0, progress=False)


@pytest.mark.parametrize("name", ["labels", "row_weights"])
def test_rows_of_known_components_are_refused(name):
    x = Observations(X, **{name: [0, -1, -1, -1, 1] if name == "labels" else [1.0, 2.0, 1.0, 1.0, 1.0]})
    with pytest.raises(DataError, match=name):
        inference.sample_telescope(gaussian_mixture(3), x, seed=0, progress=False)


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("covariance", ["full", "tied"])
@pytest.mark.parametrize("components", [1, 2])
def test_parameters_of_columns_are_those_of_another_sampler(covariance, components):
    """Means and spreads of what labels do not change, against NUTS: vectors of several coordinates, and what components share."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(40, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]]) + np.repeat([[0.0, 0.0], [2.5, 1.0]], 20, axis=0)
    model = gaussian_mixture(components, covariance)
    options = {"seed": 0, "progress": False, "log_likelihood": True}
    ours = inference.sample_telescope(model, x, draws=2000, tune=500, sweeps=3, **options)
    theirs = inference.sample_nuts(model, x, draws=2000, tune=1000, **options)

    def quantities(tree):
        group, rows = tree["posterior"].to_dataset(), tree["log_likelihood"]["obs"]
        found = {f"row {row}": np.exp(rows.isel(rows=row)) for row in (0, 13, 27, 39)}
        for name in ("scale", "loc"):
            value = group[name]
            found[name] = value.mean([dim for dim in value.dims if dim not in ("chain", "draw")])
            found[f"{name} squared"] = (value**2).mean([dim for dim in value.dims if dim not in ("chain", "draw")])
        return xr.Dataset({name: value.drop_vars(list(value.coords)) for name, value in found.items()})

    both = [quantities(tree) for tree in (ours, theirs)]
    means = [one.mean(("chain", "draw")) for one in both]
    errors = [arviz_stats.mcse(one) for one in both]
    for name in both[0].data_vars:
        error = np.hypot(float(errors[0][name]), float(errors[1][name]))
        assert abs(float(means[0][name] - means[1][name])) < Z * error, name
