"""fit_map finds the mode, says how every restart ended, and never returns a collapse while a sound mode is known.

The figures of the five points are those of Pyro's tutorial model, computed to ten digits by independent optimisation.
"""

import itertools

import numpy as np
import pytest

import inference
import mixtures
from inference import Status
from mixtures.errors import ChoiceError, DataError, FitError, ModelError, SeedError
from tests.oracles import FIVE_POINTS
from tests.programs import common_regime, shared_rate, two_assignments


def _tutorial_loss(weights, scale, loc):
    """The tutorial's negative log posterior density, written out with scipy."""
    from scipy import stats
    from scipy.special import logsumexp

    rows = np.log(weights) + stats.norm(np.asarray(loc), scale).logpdf(FIVE_POINTS[:, None])
    prior = (
        stats.dirichlet([0.5, 0.5]).logpdf(weights)
        + stats.lognorm(2.0).logpdf(scale)
        + stats.norm(0, 10).logpdf(loc).sum()
    )
    return -(logsumexp(rows, axis=1).sum() + prior)


@pytest.mark.quick("numpyro", reason="one code serves both backends")
def test_best_of_100_reaches_the_lowest_start_and_the_mode(tutorial_fit):
    fit = tutorial_fit
    scale = np.sqrt(FIVE_POINTS.var(ddof=1) / 2)
    lowest = min(_tutorial_loss([0.5, 0.5], scale, pair) for pair in itertools.permutations(FIVE_POINTS, 2))
    assert abs(lowest - 25.66558446) < 1e-8
    np.testing.assert_allclose(fit.restarts["initial_objective"].min(), lowest, atol=1e-10)
    np.testing.assert_allclose(fit.losses[0], lowest, atol=1e-10)
    np.testing.assert_allclose(fit.parameters["weights"], [0.625, 0.375], atol=1e-4)
    np.testing.assert_allclose(fit.parameters["scale"], 0.65143370, atol=1e-4)
    np.testing.assert_allclose(fit.parameters["loc"], [10.98446190, 0.49894134], atol=1e-4)
    np.testing.assert_allclose(-fit.log_posterior, 17.4432548791, atol=1e-8)
    np.testing.assert_allclose(fit.losses[-1], 17.4432548791, atol=1e-4)
    np.testing.assert_allclose(-fit.log_posterior, _tutorial_loss(**fit.parameters), atol=1e-10)
    assert fit.status is Status.CONVERGED


def test_losses_and_gradient_norms_are_kept_for_every_site(tutorial_fit):
    assert tutorial_fit.losses.shape == (300,)
    assert set(tutorial_fit.gradient_norms) == {"weights", "scale", "loc"}
    for norms in tutorial_fit.gradient_norms.values():
        assert norms.shape == (300,)
        assert (
            norms[-1] < 1e-3 * norms[0]
        )  # steps decay to rest: the slope of the start, which is no optimum, is all but gone


def test_quasi_newton_steps_climb_the_same_objective_to_the_same_mode(tutorial, tutorial_fit, backend):
    fit = inference.fit_map(tutorial, FIVE_POINTS, restarts=100, seed=0, backend=backend)
    np.testing.assert_allclose(
        fit.restarts["initial_objective"], tutorial_fit.restarts["initial_objective"], rtol=1e-12
    )
    np.testing.assert_allclose(-fit.log_posterior, 17.4432548791, atol=1e-8)
    np.testing.assert_allclose(fit.parameters["loc"], [10.98446190, 0.49894134], atol=1e-6)
    sound = fit.restarts[[status.is_sound for status in fit.restarts["status"]]]
    assert len(sound) and all(status is Status.CONVERGED for status in sound["status"])
    assert (sound["steps"] < 100).all()
    assert len(fit.losses) - 1 in set(sound["steps"])
    assert (np.diff(fit.losses) <= 1e-12 * abs(fit.losses[0])).all()


def test_a_learning_rate_asks_for_adam(tutorial):
    fit = inference.fit_map(tutorial, FIVE_POINTS, restarts=2, steps=7, learning_rate=0.1, seed=0)
    assert fit.losses.shape == (7,)


def test_criteria_follow_their_definitions(tutorial_fit):
    fit, n = tutorial_fit, 5
    assert fit.free_parameters == 4
    np.testing.assert_allclose(fit.aic, -2 * fit.log_likelihood + 8)
    np.testing.assert_allclose(fit.bic, -2 * fit.log_likelihood + 4 * np.log(n))
    table = np.log(inference.responsibilities(fit, FIVE_POINTS).max(axis=1))
    np.testing.assert_allclose(fit.icl, fit.bic - 2 * table.sum())


def test_restarts_really_differ(faithful, backend):
    """AutoDelta freezes its first start, which silently turns best-of-N into best-of-1; rows are all distinct here."""
    x = faithful.x + np.random.default_rng(0).normal(size=faithful.shape) * 1e-3
    fit = inference.fit_map(mixtures.gaussian_mixture(2), x, restarts=12, steps=5, seed=3, backend=backend)
    assert fit.restarts["initial_objective"].nunique() == 12
    assert fit.restarts["objective"].nunique() == 12


def test_a_restart_can_be_repeated_by_its_seed(faithful):
    model = mixtures.gaussian_mixture(2)
    many = inference.fit_map(model, faithful, restarts=3, steps=5, seed=7)
    one = inference.fit_map(model, faithful, restarts=1, steps=5, seed=int(many.restarts["seed"][2]))
    assert one.restarts["initial_objective"][0] == many.restarts["initial_objective"][2]


def test_backends_agree_on_the_mode(faithful):
    fits = [
        inference.fit_map(mixtures.gaussian_mixture(2), faithful, restarts=3, steps=300, seed=0, backend=name)
        for name in ("numpyro", "pyro")
    ]
    np.testing.assert_allclose(fits[0].log_posterior, fits[1].log_posterior, rtol=1e-9)
    for site, value in fits[0].parameters.items():
        np.testing.assert_allclose(value, fits[1].parameters[site], rtol=1e-3, atol=1e-3)


def test_collapse_is_found_reported_and_not_chosen(tutorial, backend):
    """With Dirichlet(0.5) the objective is unbounded as a weight falls to zero: its loss can be lower than the sound mode's."""

    def near_one_cluster(x, rng):
        return {"weights": [1 - 1e-9, 1e-9], "loc": [6.8, 30.0 + rng.normal()], "scale": 5.0}

    fit = inference.fit_map(
        tutorial, FIVE_POINTS, restarts=6, steps=300, seed=0, init=near_one_cluster, backend=backend
    )
    assert (fit.restarts["status"][:6] == Status.COLLAPSED).all()
    assert "collapsed" in str(fit)
    assert fit.status is Status.CONVERGED
    np.testing.assert_allclose(-fit.log_posterior, 17.4432548791, atol=1e-8)


def test_the_collapse_that_is_lower_than_the_mode_is_not_chosen(tutorial):
    """At weight 1e-30 the one-cluster solution has loss -7.9, far below the mode's 17.44: lowest is not best."""
    start = [{"weights": [1.0 - 1e-16, 1e-30], "loc": [6.8, 0.0], "scale": 5.0}]
    fit = inference.fit_map(tutorial, FIVE_POINTS, restarts=20, steps=100, seed=0, init=start)
    assert fit.restarts["status"][0] is not Status.CONVERGED
    np.testing.assert_allclose(-fit.log_posterior, 17.4432548791, atol=1e-8)


def test_a_spike_on_tied_points_is_a_collapse(backend):
    """Judged at given ends: a component at a billionth of the data's spread on three equal values, and a sound fit."""
    from inference.backends import bind
    from inference.backends.ascent import Ascent
    from inference.point.judgement import Judge
    from inference.point.restarts import best_restart, judged
    from mixtures import Observations

    x = Observations([0.0, 0.0, 0.0, 1.0, 2.0, 4.0, 5.0])
    model = mixtures.gaussian_mixture(2)
    ends = {
        "weights": np.array([[0.4, 0.6], [0.4, 0.6], [0.4, 0.6]]),
        "loc": np.array([[0.0, 3.0], [0.0, 3.0], [0.0, np.nan]]),
        "scale": np.array([[1e-9, 2.0], [0.5, 2.0], [0.5, 2.0]]),
    }
    losses = np.array([[9.0, -30.0], [9.0, 8.0], [9.0, np.nan]])
    ascent = Ascent(ends, losses, {name: np.zeros((3, 1)) for name in ends})
    bound, scales = bind(model, x, backend), dict.fromkeys(ends, 1.0)
    table = judged(Judge(bound), bound, ascent, np.arange(3), scales)
    assert table["status"].tolist() == [Status.COLLAPSED, Status.CONVERGED, Status.NOT_FINITE]
    assert best_restart(table) == 1


def test_strict_raises_the_sentence():
    """One cluster, two components, and a prior that rewards a weight of zero: every restart collapses."""
    model = mixtures.gaussian_mixture(2, weights=mixtures.weights.Dirichlet(0.05))
    x = np.random.default_rng(0).normal(size=15)
    assert inference.fit_map(model, x, restarts=2, seed=0).status is Status.COLLAPSED
    with pytest.raises(FitError, match="collapsed: a component shrank"):
        inference.fit_map(model, x, restarts=2, seed=0, strict=True)


@pytest.mark.quick("numpyro-*", reason="the change of units is one code")
@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_data_units_do_not_matter(unit, faithful, faithful_fit, backend):
    fit = inference.fit_map(mixtures.gaussian_mixture(2), faithful.x * unit, restarts=3, seed=0, backend=backend)
    np.testing.assert_allclose(fit.parameters["weights"], faithful_fit.parameters["weights"], rtol=1e-4)
    np.testing.assert_allclose(fit.parameters["loc"] / unit, faithful_fit.parameters["loc"], rtol=1e-4)
    np.testing.assert_allclose(fit.parameters["scale"] / unit, faithful_fit.parameters["scale"], rtol=1e-3)


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_components_that_the_prior_tells_apart_keep_their_labels(backend):
    model = mixtures.gaussian_mixture(2, priors={"loc": mixtures.priors.Normal([0.0, 11.0], 0.5)})
    fit = inference.fit_map(model, FIVE_POINTS, restarts=4, seed=0, backend=backend)
    assert fit.parameters["loc"][0] < fit.parameters["loc"][1]
    assert fit.parameters["weights"][0] < fit.parameters["weights"][1]


@pytest.mark.quick("pyro-*", "numpyro-program2", reason="each backend, and each program")
@pytest.mark.parametrize("program", [shared_rate, two_assignments, common_regime])
def test_a_users_own_program_reaches_a_stationary_point(program, backend):
    x = np.array([0.0, 1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 9.0])
    fit = inference.fit_map(program, x, restarts=2, steps=60, seed=0, backend=backend)
    from inference.backends import engine
    from mixtures import Observations

    density = engine(backend).bind(program, Observations(x)).log_density()
    _, gradient = density.value_and_gradient(density.unconstrain(fit.parameters))
    assert np.abs(gradient).max() < 1e-3
    assert fit.status is Status.CONVERGED


def test_one_component_is_a_plain_fit(backend):
    """NumPyro's enumeration refuses a single category; the mode of one normal is known in closed form for flat priors."""
    x = np.array([0.3, 1.1, 2.9, 4.0])
    flat = {"loc": mixtures.priors.Normal(0.0, 1e6), "scale": mixtures.priors.Uniform(1e-6, 1e6)}
    fit = inference.fit_map(mixtures.gaussian_mixture(1, priors=flat), x, restarts=2, seed=0, backend=backend)
    np.testing.assert_allclose(fit.parameters["loc"], [x.mean()], rtol=1e-5)
    np.testing.assert_allclose(fit.parameters["scale"], [x.std()], rtol=1e-5)
    assert inference.classify(fit, x).tolist() == [0, 0, 0, 0]
    np.testing.assert_array_equal(inference.fit_guide(fit, x, seed=0).assignment_probs, np.ones((4, 1)))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"seed": -1}, SeedError, "seed"),
        ({"restarts": 0}, ModelError, "restarts: got 0"),
        ({"steps": 1.5}, ModelError, "steps"),
        ({"learning_rate": -1.0}, ModelError, "learning_rate"),
        ({"backend": "stan"}, ChoiceError, "'numpyro', 'pyro'"),
        ({"init": {"mean": [0.0, 1.0]}}, ChoiceError, "'weights', 'scale', 'loc'"),
        ({"init": {"loc": [0.0, 1.0, 2.0]}}, ModelError, r"shape \(3,\); expected shape \(2,\)"),
        ({"x": [1.0, np.nan]}, DataError, "nan at row 1"),
        ({"program": "gaussian"}, ModelError, "a declaration"),
    ],
)
def test_bad_arguments_are_refused_in_words(change, error, words, tutorial):
    arguments = {"program": tutorial, "x": FIVE_POINTS, "seed": 0} | change
    program, x = arguments.pop("program"), arguments.pop("x")
    with pytest.raises(error, match=words):
        inference.fit_map(program, x, **arguments)


def test_a_component_that_the_last_steps_empty_is_said_to_be_empty():
    """30 rows of one gamma distribution: under a flat prior of the weights the mode has one component."""
    x = np.random.default_rng(1).gamma(4.0, 1.0, 30)
    fit = inference.fit_map(mixtures.gamma_mixture(2), x, restarts=3, steps=60, seed=0)
    rows = inference.responsibilities(fit, x).sum(axis=0).min()
    assert (fit.status is Status.EMPTY) == (rows < 0.5)
    best = fit.restarts["objective"].min()
    np.testing.assert_allclose(best, -fit.log_posterior, rtol=1e-8)
