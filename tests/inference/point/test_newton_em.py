"""EM whose M-steps are Newton steps: regressions, and weights that depend on covariates. Expectations are scipy's."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import expit, log_softmax, logsumexp

import inference
from inference.point.em import fit as em
from inference.status import Status
from mixtures import Mixture, Observations, families, weights

ROWS = 160


@dataclass(frozen=True)
class Case:
    """Two overlapping components with one covariate, and scipy's log densities of them, (rows, components)."""

    family: families.Family
    x: np.ndarray
    covariates: np.ndarray
    table: object

    def log_likelihood(self, parameters, row_weights=None):
        table = self.table(self, parameters)
        if "weights" in parameters:
            table = table + np.log(parameters["weights"])
        else:
            logits = parameters["gating_intercept"] + self.covariates @ parameters["gating_slope"].T
            table = table + log_softmax(logits, axis=1)
        rows = logsumexp(table, axis=1)
        return rows.sum() if row_weights is None else row_weights @ rows


def predictor(case, p):
    return p["intercept"] + case.covariates @ p["slope"].T


def gaussian(case, p):
    return stats.norm(predictor(case, p), p["scale"]).logpdf(case.x[:, None])


def poisson(case, p):
    return stats.poisson(np.exp(predictor(case, p))).logpmf(case.x[:, None])


def bernoulli(case, p):
    return stats.bernoulli(expit(predictor(case, p))).logpmf(case.x[:, None])


def levels(case, p):
    return stats.norm(p["loc"], p["scale"]).logpdf(case.x[:, None])


def make(kind):
    rng = np.random.default_rng(5)
    c = rng.normal(3.0, 2.0, (ROWS, 1))
    first = rng.uniform(size=ROWS) < expit(0.6 * (c[:, 0] - 3))
    if kind == "levels":
        return Case(families.Gaussian(), rng.normal(np.where(first, 0.0, 2.0), 1.0), c, levels)
    eta = np.where(first, 1.0 + 0.3 * c[:, 0], 1.5 - 0.4 * c[:, 0])
    if kind == "gaussian":
        return Case(families.Regression(), rng.normal(eta, 0.7), c, gaussian)
    if kind == "poisson":
        return Case(families.Regression("poisson"), rng.poisson(np.exp(eta)).astype(float), c, poisson)
    return Case(
        families.Regression("bernoulli"), (rng.uniform(size=ROWS) < expit(3 * eta - 4)).astype(float), c, bernoulli
    )


CASES = {kind: make(kind) for kind in ("gaussian", "poisson", "bernoulli", "levels")}


@pytest.fixture
def newton(monkeypatch):
    """Climbing by gradient is something else."""

    def refuse(*_):
        raise AssertionError("the M-step went by gradient")

    monkeypatch.setattr(em, "generalised_em", refuse)


def polished(case, parameters, row_weights=None):
    """Scipy's own maximum from there; weights and scales on the log scale."""
    logs = {"weights", "scale"}
    shapes = {name: value.shape for name, value in parameters.items()}

    def values(u):
        out, begin = {}, 0
        for name, shape in shapes.items():
            size = int(np.prod(shape))
            part = u[begin : begin + size].reshape(shape)
            part = np.exp(part - logsumexp(part)) if name == "weights" else np.exp(part) if name in logs else part
            out[name], begin = part, begin + size
        return out

    start = np.concatenate([(np.log(v) if n in logs else v).ravel() for n, v in parameters.items()])
    found = optimize.minimize(lambda u: -case.log_likelihood(values(u), row_weights), start, options={"gtol": 1e-7})
    return -found.fun


LAWS = {"weights": weights.Dirichlet(), "gating": weights.Gating()}


@pytest.mark.quick(
    "numpyro-[glp]*", "pyro-gaussian-gating", "pyro-poisson-weights", reason="one code steps for both backends"
)
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("kind", CASES)
def test_em_ends_where_scipy_finds_nothing_higher(kind, law, newton, backend):
    case = CASES[kind]
    x = Observations(case.x, covariates=case.covariates)
    model = Mixture(2, case.family, LAWS[law])
    fit = inference.fit_em(model, x, restarts=4, tolerance=1e-12, seed=0, backend=backend)
    right = case.log_likelihood(fit.parameters)
    assert fit.log_likelihood == pytest.approx(right, rel=1e-11)
    assert polished(case, fit.parameters) <= right + 1e-6 * ROWS
    assert np.all(np.diff(fit.losses) <= 1e-9 * abs(right))


@pytest.mark.parametrize("kind", ["gaussian", "poisson", "bernoulli"])
def test_one_component_is_the_generalised_linear_model(kind, newton, backend):
    case = CASES[kind]
    x = Observations(case.x, covariates=case.covariates)
    fit = inference.fit_em(Mixture(1, case.family), x, restarts=1, tolerance=1e-14, seed=0, backend=backend)
    best = polished(case, fit.parameters)
    assert fit.log_likelihood == pytest.approx(best, abs=1e-7)
    if kind == "gaussian":
        design = np.column_stack([np.ones(ROWS), case.covariates])
        line = np.linalg.lstsq(design, case.x, rcond=None)[0]
        np.testing.assert_allclose([fit.parameters["intercept"][0], fit.parameters["slope"][0, 0]], line, rtol=1e-9)


@pytest.mark.quick("gaussian", "poisson", reason="a line, and one with a link")
@pytest.mark.parametrize("kind", CASES)
def test_a_row_of_weight_two_is_there_twice(kind, newton):
    case = CASES[kind]
    counts = np.random.default_rng(0).integers(1, 4, ROWS)
    model = Mixture(2, case.family, weights.Gating())
    start = inference.fit_em(
        model, Observations(case.x, covariates=case.covariates), restarts=2, max_steps=20, seed=0
    ).parameters
    weighted, repeated = (
        inference.fit_em(model, x, restarts=1, init=start, tolerance=1e-13, seed=0)
        for x in (
            Observations(case.x, covariates=case.covariates, row_weights=counts.astype(float)),
            Observations(np.repeat(case.x, counts), covariates=np.repeat(case.covariates, counts, axis=0)),
        )
    )
    assert weighted.log_likelihood == pytest.approx(repeated.log_likelihood, rel=1e-11)
    assert weighted.log_likelihood == pytest.approx(case.log_likelihood(weighted.parameters, counts), rel=1e-11)


@pytest.mark.parametrize(("shift", "unit"), [(1e6, 1e-3), (-40.0, 1e8)])
def test_units_do_not_matter(shift, unit, newton):
    case = CASES["gaussian"]
    model = Mixture(2, case.family, weights.Gating())
    plain = inference.fit_em(model, Observations(case.x, covariates=case.covariates), restarts=4, seed=0)
    moved = inference.fit_em(
        model, Observations(5.0 + unit * case.x, covariates=shift + case.covariates / unit), restarts=4, seed=0
    )
    assert moved.log_likelihood == pytest.approx(plain.log_likelihood - ROWS * np.log(unit), rel=1e-7)
    np.testing.assert_allclose(moved.parameters["slope"] / unit**2, plain.parameters["slope"], rtol=1e-4, atol=1e-7)


def test_known_lines_stay_as_they_are(newton):
    case = CASES["gaussian"]
    known = {"intercept": np.array([1.0, 1.5]), "slope": np.array([[0.3], [-0.4]])}
    x = Observations(case.x, covariates=case.covariates)
    fit = inference.fit_em(Mixture(2, case.family, weights.Gating()), x, restarts=2, fixed=known, seed=0)
    for name, value in known.items():
        np.testing.assert_allclose(fit.parameters[name], value, rtol=1e-12)
    assert fit.log_likelihood == pytest.approx(case.log_likelihood(fit.parameters), rel=1e-11)


def test_complete_separation_is_said(newton):
    c = np.linspace(-1, 1, 40)[:, None]
    x = Observations((c[:, 0] > 0).astype(float), covariates=c)
    fit = inference.fit_em(Mixture(1, families.Regression("bernoulli")), x, restarts=1, seed=0)
    assert fit.status is Status.RUNAWAY


def test_many_rows_take_the_compiled_pass(newton, monkeypatch):
    """The same by another way: the pass that cores share."""
    from inference.point.em.numpyro import restarts

    case = CASES["poisson"]
    x = Observations(case.x, covariates=case.covariates)
    model = Mixture(2, case.family, weights.Gating())
    few = inference.fit_em(model, x, restarts=2, seed=0)
    monkeypatch.setattr(restarts, "SHARED_CELLS", 0)
    many = inference.fit_em(model, x, restarts=2, seed=0)
    assert many.log_likelihood == pytest.approx(few.log_likelihood, rel=1e-10)


def test_a_line_is_one_column_of_a_table(newton):
    case = CASES["gaussian"]
    counts = np.random.default_rng(3).poisson(3, ROWS).astype(float)
    table = np.column_stack([case.x, counts])
    model = Mixture(2, families.Product({"a": families.Regression(), "b": families.Poisson()}))
    fit = inference.fit_em(model, Observations(table, covariates=case.covariates), restarts=3, seed=0)
    p = fit.parameters
    eta = p["a_intercept"] + case.covariates @ p["a_slope"].T
    each = stats.norm(eta, p["a_scale"]).logpdf(case.x[:, None]) + stats.poisson(p["b_rate"]).logpmf(counts[:, None])
    assert fit.log_likelihood == pytest.approx(logsumexp(each + np.log(p["weights"]), axis=1).sum(), rel=1e-11)


@pytest.mark.quick("poisson", reason="a line with a link")
@pytest.mark.parametrize("kind", ["gaussian", "poisson", "bernoulli"])
def test_covariates_that_nearly_depend_on_each_other(kind, newton):
    """A year, its square and its cube; scipy's expectation is in orthogonal polynomials."""
    year = np.linspace(1990, 2020, 200)
    z = (year - 2005) / 8.7
    eta = 0.7 * (1 + z + 0.3 * z**2 - 0.8 * z**3)
    rng = np.random.default_rng(0)
    x = {
        "gaussian": rng.normal(eta, 1.0),
        "poisson": rng.poisson(np.exp(eta)).astype(float),
        "bernoulli": (rng.uniform(size=200) < expit(eta)).astype(float),
    }[kind]
    powers = np.column_stack([year, year**2, year**3])
    fit = inference.fit_em(
        Mixture(1, families.Regression(kind)), Observations(x, covariates=powers), restarts=1, seed=0
    )
    plain = Case(families.Regression(kind), x, np.column_stack([z, z**2, z**3]), CASES[kind].table)
    start = {"weights": np.ones(1), "intercept": np.zeros(1), "slope": np.zeros((1, 3))}
    best = polished(plain, start | ({"scale": np.ones(1)} if kind == "gaussian" else {}))
    assert fit.status is Status.CONVERGED
    assert fit.log_likelihood == pytest.approx(best, abs=1e-4)


@pytest.mark.quick("gaussian", "bernoulli", reason="a line, and one with a link")
@pytest.mark.parametrize("kind", CASES)
def test_rows_of_weight_zero_are_as_if_they_were_not_there(kind, newton):
    case = CASES[kind]
    # two lines through single outcomes have no maximum
    model = Mixture(1, case.family) if kind == "bernoulli" else Mixture(2, case.family, weights.Gating())
    without = inference.fit_em(model, Observations(case.x, covariates=case.covariates), restarts=3, seed=0)
    x = np.append(case.x, [1.0, 0.0, 1.0])
    c = np.append(case.covariates, [[1e9], [-1e9], [1e3]], axis=0)
    row_weights = np.append(np.ones(ROWS), np.zeros(3))
    fit = inference.fit_em(model, Observations(x, covariates=c, row_weights=row_weights), restarts=3, seed=0)
    assert fit.status is Status.CONVERGED
    assert fit.log_likelihood == pytest.approx(without.log_likelihood, rel=1e-6)


def test_lines_through_large_counts_are_not_one():
    rng = np.random.default_rng(3)
    k, c = rng.integers(2, size=200), rng.normal(size=200)
    y = rng.poisson(1e8 * np.where(k, 1.0006, 1.0)).astype(float)
    x = Observations(y, covariates=c)
    fit = inference.fit_em(Mixture(2, families.Regression("poisson")), x, restarts=3, seed=0)
    assert fit.status is Status.CONVERGED
    np.testing.assert_allclose(np.abs(np.diff(fit.parameters["intercept"])), np.log(1.0006), rtol=0.1)


@pytest.mark.parametrize("kind", ["poisson", "bernoulli"])
def test_no_event_at_all_has_no_maximum(kind):
    x = Observations(np.zeros(30), covariates=np.arange(30.0))
    fit = inference.fit_em(Mixture(1, families.Regression(kind)), x, restarts=2, seed=0)
    assert fit.status is Status.RUNAWAY


def test_a_component_whose_scale_is_known_is_no_spike():
    rng = np.random.default_rng(4)
    c, is_own = rng.normal(size=60), np.arange(60) < 5
    y = np.where(is_own, 3 * c, -2 * c) + np.where(is_own, 0.02, 1.0) * rng.normal(size=60)
    fit = inference.fit_em(
        Mixture(2, families.Regression()),
        Observations(y, covariates=c),
        fixed={"scale": np.array([1.0, 0.02])},
        restarts=5,
        seed=0,
    )
    assert fit.status is Status.CONVERGED


@pytest.mark.filterwarnings("error")
def test_a_start_out_of_all_bounds_warns_of_nothing():
    rng = np.random.default_rng(1)
    c = rng.normal(size=200)
    x = Observations(rng.poisson(np.exp(c)).astype(float), covariates=c)
    start = {"weights": [0.5, 0.5], "intercept": [1000.0, 1.0], "slope": [[0.0], [1.0]]}
    inference.fit_em(Mixture(2, families.Regression("poisson")), x, init=start, restarts=1, seed=0)
