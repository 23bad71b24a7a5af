"""Stepwise EM: its average is of the statistics that Cappe & Moulines say, and its end where batch EM's is."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import norm

from inference import fit_em
from inference.point.em import stepwise
from inference.point.em.closed_em import closed_task
from inference.point.em.e_step import Block, e_step
from inference.point.em.runs import problem_of
from mixtures import (
    Mixture,
    Observations,
    families,
    gaussian_mixture,
    lognormal_mixture,
    poisson_mixture,
    source,
    student_t_mixture,
)
from mixtures.errors import ModelError

ROWS = 50
"""Of a block."""


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr("mixtures.blocks.BLOCK", ROWS)


def overlapping(rows=4000, apart=2.4):
    rng = np.random.default_rng(5)
    return np.where(rng.random(rows) < 0.4, rng.normal(apart, 0.7, rows), rng.normal(0.0, 1.0, rows))


START = {"weights": [0.5, 0.5], "loc": [-1.0, 1.0], "scale": [1.5, 1.5]}


def log_joint(values, x):
    return np.log(values["weights"]) + norm(values["loc"], values["scale"]).logpdf(x[:, None])


def by_hand(x, values, alpha, size=ROWS):
    """Two normals by the sums of r, r x, r x^2, which depend on no parameter: equations 11 and 12."""
    average, t = None, 0
    for begin in range(0, len(x), size):
        own = x[begin : begin + size]
        r = np.exp((table := log_joint(values, own)) - logsumexp(table, axis=1, keepdims=True))
        mean = np.stack([r.mean(0), (r * own[:, None]).mean(0), (r * own[:, None] ** 2).mean(0)])
        if average is None:
            average = mean
        else:
            rate = (t + 2) ** -alpha
            average, t = (1 - rate) * average + rate * mean, t + 1
        loc = average[1] / average[0]
        values = {"weights": average[0], "loc": loc, "scale": np.sqrt(average[2] / average[0] - loc**2)}
    return values


def passed(model, x, start, alpha):
    """Where one pass of a fit's stepwise EM leads: the state before the first step of EM."""
    found = {}
    real = stepwise.one_pass

    def kept(problem, state):
        found["end"] = problem.closed_form.decode(end := real(problem, state), problem.features, problem.frame)
        return end

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stepwise, "one_pass", kept)
        fit_em(model, source(x), init=start, restarts=1, seed=0, max_steps=1, stepwise=alpha)
    return found["end"]


@pytest.mark.parametrize("alpha", [0.6, 1.0])
def test_a_pass_is_that_of_the_equations(alpha):
    x = overlapping()
    found, right = passed(gaussian_mixture(2, "V"), x, START, alpha), by_hand(x, START, alpha)
    for name, value in right.items():
        assert_allclose(found[name], value, rtol=1e-9)


def draws(kind):
    rng = np.random.default_rng(3)
    z = rng.integers(2, size=170)
    normal = rng.normal(size=(170, 2)) @ np.array([[1.0, 0.4], [0.0, 0.8]]) + 1.8 * z[:, None]
    return {"normal": normal, "positive": np.exp(normal), "counts": rng.poisson(2.0 + 3 * z).astype(float)}[kind]


PRODUCT = Mixture(2, families.Product({"a": families.Gaussian(), "b": families.LogNormal()}))
MODELS = {
    **{code: (gaussian_mixture(2, code), "normal") for code in ("full", "diag", "tied", "EII", "VEV", "EVE")},
    "log-normal": (lognormal_mixture(2), "positive"),
    "poisson": (poisson_mixture(2), "counts"),
    "product": (PRODUCT, "positive"),
}


@pytest.mark.parametrize(("model", "kind"), MODELS.values(), ids=MODELS)
def test_one_block_is_a_step_of_batch_em_and_statistics_are_carried_exactly(model, kind, monkeypatch):
    x = draws(kind)
    monkeypatch.setattr("mixtures.blocks.BLOCK", len(x))
    start = fit_em(model, x, restarts=1, max_steps=1, seed=0).parameters
    right = fit_em(model, x, init=start, restarts=1, max_steps=1, seed=0, tolerance=0.0).parameters
    found = passed(model, x, start, 0.7)
    for name, value in right.items():
        assert_allclose(found[name], value, rtol=1e-8, atol=1e-8)
    # told from another state, statistics are those of an E-step that has its responsibilities and the other's coordinates
    task = closed_task(model, Observations(x), frozenset(), is_posterior=False)
    options = {"row_weights": None, "fixed": task.held, "tolerance": 0.0, "max_steps": 1}
    problem = problem_of((task.closed,), 0, Observations(x), **options)
    closed, rows = task.closed, Block(((problem.x - problem.frame.centre) / problem.frame.unit).T)
    one, other = (closed.encode(values, problem.features, problem.frame) for values in (start, right))
    sums = e_step(np, closed, one, rows, is_hard=False)[1]
    table = closed.log_joint(np, one, rows.x)[0]
    shares = np.exp(table - logsumexp(table, axis=0))
    there = closed.statistics(np, shares, rows.x, closed.log_joint(np, other, rows.x)[1])
    for name, value in stepwise.carried(closed.family, sums, one, other).items():
        assert_allclose(value, there[name], rtol=1e-9, atol=1e-9)


def test_with_rate_1_steps_over_all_rows_are_batch_em():
    x = Observations(overlapping(300))
    model = gaussian_mixture(2, "V")
    task = closed_task(model, x, frozenset(), is_posterior=False)
    problem = problem_of((task.closed,), 0, x, row_weights=None, fixed=task.held, tolerance=0.0, max_steps=1)
    rule = stepwise.Stepwise(task.closed, 0.0, task.held)  # t^0 = 1
    rows = Block(((problem.x - problem.frame.centre) / problem.frame.unit).T)
    average = stepwise.Average(task.closed.encode({k: np.array(v) for k, v in START.items()}, None, problem.frame))
    for steps in range(1, 6):
        average = rule.after(average, rows)
        right = fit_em(model, x, init=START, restarts=1, max_steps=steps, seed=0, tolerance=0.0).parameters
        found = task.closed.decode(average.state, None, problem.frame)
        for name, value in right.items():
            assert_allclose(found[name], value, rtol=1e-9)


def test_one_component_is_the_running_mean_whatever_the_blocks():
    x = overlapping(1234)  # the last block is shorter
    end = passed(gaussian_mixture(1), x, {"weights": [1.0], "loc": [7.0], "scale": [3.0]}, 1.0)
    assert_allclose(end["loc"], x.mean(), rtol=1e-12)
    assert_allclose(end["scale"], x.std(), rtol=1e-12)


@pytest.mark.parametrize("backend", ["numpyro", pytest.param("pyro", marks=pytest.mark.slow)])
def test_its_end_is_near_the_maximum_and_the_fit_at_it(backend, monkeypatch):
    x = overlapping(40_000, 3.0)

    def loss(u):
        weights = np.exp([u[0] - np.logaddexp(u[0], 0.0), -np.logaddexp(u[0], 0.0)])
        return -logsumexp(log_joint({"weights": weights, "loc": u[1:3], "scale": np.exp(u[3:])}, x), axis=1).sum()

    best = -minimize(loss, [0.0, 0.0, 2.0, 0.0, 0.0], method="BFGS").fun
    one_pass = logsumexp(log_joint(passed(gaussian_mixture(2), x, START, 0.6), x), axis=1).sum()
    ten_passes = fit_em(gaussian_mixture(2), x, init=START, restarts=1, max_steps=10, seed=0).log_likelihood
    # the last rates are about 800^-0.6 = 0.018, an average of 2 / 0.018 blocks: its noise costs 5 parameters 5/2 * 800 * 0.018 / 2 = 18
    assert best - 3 * 18 < one_pass <= best + 1e-6 and ten_passes < best - 500
    monkeypatch.setattr("mixtures.blocks.BLOCK", 2000)
    options = {"init": START, "restarts": 1, "seed": 0, "backend": backend, "tolerance": 1e-11}
    batch, fit = (fit_em(gaussian_mixture(2), source(x), **options, **more) for more in ({}, {"stepwise": 0.6}))
    assert_allclose(fit.log_likelihood, best, rtol=1e-8)
    assert len(fit.losses) < len(batch.losses)


def test_a_restart_that_was_written_down_is_not_begun_again(tmp_path):
    x = overlapping(500)
    options = {"restarts": 3, "seed": 0, "stepwise": 0.7, "checkpoint": tmp_path / "c"}
    first = fit_em(gaussian_mixture(2), source(x), **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stepwise, "one_pass", None)
        again = fit_em(gaussian_mixture(2), source(x), **options)
    assert (first.parameters["loc"] == again.parameters["loc"]).all()


def test_what_cannot_be_is_said():
    x = overlapping(300)
    for alpha in (0.5, 1.5, np.nan, "fast", True):
        with pytest.raises(ModelError, match=r"stepwise: got .* expected a power in \(0.5, 1\]"):
            fit_em(gaussian_mixture(2), source(x), seed=0, stepwise=alpha)
    with pytest.raises(ModelError, match="stepwise: got one, and rows in memory"):
        fit_em(gaussian_mixture(2), x, seed=0, stepwise=0.7)
    with pytest.raises(ModelError, match="M-step is not closed"):
        fit_em(student_t_mixture(2), source(x), seed=0, stepwise=0.7)
