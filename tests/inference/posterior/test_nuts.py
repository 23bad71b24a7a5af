"""Collapsed NUTS draws from the exact posterior, and hands back a complete tree.

Oracle: on the five points all 2^5 assignments are enumerated and the rest is integrated by quadrature; comparisons are in units of the
Monte Carlo error, of quantities that do not depend on labels.
"""

import dataclasses
import inspect

import arviz_stats
import numpy as np
import nutpie
import pytest
import xarray as xr

import inference
import mixtures
from inference.backends import engine
from inference.posterior import tree
from mixtures.errors import ChoiceError, ModelError
from tests.oracles import FIVE_POINTS, exact_tutorial_given_scale, exact_tutorial_posterior
from tests.programs import common_regime, shared_rate, two_assignments

SIZES = {
    "numpyro": {"draws": 8000, "tune": 1000, "chains": 4},
    "nutpie": {"draws": 8000, "tune": 1000, "chains": 4},
    "numpyro in float32": {"draws": 8000, "tune": 1000, "chains": 4, "precision": "float32"},
    "numpyro in a dense metric": {"draws": 8000, "tune": 1000, "chains": 4, "metric": "dense"},
    "nutpie in a dense metric": {"draws": 8000, "tune": 1000, "chains": 4, "metric": "dense"},
    "pyro": {"draws": 250, "tune": 250, "chains": 2},
}
"""Pyro takes tens of milliseconds a draw: fewer draws, and they are asked only what they can know."""

Z = 4.5
"""Allowed deviation in Monte Carlo standard errors: a correct sampler exceeds it once in 100,000 comparisons."""

BELOW = 1.0
"""Log scales up to here belong to the two clusters that the eye sees; beyond, where all points are one, is an eighth of the posterior."""


@pytest.fixture(scope="module", params=SIZES)
def five_point_posterior(tutorial, request):
    sampler = request.param.split()[0]
    return inference.sample_nuts(tutorial, FIVE_POINTS, seed=0, sampler=sampler, progress=False, **SIZES[request.param])


def _z(draws: xr.DataArray, truth: float) -> float:
    error = float(arviz_stats.mcse(xr.Dataset({"v": draws}), method="mean")["v"])
    return (float(draws.mean()) - truth) / error


def _together(tree: xr.DataTree, i: int, j: int) -> xr.DataArray:
    """P(rows i and j have the same component | parameters), draw by draw."""
    from inference.assignment.responsibilities import draw_responsibilities

    r, sizes = draw_responsibilities(tree), tree["posterior"].sizes
    same = (r[:, i] * r[:, j]).sum(axis=1).reshape(sizes["chain"], sizes["draw"])
    return xr.DataArray(same, dims=("chain", "draw"))


PAIRS = [(0, 1), (1, 2), (0, 4), (3, 4)]


@pytest.mark.quick("numpyro", "nutpie", "numpyro in float32", reason="of Pyro's NUTS other tests see moments")
@pytest.mark.statistical
def test_given_the_scale_all_else_is_exact(five_point_posterior):
    """Each draw is held against the exact expectation given its own scale: that is right in every mode, visited often or not at all."""
    posterior = five_point_posterior["posterior"].to_dataset().transpose("chain", "draw", ...)
    exact = exact_tutorial_given_scale(np.log(posterior["scale"].values.ravel()))
    shape = posterior["scale"].shape
    distance = (posterior["loc"].isel(components=0) - posterior["loc"].isel(components=1)) ** 2
    assert abs(_z(distance - exact.loc_distance_squared.reshape(shape), 0.0)) < Z
    assert abs(_z((posterior["weights"] ** 2).sum("components") - exact.weights_squared.reshape(shape), 0.0)) < Z
    for i, j in PAIRS:
        assert abs(_z(_together(five_point_posterior, i, j) - exact.similarity[:, i, j].reshape(shape), 0.0)) < Z


@pytest.mark.quick(
    but=["pyro", "numpyro in a dense metric"],
    reason="of Pyro's NUTS other tests see moments; nutpie has a dense metric too",
)
@pytest.mark.statistical
def test_the_scale_of_the_two_clusters_is_exact(five_point_posterior):
    """The one quantity that is left: within the mode where chains are most of the time, which they leave and find again."""
    log_scale = np.log(five_point_posterior["posterior"]["scale"].values.ravel())
    visited = xr.DataArray(log_scale[log_scale < BELOW][None], dims=("chain", "draw"))
    assert abs(_z(visited, exact_tutorial_posterior(below=BELOW).log_scale)) < Z


@pytest.mark.statistical
@pytest.mark.parametrize(
    "five_point_posterior", [name for name in SIZES if name != "pyro"], indirect=True, scope="module"
)
def test_both_modes_are_visited_as_often_as_the_posterior_says(five_point_posterior):
    """By chains of thousands of draws, which go to and fro often enough to know how often."""
    posterior, exact = five_point_posterior["posterior"], exact_tutorial_posterior()
    share = np.exp(exact_tutorial_posterior(below=BELOW).log_evidence - exact.log_evidence)
    assert abs(_z((np.log(posterior["scale"]) < BELOW).astype(float), share)) < Z
    assert abs(_z(np.log(posterior["scale"]), exact.log_scale)) < Z
    for i, j in PAIRS:
        assert abs(_z(_together(five_point_posterior, i, j), exact.similarity[i, j])) < Z


@pytest.mark.quick(but=["pyro"], reason="half a minute of Pyro's draws, which no other quick test looks at")
@pytest.mark.statistical
def test_every_sampler_says_how_it_went(five_point_posterior):
    stats = five_point_posterior["sample_stats"].to_dataset()
    assert set(stats) >= {"lp", "energy", "diverging", "n_steps", "tree_depth", "step_size", "acceptance_rate"}
    # a tree of depth d has 2^d - 1 steps at most; nutpie leaves out the last doubling where it was in vain
    assert (stats["n_steps"] <= 2 ** (stats["tree_depth"] + 1) - 1).all() and (stats["n_steps"] >= 1).all()
    # a trajectory has the potential energy -lp and a kinetic energy of chi2(coordinates) / 2: mean and variance coordinates / 2
    coordinates = 1 + 2 + 1  # weights, means, the common standard deviation
    kinetic = (stats["energy"] + stats["lp"]).values
    if not _has_its_own_zero(five_point_posterior.attrs["sampler"]):
        assert abs(kinetic.mean() - coordinates / 2) < Z * np.sqrt(coordinates / 2 / kinetic.size)
    # the fourth cumulant of chi2(d) / 2 is 3 d
    error = np.sqrt((3 * coordinates + 2 * (coordinates / 2) ** 2) / kinetic.size)
    assert abs(kinetic.var(axis=1).mean() - coordinates / 2) < Z * error


def _has_its_own_zero(sampler):
    """Whether energies are those of the coordinates in which the metric is 1, another constant in each chain: nutpie's since `adaptation`."""
    return "nutpie" in sampler and "adaptation" in inspect.signature(nutpie.sample).parameters


@pytest.mark.quick(but=["pyro"], reason="Pyro's draws of a user's program are looked at")
def test_draws_in_single_precision_are_parameters_in_double(five_point_posterior):
    for values in five_point_posterior["posterior"].to_dataset().values():
        assert values.dtype == np.float64
    np.testing.assert_allclose(five_point_posterior["posterior"]["weights"].sum("components"), 1.0, rtol=1e-14)


def test_the_tree_is_complete(faithful, faithful_posterior):
    tree = faithful_posterior
    assert set(tree.children) >= {"posterior", "sample_stats", "log_likelihood", "observed_data", "constant_data"}
    assert tree["posterior"]["loc"].dims == ("chain", "draw", "components", "features")
    assert tree["posterior"]["weights"].dims == ("chain", "draw", "components")
    assert tree["posterior"]["loc"].coords["features"].values.tolist() == ["eruptions", "waiting"]
    assert {"lp", "energy", "diverging", "tree_depth", "step_size", "acceptance_rate"} <= set(
        tree["sample_stats"].data_vars
    )
    np.testing.assert_array_equal(tree["observed_data"]["obs"].values, faithful.x)
    assert {"seed", "sampler", "program", "model", "data_fingerprint", "versions", "tune"} <= set(tree.attrs)
    np.testing.assert_allclose(tree["constant_data"]["prior_loc_scale"], np.ptp(faithful.x, axis=0))


def test_log_likelihood_has_the_assignment_summed_out(faithful, faithful_posterior):
    from scipy.special import logsumexp

    from tests.oracles import gaussian_log_joint

    draw, factors = (faithful_posterior[name].isel(chain=1, draw=17) for name in ("posterior", "factors"))
    root = draw["scale"].values[..., None] * factors["correlation_cholesky"].values
    table = gaussian_log_joint(faithful.x, draw["weights"].values, draw["loc"].values, root @ np.swapaxes(root, -1, -2))
    found = faithful_posterior["log_likelihood"]["obs"].isel(chain=1, draw=17).values
    np.testing.assert_allclose(found, logsumexp(table, axis=1), rtol=1e-10)


@pytest.mark.statistical
@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")  # in few draws a row may have a long tail
def test_arviz_takes_the_tree_as_it_is(faithful_posterior):
    summary = arviz_stats.summary(faithful_posterior, var_names=["weights", "loc"])
    assert len(summary) == 6
    loo = arviz_stats.loo(faithful_posterior)
    assert np.isfinite(loo.elpd)
    # the in-sample log likelihood exceeds the estimated out-of-sample one by about the number of parameters, 11
    assert 5 < loo.p < 20


@pytest.mark.statistical
def test_the_density_of_each_draw_is_comparable_with_the_maps(faithful_fit, faithful_posterior):
    found = faithful_posterior["sample_stats"]["log_posterior"].values
    assert found.max() < faithful_fit.log_posterior
    # 11 free parameters: 2 (mode - draw) is roughly chi-square with 11 degrees of freedom
    assert abs(2 * (faithful_fit.log_posterior - found).mean() - 11) < 4
    assert faithful_posterior.attrs["init_log_posterior"] == faithful_fit.log_posterior


def test_chains_take_several_fits_in_turn(tutorial):
    from inference.backends import engine
    from inference.posterior.chain_starts import chain_starts
    from mixtures import Observations

    # two labellings of one optimum: what tells the chains apart
    fit = inference.fit_map(tutorial, FIVE_POINTS, restarts=10, seed=0)
    mirrored = dataclasses.replace(
        fit, parameters={name: value[::-1] if value.ndim else value for name, value in fit.parameters.items()}
    )
    x, backend = Observations(FIVE_POINTS), engine("numpyro")
    starts = chain_starts(backend.bind(tutorial, x), 5, 0, [fit, mirrored])
    locs = np.stack([backend.bind(tutorial, x).log_density().constrain(u)["loc"] for u in starts.vectors])
    rises = np.diff(locs, axis=1)[:, 0] > 0
    np.testing.assert_array_equal(rises, np.resize([rises[0], not rises[0]], 5))


def test_pointwise_log_likelihoods_are_kept_or_not(tutorial, monkeypatch):
    options = {"draws": 20, "tune": 30, "chains": 1, "seed": 0, "progress": False}
    with_rows = inference.sample_nuts(tutorial, FIVE_POINTS, **options)
    without = inference.sample_nuts(tutorial, FIVE_POINTS, log_likelihood=False, **options)
    monkeypatch.setattr(tree, "POINTWISE_BYTES", 100)
    by_size = inference.sample_nuts(tutorial, FIVE_POINTS, **options)
    assert "log_likelihood" in with_rows.children
    for other in (without, by_size):
        assert "log_likelihood" not in other.children
        np.testing.assert_allclose(other["sample_stats"]["log_posterior"], with_rows["sample_stats"]["log_posterior"])
        later = inference.log_likelihood(other, FIVE_POINTS)
        np.testing.assert_allclose(later, with_rows["log_likelihood"]["obs"])


@pytest.mark.parametrize("sampler", ["numpyro", "nutpie"])
def test_seeds_reproduce(tutorial, sampler):
    options = {"draws": 20, "tune": 30, "chains": 2, "progress": False, "sampler": sampler}
    one, again, other = (inference.sample_nuts(tutorial, FIVE_POINTS, seed=seed, **options) for seed in (5, 5, 6))
    xr.testing.assert_identical(one["posterior"].to_dataset(), again["posterior"].to_dataset())
    assert not np.array_equal(one["posterior"]["loc"], other["posterior"]["loc"])


@pytest.mark.parametrize("sampler", ["numpyro", "nutpie"])
def test_new_data_of_the_same_shape_compile_nothing(sampler):
    """The second run takes its data, and the numbers of its priors, as arguments of programs that exist already."""
    import jax

    model = mixtures.gaussian_mixture(2)
    options = {"draws": 10, "tune": 10, "chains": 2, "progress": False, "sampler": sampler}
    inference.sample_nuts(model, FIVE_POINTS, seed=0, **options)
    compiled = []

    def count(name, *_, **__):
        if name == "/jax/core/compile/backend_compile_duration":
            compiled.append(name)

    jax.monitoring.register_event_duration_secs_listener(count)
    try:
        inference.sample_nuts(model, FIVE_POINTS * 1.5 + 2.0, seed=9, **options)
    finally:
        jax.monitoring.clear_event_listeners()
    assert compiled == []


@pytest.mark.quick("numpyro-program2", "pyro-program0", reason="each backend")
@pytest.mark.parametrize("program", [shared_rate, two_assignments, common_regime])
def test_a_users_own_program_is_sampled(program, backend):
    x = np.array([0.0, 1.0, 2.0, 5.0, 9.0])
    size = 100 if backend == "numpyro" else 15
    tree = inference.sample_nuts(program, x, draws=size, tune=size, chains=2, seed=0, backend=backend, progress=False)
    weights = tree["posterior"]["weights" if program is not two_assignments else "groups"]
    assert weights.dims[-1] == "components"
    np.testing.assert_allclose(weights.sum("components"), 1.0, rtol=1e-14)
    assert all(values.dtype == np.float64 for values in tree["posterior"].to_dataset().values())
    assert np.isfinite(tree["sample_stats"]["lp"]).all()
    assert ("log_likelihood" in tree.children) == (program is not common_regime)


def test_bad_arguments_are_refused_in_words(tutorial, faithful_fit):
    with pytest.raises(ChoiceError, match="'auto', 'numpyro', 'nutpie', 'pyro'"):
        inference.sample_nuts(tutorial, FIVE_POINTS, seed=0, sampler="gibbs")
    with pytest.raises(ModelError, match="chains: got 0"):
        inference.sample_nuts(tutorial, FIVE_POINTS, seed=0, chains=0)
    with pytest.raises(ModelError, match="a fit of this program"):
        inference.sample_nuts(tutorial, FIVE_POINTS, seed=0, init=faithful_fit)
    for init in ("map", {"loc": 0.0}, 3, [3]):
        with pytest.raises(ModelError, match="init: got"):
            inference.sample_nuts(tutorial, FIVE_POINTS, seed=0, init=init)
    with pytest.raises(ChoiceError, match="'auto', 'diagonal', 'dense'"):
        inference.sample_nuts(tutorial, FIVE_POINTS, seed=0, metric="full")
    for target in (0.0, 1.0, 2.0, float("nan"), "a"):
        with pytest.raises(ModelError, match="target_accept"):
            inference.sample_nuts(tutorial, FIVE_POINTS, seed=0, target_accept=target)


def test_a_fit_by_maximum_likelihood_is_a_reference_too(tutorial):
    fit = inference.fit_em(mixtures.gaussian_mixture(2, "tied"), FIVE_POINTS, restarts=3, seed=0)
    assert fit.log_posterior is None
    program = mixtures.gaussian_mixture(2, "tied")
    tree = inference.sample_nuts(program, FIVE_POINTS, draws=10, tune=10, chains=1, seed=0, init=fit, progress=False)
    problem = engine("numpyro").bind(program.scaled_to(FIVE_POINTS), mixtures.Observations(FIVE_POINTS))
    prior = problem.log_priors({k: v[None] for k, v in fit.parameters.items()})
    np.testing.assert_allclose(tree.attrs["init_log_posterior"], fit.log_likelihood + prior[0], rtol=1e-10)


@pytest.mark.parametrize(
    ("components", "tune", "asked", "metric", "target_accept"),
    [
        (1, 10, {}, "diagonal", 0.8),
        (2, 100, {}, "diagonal", 0.8),
        (2, 110, {}, "dense", 0.9),
        (2, 110, {"metric": "diagonal"}, "diagonal", 0.8),
        (2, 10, {"metric": "dense", "target_accept": 0.7}, "dense", 0.7),
    ],
)
def test_correlations_are_learnt_where_warm_up_is_long_enough(components, tune, asked, metric, target_accept):
    # in two dimensions a component has five coordinates, and two components have a weight: 11 coordinates
    x = np.random.default_rng(0).normal(size=(40, 2)) * [1.0, 3.0]
    model = mixtures.gaussian_mixture(components)
    tree = inference.sample_nuts(model, x, draws=5, tune=tune, chains=1, seed=0, progress=False, **asked)
    assert tree.attrs["metric"] == metric
    assert tree.attrs["target_accept"] == target_accept


@pytest.mark.quick("nutpie-*", reason="the metric is asked for by one code")
@pytest.mark.statistical
@pytest.mark.parametrize(
    ("sampler", "size"),
    [
        ("numpyro", {"draws": 500, "tune": 300, "chains": 2}),
        ("nutpie", {"draws": 500, "tune": 300, "chains": 2}),
        # minutes: before it has learnt the ridge, Pyro walks along it in trees of full depth
        pytest.param("pyro", {"draws": 100, "tune": 200, "chains": 1}, marks=pytest.mark.slow),
    ],
)
def test_a_dense_metric_walks_along_a_ridge(sampler, size):
    # one component: the mean's posterior is N(sample mean, S / n) but for terms in 1 / n, and its two coordinates have correlation 0.99
    x = np.random.default_rng(0).multivariate_normal([1.0, -2.0], [[1.0, 0.99], [0.99, 1.0]], 300)
    model = mixtures.gaussian_mixture(1)
    options = {"init": inference.fit_em(model, x, restarts=1, seed=0), "seed": 0, "progress": False}
    dense = inference.sample_nuts(model, x, sampler=sampler, metric="dense", **size, **options)
    # the steps that the ridge takes without: of Pyro, which is slow, they would be NumPyro's
    other = "numpyro" if sampler == "pyro" else sampler
    diagonal = inference.sample_nuts(
        model, x, sampler=other, metric="diagonal", draws=500, tune=300, chains=2, **options
    )
    steps = {
        kind: float(tree["sample_stats"]["n_steps"].mean()) for kind, tree in (("dense", dense), ("diagonal", diagonal))
    }
    assert steps["dense"] < 0.5 * steps["diagonal"]
    loc = dense["posterior"]["loc"].isel(components=0)
    for contrast in ([1.0, 1.0], [1.0, -1.0]):
        along = (loc * xr.DataArray(contrast, dims="features")).sum("features")
        expected = np.sqrt(contrast @ np.cov(x.T) @ contrast / len(x))
        ess = float(arviz_stats.ess(xr.Dataset({"v": along}), method="sd")["v"])
        assert float(along.std()) == pytest.approx(expected, rel=Z / np.sqrt(2 * ess) + 3 / len(x))
        assert abs(_z(along, float(np.mean(x @ contrast)))) < Z
