"""M-steps that are Newton's, taken again and again at responsibilities that stay, end at scipy's maximum of the expected log density.

In NumPy, without an E-step: rows have random responsibilities and weights, covariates are in units of their own.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import expit, log_softmax

from inference.point.em.m_steps.gating import GatingEM
from inference.point.em.m_steps.multinomial_regression import MultinomialRegressionEM
from inference.point.em.m_steps.newton import LONGEST, share_of
from inference.point.em.m_steps.regression import RegressionEM
from mixtures import Observations
from mixtures.among import ALL, Among

RNG = np.random.default_rng(0)
N, K = 40, 2
COVARIATES = RNG.normal(size=(N, 2)) * [3.0, 0.2] + [10.0, -1.0]
Z = (COVARIATES - [10.0, -1.0]) / [3.0, 0.2]
RESPONSIBILITIES = RNG.dirichlet(np.ones(K), N).T * RNG.integers(1, 4, N)
ETA = 0.5 + Z @ [0.6, -0.4]
DATA = {
    "gaussian": RNG.normal(ETA, 0.7),
    "poisson": RNG.poisson(np.exp(ETA)).astype(float),
    "bernoulli": (RNG.random(N) < expit(ETA)).astype(float),
    "categories": RNG.integers(3, size=N).astype(float),
}
FORMS = {kind: RegressionEM(kind, 2) for kind in ("gaussian", "poisson", "bernoulli")} | {
    "categories": MultinomialRegressionEM(2, 2)
}


def log_density(kind, p):
    """By scipy, (components, rows)."""
    y, eta = DATA[kind], p["intercept"][..., None] + p["slope"] @ COVARIATES.T
    if kind == "gaussian":
        return stats.norm(eta, p["scale"][:, None]).logpdf(y)
    if kind == "poisson":
        return stats.poisson(np.exp(eta)).logpmf(y)
    if kind == "bernoulli":
        return stats.bernoulli(expit(eta)).logpmf(y)
    logits = np.concatenate([np.zeros((K, 1, N)), eta], axis=1)
    return np.take_along_axis(log_softmax(logits, axis=1), np.tile(y.astype(int), (K, 1, 1)), axis=1)[:, 0]


def at_rest(kind, steps=30, among=ALL):
    """The form, its state after many steps, frame, and rows in it."""
    used = len(among.of(2))
    form, x = replace(FORMS[kind], covariates=used, among=among), Observations(DATA[kind], covariates=COVARIATES)
    columns = form.columns(x)
    frame = form.frame(columns)
    rows, state = ((columns - frame.centre) / frame.unit).T, form.blank(K, 1 + used)
    for _ in range(steps):
        sums = form.statistics(np, RESPONSIBILITIES, rows, form.log_density(np, state, rows)[1])
        sums["rows"] = RESPONSIBILITIES.sum(axis=1)
        state = form.m_step(np, sums, state, dict.fromkeys(form.fixable, False))
    return form, state, frame, rows


@pytest.mark.parametrize("kind", FORMS)
def test_regressions_end_at_scipys_maximum(kind):
    form, state, frame, _ = at_rest(kind)
    found = form.decode(state, None, frame)
    lines = found["intercept"].size

    def expected(u):
        # coefficients of standardised covariates
        line = u[: 3 * lines].reshape(*found["intercept"].shape, 3)
        slope = line[..., 1:] / [3.0, 0.2]
        p = {"intercept": line[..., 0] - slope @ [10.0, -1.0], "slope": slope, "scale": np.exp(u[3 * lines :])}
        return -np.sum(RESPONSIBILITIES * log_density(kind, p)), p

    best = optimize.minimize(lambda u: expected(u)[0], np.zeros(3 * lines + K), options={"gtol": 1e-5})
    right = expected(best.x)[1]
    assert -np.sum(RESPONSIBILITIES * log_density(kind, found)) == pytest.approx(best.fun, rel=1e-9)
    for site, value in found.items():
        np.testing.assert_allclose(value, right[site], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", FORMS)
def test_densities_in_any_coordinates_are_scipys(kind):
    form, state, frame, rows = at_rest(kind, steps=2)
    parameters = form.decode(state, None, frame)
    x = Observations(DATA[kind], covariates=COVARIATES)
    right, columns = log_density(kind, parameters), form.columns(x).T
    fast = form.log_density(np, state, rows)[0] + form.log_base(x) + form.log_jacobian(frame, columns.T)
    np.testing.assert_allclose(fast, right, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(form.exact_log_density(state, columns, frame), right, rtol=1e-10, atol=1e-10)
    for name, value in form.encode(parameters, None, frame).items():
        np.testing.assert_allclose(value, state[name], rtol=1e-12, atol=1e-12)


def test_without_covariates_lines_are_levels():
    none, totals = Among.given(()), RESPONSIBILITIES.sum(axis=1)
    means = {kind: RESPONSIBILITIES @ y / totals for kind, y in DATA.items()}
    counts = np.stack([RESPONSIBILITIES @ (DATA["categories"] == c) for c in range(3)])
    right = {
        "gaussian": means["gaussian"],
        "poisson": np.log(means["poisson"]),
        "bernoulli": np.log(means["bernoulli"] / (1 - means["bernoulli"])),
        "categories": np.log(counts[1:] / counts[0]).T,
    }
    for kind, level in right.items():
        form, state, frame, _ = at_rest(kind, among=none)
        found = form.decode(state, None, frame)
        assert found.keys() == ({"intercept", "scale"} if kind == "gaussian" else {"intercept"})
        np.testing.assert_allclose(found["intercept"], level, rtol=1e-9)
        for name, value in form.encode(found, None, frame).items():
            np.testing.assert_allclose(value, state[name], rtol=1e-12, atol=1e-12)


def test_half_a_step_goes_half_the_way():
    form, state, _, rows = at_rest("gaussian", steps=1)
    sums = form.statistics(np, RESPONSIBILITIES, rows, form.log_density(np, form.blank(K, 3), rows)[1])
    sums["rows"] = RESPONSIBILITIES.sum(axis=1)
    free = dict.fromkeys(form.fixable, False)
    half = form.m_step(np, sums, form.blank(K, 3), free, 0.5)
    np.testing.assert_allclose(half["line"], state["line"] / 2, rtol=1e-12)
    apart = form.log_density(np, half, rows)[1][1]
    variance = np.sum(RESPONSIBILITIES * apart**2, axis=1) / RESPONSIBILITIES.sum(axis=1)
    np.testing.assert_allclose(half["scale"], np.sqrt(variance), rtol=1e-12)


def test_a_component_without_rows_has_the_average_scale():
    form, x = FORMS["gaussian"], Observations(DATA["gaussian"], covariates=COVARIATES)
    rows, state = form.columns(x).T, form.blank(3, 3)
    shares = np.vstack([np.zeros(N), RESPONSIBILITIES])
    sums = form.statistics(np, shares, rows, form.log_density(np, state, rows)[1]) | {"rows": shares.sum(axis=1)}
    found = form.m_step(np, sums, state, dict.fromkeys(form.fixable, False))
    assert found["line"][0].tolist() == [0.0] * 3
    squares = found["scale"][1:] ** 2 @ sums["rows"][1:]
    assert found["scale"][0] == pytest.approx(np.sqrt(squares / shares.sum()), rel=1e-9)
    shrunk = form.shrunk(sums, 3.0)
    right = sums["square"] + 3 * sums["square"].sum() / shares.sum()
    np.testing.assert_allclose(shrunk["square"], right, rtol=1e-12)


def test_how_far_lines_are_apart():
    line = np.array([[2.0, 1.0, 0.0], [2.0, 1.5, 0.2], [-3.0, 1.0, 0.0]])
    between = np.array([[0.0, 0.5, 5.0], [0.5, 0.0, 5.0], [5.0, 5.0, 0.0]])
    np.testing.assert_allclose(FORMS["bernoulli"].apart({"line": line}), between, rtol=1e-12)
    # a count of mean e^2 tells its logarithm to e^-1, one of mean e^-3 not to less than 1
    np.testing.assert_allclose(FORMS["poisson"].apart({"line": line}), np.e * between, rtol=1e-12)
    scale = np.array([0.1, 0.2, 4.0])
    right = np.array([[0.0, 5.0, 50.0], [5.0, 0.0, 25.0], [50.0, 25.0, 0.0]])  # in units of the smaller scale
    np.testing.assert_allclose(FORMS["gaussian"].apart({"line": line, "scale": scale}), right, rtol=1e-12)
    alike = FORMS["gaussian"].apart({"line": line[[0, 0]], "scale": scale[:2]})
    np.testing.assert_allclose(alike, np.log([[1.0, 2.0], [2.0, 1.0]]), atol=1e-12)
    spread = np.diag([9.0, 4.0, 0.25])
    assert FORMS["gaussian"].narrowest({"scale": scale}, spread) == pytest.approx(0.01 / 0.25)
    assert FORMS["poisson"].narrowest({}, spread) == np.inf
    right = [np.diag([1.0, 1.0, variance]) for variance in scale**2]
    np.testing.assert_allclose(FORMS["gaussian"].covariances({"line": line, "scale": scale}), right, rtol=1e-12)


def test_lines_are_known_whole():
    form = FORMS["gaussian"]
    assert form.held(frozenset({"intercept"}), None) is None
    assert form.held(frozenset({"intercept", "slope"}), None) == {"line": True, "scale": False}
    assert form.held(frozenset({"scale"}), None) == {"line": False, "scale": True}
    assert FORMS["poisson"].held(frozenset(), None) == {"line": False}


def test_weights_by_covariates_end_at_scipys_maximum():
    form, x = GatingEM(2), Observations(DATA["gaussian"], covariates=COVARIATES)
    columns, law = form.columns(x), RNG.dirichlet([2.0, 1.0, 1.0], N).T * RNG.integers(1, 4, N)
    frame = form.frame(columns)
    rows, state = ((columns - frame.centre) / frame.unit).T, form.blank(3)
    for _ in range(20):
        sums = form.statistics(np, law, form.log_probs(np, state, rows)[1])
        state = form.m_step(np, sums | {"rows": law.sum(axis=1)}, state, {"gating": False})
    found = form.decode(state, frame)

    def expected(u):
        line = np.vstack([np.zeros(3), u.reshape(2, 3)])
        return -np.sum(law.T * log_softmax(line[:, 0] + Z @ line[:, 1:].T, axis=1))

    best = optimize.minimize(expected, np.zeros(6), options={"gtol": 1e-6})
    logits = found["gating_intercept"] + COVARIATES @ found["gating_slope"].T
    np.testing.assert_allclose(form.log_probs(np, state, rows)[0], log_softmax(logits, axis=1).T, atol=1e-12)
    assert -np.sum(law.T * log_softmax(logits, axis=1)) == pytest.approx(best.fun, rel=1e-10)
    np.testing.assert_allclose(state["gating"].sum(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(form.encode(found, frame)["gating"], state["gating"], atol=1e-12)
    both = frozenset({"gating_intercept", "gating_slope"})
    assert form.held(both) == {"gating": True} and form.held(frozenset()) == {"gating": False}
    assert form.held(frozenset({"gating_slope"})) is None and form.apart(state) == 0


def test_a_step_is_shortened_to_its_longest():
    moment, rows = np.array([[2.0, 0.5], [0.5, 1.0]]), 4.0
    move = np.array([[3.0, -1.0], [30.0, 10.0], [0.0, 0.0]])
    length = np.sqrt([np.dot(m, moment @ m) / rows for m in move])
    np.testing.assert_allclose(share_of(np, move, moment, rows), [1.0, LONGEST / length[1], 1.0], rtol=1e-12)


@pytest.mark.parametrize("kind", ["poisson", "bernoulli"])
def test_no_step_moves_predictors_further(kind):
    form, x = FORMS[kind], Observations(DATA[kind], covariates=COVARIATES)
    columns = form.columns(x)
    frame = form.frame(columns)
    rows, state = ((columns - frame.centre) / frame.unit).T, {"line": np.tile([-9.0, 0.0, 0.0], (K, 1))}
    sums = form.statistics(np, RESPONSIBILITIES, rows, form.log_density(np, state, rows)[1])
    moved = form.m_step(np, sums | {"rows": RESPONSIBILITIES.sum(axis=1)}, state, {"line": False})
    design, times = np.vstack([np.ones(N), rows[:-1]]), RESPONSIBILITIES.sum(axis=0)
    change = (moved["line"] - state["line"]) @ design
    np.testing.assert_allclose(np.sqrt(change**2 @ times / times.sum()), LONGEST, rtol=1e-12)
