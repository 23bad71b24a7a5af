"""Chains whose transitions depend on covariates: against sums over all paths, the libraries' own enumeration, and chains without covariates."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import norm

import inference
from inference.backends import bind
from inference.point.em import paths
from inference.point.em.closed_em import closed_task
from inference.point.em.numpyro import restarts
from inference.point.em.runs import problem_of
from inference.point.starts import step_scales
from mixtures import Mixture, Observations, families, hidden_markov, simulate
from mixtures.assignments import MarkovGating
from mixtures.errors import DataError, ModelError
from tests.inference.test_hidden_markov import Paths, begins_of, stacked

RNG = np.random.default_rng(0)
COVARIATES = RNG.normal(size=(7, 2))
SEQUENCE = np.array([0, 0, 0, 0, 1, 1, 1])
X = Observations(RNG.normal(size=7), covariates=COVARIATES, sequence=SEQUENCE)
MODEL = Mixture(2, families.Gaussian(), MarkovGating())
VALUES = {
    "initial": np.array([0.3, 0.7]),
    "transition_intercept": np.array([[0.8, -0.2], [0.1, 0.4]]),
    "transition_slope": np.array([[[0.5, -1.0], [0.3, 0.2]], [[-0.7, 0.4], [1.1, 0.0]]]),
    "loc": np.array([-0.5, 0.7]),
    "scale": np.array([0.8, 1.3]),
}


class Moving(Paths):
    """All paths of a chain whose transitions differ from row to row."""

    def __init__(self, table, initial, transitions, begins):
        super().__init__(np.zeros_like(table), initial, np.ones_like(transitions[0]), begins)
        for row in range(len(table)):
            now = self.paths[:, row]
            self.log_joint += table[row, now]
            if not begins[row]:
                self.log_joint += np.log(transitions[row])[self.paths[:, row - 1], now]
        self.total = np.logaddexp.reduce(self.log_joint)
        self.shares = np.exp(self.log_joint - self.total)
        self.marginals = np.array(
            [[self.shares[self.paths[:, row] == k].sum() for k in range(table.shape[1])] for row in range(len(table))]
        )
        self.best = self.paths[self.log_joint.argmax()]


@pytest.fixture(scope="module")
def all_paths():
    logits = VALUES["transition_intercept"] + np.einsum("kjc,ic->ikj", VALUES["transition_slope"], COVARIATES)
    table = norm.logpdf(X.x[:, None], VALUES["loc"], VALUES["scale"])
    return Moving(table, VALUES["initial"], softmax(logits, axis=2), begins_of(SEQUENCE))


def test_it_is_the_sum_over_all_paths(all_paths, backend):
    bound = bind(MODEL, X, backend)
    np.testing.assert_allclose(bound.log_likelihoods(stacked(VALUES)), all_paths.total, rtol=1e-10)
    table = bound.log_joint(VALUES)
    shares = np.exp(table - np.logaddexp.reduce(table, axis=1)[:, None])
    np.testing.assert_allclose(shares, all_paths.marginals, atol=1e-10)
    assert bound.sites.law.mode(np, VALUES, bound.emissions_at(VALUES), X.rows).tolist() == all_paths.best.tolist()


def test_pyro_sums_the_native_model_by_its_own_enumeration():
    import pyro
    import torch
    from pyro import poutine
    from pyro.infer import TraceEnum_ELBO

    model = MODEL.scaled_to(X)
    held = poutine.condition(model.pyro, data={name: torch.tensor(value) for name, value in VALUES.items()})
    given = {"sequence": torch.tensor(SEQUENCE), "covariates": torch.tensor(COVARIATES)}
    with pyro.get_param_store().scope():
        loss = TraceEnum_ELBO(max_plate_nesting=2).loss(held, lambda *_, **__: None, torch.tensor(X.x), **given)
    np.testing.assert_allclose(-loss, sum(bind(model, X, "pyro").log_densities(stacked(VALUES)))[0], rtol=1e-10)


NATIVE = """
import jax, jax.numpy as jnp, numpy as np
jax.config.update("jax_enable_x64", True)
from numpyro.contrib.funsor import config_enumerate, enum, log_density
from inference.backends import bind
from inference.point.em import paths
from inference.point.em.closed_em import closed_task
from inference.point.em.numpyro import restarts
from inference.point.em.runs import problem_of
from inference.point.starts import step_scales
from tests.inference.test_transitions import COVARIATES, MODEL, SEQUENCE, VALUES, X
model = MODEL.scaled_to(X)
ours = sum(bind(model, X, "numpyro").log_densities({name: value[None] for name, value in VALUES.items()}))[0]
given = {"sequence": jnp.asarray(SEQUENCE), "covariates": jnp.asarray(COVARIATES)}
native = enum(config_enumerate(model.numpyro), -2)
values = {name: jnp.asarray(value) for name, value in VALUES.items()}
np.testing.assert_allclose(float(log_density(native, (jnp.asarray(X.x),), given, values)[0]), ours, rtol=1e-10)
"""


@pytest.mark.slow  # the homogeneous chain's stays
def test_numpyro_sums_the_native_model_by_its_own_scan():
    """In a process of its own, in which nothing of Pyro has been imported."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", NATIVE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_without_slopes_it_is_the_chain_without_covariates(backend):
    values = {**VALUES, "transition_slope": np.zeros((2, 2, 2))}
    plain = {name: values[name] for name in ("initial", "loc", "scale")}
    plain["transition"] = softmax(VALUES["transition_intercept"], axis=1)
    ours = bind(MODEL, X, backend).log_joint(values)
    np.testing.assert_allclose(ours, bind(hidden_markov(2), X, backend).log_joint(plain), atol=1e-10)


def test_components_numbered_anew_are_the_same_chain(backend):
    order = np.array([1, 0])
    moved = MODEL.assignment.permuted(VALUES, order) | {"loc": VALUES["loc"][order], "scale": VALUES["scale"][order]}
    bound = bind(MODEL, X, backend)
    np.testing.assert_allclose(bound.log_joint(moved), bound.log_joint(VALUES)[:, order], atol=1e-10)
    assert (
        bound.sites.free_parameters == 1 + 2 + 4 + 4
    )  # initial, intercepts, slopes: one set a row; locations and scales


@pytest.mark.quick("pyro", reason="one code serves both backends")
@pytest.mark.statistical
def test_simulated_moves_follow_the_covariates(backend):
    """Where the chain goes from each component, by the sign of a covariate that matters much."""
    rows = 4000
    c = np.tile([-1.0, 1.0], rows // 2)[:, None]
    truth = {**VALUES, "transition_slope": np.array([[[1.0], [-1.0]], [[-0.5], [0.5]]])}
    drawn = simulate(MODEL, rows, seed=0, given=truth, backend=backend, covariates=c)
    z = drawn["assignment"]
    for before in range(2):
        for sign in (-1.0, 1.0):
            chosen = np.flatnonzero((z[:-1] == before) & (c[1:, 0] == sign)) + 1
            right = softmax(truth["transition_intercept"][before] + truth["transition_slope"][before, :, 0] * sign)[1]
            error = np.sqrt(right * (1 - right) / len(chosen))
            assert abs(z[chosen].mean() - right) < 5 * error


@pytest.fixture(scope="module")
def long():
    rng = np.random.default_rng(2)
    c = rng.normal(size=(400, 1))
    truth = {**VALUES, "transition_slope": np.array([[[1.0], [-1.0]], [[-1.0], [1.0]]]), "loc": np.array([-1.2, 1.2])}
    drawn = simulate(MODEL, 400, seed=3, given=truth, covariates=c)
    return Observations(drawn["obs"], covariates=c), drawn["assignment"]


@pytest.mark.slow  # every verb takes the homogeneous chain, and this law's sums are exact above
def test_every_verb_takes_it(long):
    x, z = long
    plain = inference.fit_mle(hidden_markov(2), x, restarts=3, seed=0)
    fit = inference.fit_mle(MODEL, x, restarts=3, seed=0)
    assert fit.log_likelihood > plain.log_likelihood + 5  # the moves do depend on the covariate
    path = inference.classify(fit, x)
    assert max(np.mean(path == z), np.mean(path != z)) > np.mean(inference.classify(plain, x) == z)
    posterior = inference.sample_nuts(MODEL, x.take(slice(80)), draws=30, tune=50, chains=2, seed=0, progress=False)
    relabelled = inference.relabel(posterior)
    assert inference.diagnose_labels(relabelled).verdict is not None
    before = inference.log_likelihood(posterior, x.take(slice(80)))
    np.testing.assert_allclose(inference.log_likelihood(relabelled, x.take(slice(80))), before, atol=1e-9)
    map_fit = inference.fit_map(MODEL, x, restarts=2, seed=0)
    assert map_fit.status.is_sound and "transition_slope[to 0, 0]" in map_fit.to_frame().index


SERIES = np.repeat([0, 1, 2, 3], 100)


@pytest.mark.quick("pyro-fixed0", "numpyro-fixed1", reason="each backend, and each beginning")
@pytest.mark.parametrize(
    "fixed", [{}, {"transition_intercept": np.zeros((2, 2)), "transition_slope": np.ones((2, 2, 1))}]
)
def test_em_and_gradients_find_the_same(fixed, long, backend):
    """Newton steps of the moves, in several series with missing rows."""
    x = np.where(np.arange(400) % 9 == 4, np.nan, long[0].x)
    data = Observations(x, covariates=long[0].covariates, sequence=SERIES, missing="allow")
    em = inference.fit_em(MODEL, data, restarts=3, fixed=fixed, seed=0, backend=backend)
    assert em.status.is_sound
    assert (np.diff(em.losses) <= 1e-9 * abs(em.losses[-1])).all()
    np.testing.assert_allclose(
        em.log_likelihood, bind(MODEL, data, backend).log_likelihoods(stacked(em.parameters)), rtol=1e-12
    )
    if not fixed:
        climbed = inference.fit_mle(MODEL, data, restarts=3, seed=0)
        np.testing.assert_allclose(em.log_likelihood, climbed.log_likelihood, rtol=1e-9)
    else:
        np.testing.assert_array_equal(em.parameters["transition_slope"], fixed["transition_slope"])


@pytest.mark.parametrize("few", [10**6, 0], ids=["tree", "stretches"])
def test_the_slope_of_the_moves_is_that_of_all_paths(few, monkeypatch):
    """Of log p(x), summed over all paths, in every coefficient: what Newton steps set to 0 (Fisher's identity)."""
    monkeypatch.setattr(paths, "FEW_CELLS", few)
    task = closed_task(MODEL, X, frozenset(), False)
    problem = problem_of((task.closed,), 0, X, row_weights=None, fixed=task.held, tolerance=0.0, max_steps=1)
    state = task.closed.encode(VALUES, None, problem.frame)
    with np.errstate(divide="ignore"):
        objective, statistics = paths.numpy_pass(problem, 2)(state)
    table, law = norm.logpdf(X.x[:, None], VALUES["loc"], VALUES["scale"]), problem.frame
    design = np.column_stack([np.ones(7), (COVARIATES - law.centre[-2:]) / law.unit[-2:]])

    def total(odds):
        moves = softmax(np.einsum("kjc,ic->ikj", odds, design), axis=2)
        return Moving(table, VALUES["initial"], moves, begins_of(SEQUENCE)).total

    np.testing.assert_allclose(objective + problem.offset, total(state["odds"]), rtol=1e-12)
    ends = np.array(
        [[total(state["odds"] + sign * 1e-5 * unit) for sign in (1, -1)] for unit in np.eye(12).reshape(12, 2, 2, 3)]
    )
    slopes = ((ends[:, 0] - ends[:, 1]) / 2e-5).reshape(2, 2, 3)
    np.testing.assert_allclose(statistics["odds_gradient"], slopes, atol=1e-8)


def test_a_compiled_pass_takes_it(long, monkeypatch):
    exact = inference.fit_em(MODEL, long[0], restarts=2, seed=0)
    monkeypatch.setattr(restarts, "FEW_CELLS", 0)
    compiled = inference.fit_em(MODEL, long[0], restarts=2, seed=0)
    # where gains end in rounding, one of them may take a step more
    assert abs(len(compiled.losses) - len(exact.losses)) <= 1
    both = min(len(compiled.losses), len(exact.losses))
    np.testing.assert_allclose(compiled.losses[:both], exact.losses[:both], rtol=1e-8)


def test_what_it_cannot_be_is_said():
    with pytest.raises(DataError, match="covariates"):
        inference.fit_map(MODEL, X.x, seed=0)
    with pytest.raises(ModelError, match="initial"):
        MarkovGating(initial="stationary")
    with pytest.raises(ModelError, match="priors that are not conjugate"):
        inference.fit_em(MODEL, X, restarts=2, objective="posterior", seed=0)
    assert "softmax(transition_intercept" in str(MODEL)


def test_starts_that_are_all_equal_are_no_unit_of_length(long):
    """Their spread is the rounding of their mean: as a unit of steps it would leave a climb where it begins."""
    x, _ = long
    scales = step_scales(bind(MODEL, x, "numpyro"), 0, "fit_map")
    assert np.min(scales["transition_intercept"]) == 1.0
