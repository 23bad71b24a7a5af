"""Closed-form M-steps beyond the Gaussian maximise the expected complete log density, and EM with them ends where gradients vanish.

Densities come from scipy; the maximum is scipy's too, from responsibilities that are random and components that overlap.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import expit, logsumexp, softmax

import inference
from inference.backends import engine
from inference.point.em.e_step import with_prior
from inference.point.em.fit import fit_em
from inference.point.em.m_steps import registry
from inference.point.em.mixture_em import MixtureEM
from inference.status import Status
from mixtures import Mixture, Observations, families, priors, weights
from tests.family_cases import CASES, WEIGHTS

CLOSED = (
    "poisson",
    "poisson columns",
    "exponential",
    "binomial",
    "bernoulli",
    "categorical",
    "categorical columns",
    "multinomial",
    "lognormal",
    "product",
)
CONJUGATE = tuple(name for name in CLOSED if name not in ("lognormal", "product"))

FLAT = 1e-3
"""The largest slope at rest. EM stops when a step gains less than 1e-13 of an objective of some hundreds, 1e-10 say; a step gains at least
slope^2 / (2 I), I the information in the complete data: so long as that is below 5000, many times the rows' number, the slope is below 1e-3."""

TO_SUPPORT = {"loc": lambda u: u, "scale": np.exp, "rate": np.exp, "probs": expit, "simplex": softmax}
"""From the real line to each site's support."""


def kind(case, site):
    is_simplex = isinstance(case.family, families.Categorical | families.Multinomial) or site == "kind_probs"
    return "simplex" if is_simplex else site.rsplit("_", 1)[-1]


def constrained(case, u):
    parameters, begin = {}, 0
    for site, value in case.truth.items():
        shape = np.shape(value)
        own = u[begin : begin + np.prod(shape)].reshape(shape)
        begin += own.size
        to = TO_SUPPORT[kind(case, site)]
        parameters[site] = to(own, axis=-1) if to is softmax else to(own)
    return parameters


def expected(case, x, responsibilities, parameters):
    """sum_ik r_ik log p(x_i | component k), by scipy."""
    table = replace(case, truth=parameters).table(x) - np.log(WEIGHTS)
    return np.sum(responsibilities * table)


def log_prior(model, parameters):
    """By scipy, of the numbers that the priors have on these data."""
    total = 0.0
    for site, value in parameters.items():
        prior = model.priors[site]
        numbers = {name: np.asarray(number) for name, number in prior.parameters}
        if prior.name == "Gamma":
            total += stats.gamma(numbers["concentration"], scale=1 / numbers["rate"]).logpdf(value).sum()
        elif prior.name == "Beta":
            total += stats.beta(numbers["concentration1"], numbers["concentration0"]).logpdf(value).sum()
        else:
            rows = value.reshape(-1, value.shape[-1])
            alpha = np.broadcast_to(numbers["concentration"], rows.shape[-1:])
            total += sum(stats.dirichlet(alpha).logpdf(row) for row in rows)
    return total


def m_step(case, x, responsibilities, pseudo=None):
    """What the closed form answers to these responsibilities."""
    closed = MixtureEM(registry.closed_form(case.family))
    columns = closed.columns(x)
    frame = closed.frame(columns)
    rows = ((columns - frame.centre) / frame.unit).T
    blank = closed.blank(2, len(rows))
    statistics = closed.statistics(np, responsibilities.T, rows, closed.log_joint(np, blank, rows)[1])
    if pseudo is not None:
        statistics = with_prior(np, closed, blank, 0.0, statistics, {"rows": np.zeros(2), **pseudo})[1]
    state = closed.m_step(np, statistics, blank, dict.fromkeys(closed.fixable, False))
    return closed.decode(state, x.features, frame)


@pytest.mark.parametrize(
    ("name", "with_its_prior"), [(name, False) for name in CLOSED] + [(name, True) for name in CONJUGATE]
)
def test_the_m_step_is_the_argmax_of_the_expected_complete_log_density(name, with_its_prior):
    case = CASES[name]
    x = case.data()
    responsibilities = np.random.default_rng(0).dirichlet([1.0, 1.0], size=len(x)) * np.arange(1, len(x) + 1)[:, None]
    model = case.model.scaled_to(x)
    closed = MixtureEM(registry.closed_form(case.family))
    pseudo = closed.pseudo(model.family.priors_by_site, 2, x.features) if with_its_prior else None

    def objective(parameters):
        value = expected(case, x.x, responsibilities, parameters)
        return value + (log_prior(model, parameters) if with_its_prior else 0.0)

    ours = m_step(case, x, responsibilities, pseudo)
    shares = responsibilities.sum(axis=0) / responsibilities.sum()
    np.testing.assert_allclose(ours.pop("weights"), shares, rtol=1e-12)
    size = sum(np.size(value) for value in case.truth.values())
    best = optimize.minimize(lambda u: -objective(constrained(case, u)), np.zeros(size), options={"gtol": 1e-3})
    theirs = constrained(case, best.x)
    assert objective(ours) >= -best.fun - 1e-9 * abs(best.fun)
    for site, value in theirs.items():
        np.testing.assert_allclose(ours[site], value, rtol=1e-3, atol=1e-4)


@pytest.mark.quick(
    "categorical columns-likelihood",
    "exponential-posterior",
    "lognormal-likelihood",
    "product-likelihood",
    "binomial-posterior",
    reason="each M-step is its argmax in a test of its own",
)
@pytest.mark.parametrize(
    ("name", "objective"),
    [(name, "likelihood") for name in CLOSED if name != "poisson"]
    + [(name, "posterior") for name in ("poisson columns", "exponential", "binomial", "categorical columns")],
)
def test_em_climbs_to_where_the_gradient_vanishes_and_reports_scipys_log_likelihood(name, objective):
    case = CASES[name]
    x = case.draw(150, seed=3)[0]
    fit = fit_em(case.model, x, restarts=4, seed=0, tolerance=1e-13, max_steps=20_000, objective=objective)
    assert np.diff(fit.losses).max() < 1e-9 * abs(fit.losses[-1])
    own = {site: fit.parameters[site] for site in case.truth}
    table = replace(case, truth=own).table(x.x) - np.log(WEIGHTS) + np.log(fit.parameters["weights"])
    assert fit.log_likelihood == pytest.approx(logsumexp(table, axis=1).sum(), abs=1e-8)
    final = fit.log_likelihood if objective == "likelihood" else fit.log_posterior
    assert -fit.losses[-1] == pytest.approx(final, rel=1e-12)  # the same sum over rows, by two ways
    density = engine("numpyro").bind(case.model, x).log_density(prior=objective == "posterior")
    slope = density.value_and_gradient(density.unconstrain(fit.parameters))[1]
    assert np.abs(slope).max() < FLAT


@pytest.mark.quick("exponential-*", reason="the climb is one code")
@pytest.mark.parametrize(
    ("name", "objective"),
    [("poisson columns", "likelihood"), ("multinomial", "posterior"), ("exponential", "posterior")],
)
def test_gradient_m_steps_end_at_the_same_optimum(name, objective, monkeypatch):
    case = CASES[name]
    x = case.draw(120, seed=4)[0]
    options = {"init": case.parameters, "restarts": 1, "objective": objective, "seed": 0, "tolerance": 1e-9}
    closed = fit_em(case.model, x, **options)
    monkeypatch.setattr(registry, "CLOSED_FORMS", {})
    by_gradient = fit_em(case.model, x, **options)
    assert closed.losses[-1] == pytest.approx(by_gradient.losses[-1], rel=1e-6)  # both stop at gains of 1e-9
    # the two were given the same start, and count the same constants
    assert closed.losses[0] == pytest.approx(by_gradient.losses[0], abs=1e-8)


@pytest.mark.quick("poisson columns", reason="cells drop out by one code")
@pytest.mark.parametrize("name", ["poisson columns", "categorical columns"])
def test_missing_cells_drop_out(name):
    case = CASES[name]
    x = np.array(case.draw(120, seed=5)[0].x)
    x[np.random.default_rng(0).random(x.shape) < 0.2] = np.nan
    observations = Observations(x, missing="allow")
    for objective in ("likelihood", "posterior"):
        fit = fit_em(case.model, observations, restarts=3, seed=0, tolerance=1e-13, objective=objective)
        assert fit.restarts["rule"].iloc[0] == "agglomeration"  # the closed form's starts
        assert fit.log_likelihood == pytest.approx(inference.log_likelihood(fit, observations).sum(), abs=1e-8)
        density = engine("numpyro").bind(case.model, observations).log_density(prior=objective == "posterior")
        slope = density.value_and_gradient(density.unconstrain(fit.parameters))[1]
        assert np.abs(slope).max() < FLAT


@pytest.mark.parametrize(
    "name", ["poisson", "exponential", "categorical columns", "multinomial", "lognormal", "product"]
)
def test_both_backends_take_the_same_steps(name):
    case = CASES[name]
    x = case.data()
    for objective in ("likelihood", "posterior") if name in CONJUGATE else ("likelihood",):
        options = {"restarts": 3, "max_steps": 8, "seed": 1, "objective": objective}
        fits = [fit_em(case.model, x, backend=backend, **options) for backend in ("numpyro", "pyro")]
        np.testing.assert_allclose(fits[0].losses, fits[1].losses, rtol=1e-10)


@pytest.mark.parametrize("name", ["poisson", "bernoulli", "lognormal", "product"])
def test_a_row_weight_of_two_is_the_row_twice(name):
    case = CASES[name]
    x = case.data()
    counts = np.random.default_rng(0).integers(1, 4, size=len(x))
    options = {"init": case.parameters, "restarts": 1, "seed": 0}
    by_weight = fit_em(case.model, x, row_weights=counts, **options)
    by_row = fit_em(case.model, x.take(np.repeat(np.arange(len(x)), counts)), **options)
    # which step is the last is decided by a gain that is rounding: one may take a step more
    steps = min(len(by_weight.losses), len(by_row.losses))
    assert max(len(by_weight.losses), len(by_row.losses)) <= steps + 1
    np.testing.assert_allclose(by_weight.losses[:steps], by_row.losses[:steps], rtol=1e-10)


@pytest.mark.parametrize("name", ["poisson", "categorical columns", "exponential", "product"])
def test_hard_assignments_climb_the_classification_likelihood(name):
    case = CASES[name]
    fit = fit_em(case.model, case.draw(100, seed=2)[0], restarts=3, hard=True, seed=0)
    assert np.diff(fit.losses).max() <= 1e-9 * abs(fit.losses[-1])
    assert -fit.losses[-1] == pytest.approx(fit.classification_log_likelihood, abs=1e-8)


@pytest.mark.quick(but=["product-*"], reason="a product is its parts")
@pytest.mark.parametrize(("name", "site"), [("poisson", "rate"), ("product", "kind_probs"), ("bernoulli", "weights")])
def test_what_is_fixed_stays_and_the_rest_is_its_best(name, site):
    case = CASES[name]
    x = case.draw(100, seed=0)[0]
    fit = fit_em(case.model, x, restarts=3, fixed={site: case.parameters[site]}, seed=0, tolerance=1e-13)
    np.testing.assert_allclose(fit.parameters[site], case.parameters[site], rtol=1e-12)
    density = engine("numpyro").bind(case.model, x).log_density(prior=False)
    held = density.unconstrain(fit.parameters)
    moves = density.unconstrain({**fit.parameters, site: np.asarray(case.parameters[site])[::-1]}) != held
    assert np.abs(density.value_and_gradient(held)[1][~moves]).max() < FLAT


def test_priors_that_are_not_conjugate_or_have_no_mode_generalised_em():
    x = CASES["poisson"].draw(60, seed=0)[0]
    by_gradient = (
        Mixture(2, families.Poisson(priors={"rate": priors.LogNormal(0.0, 1.0)})),
        Mixture(2, families.Poisson(), weights.Dirichlet(0.9)),
    )
    for model in by_gradient:
        fit = fit_em(model, x, restarts=2, objective="posterior", max_steps=20, seed=0)
        assert set(fit.restarts["rule"]) == {"rows"}
    assert set(fit_em(by_gradient[0], x, restarts=2, seed=0).restarts["rule"]) != {"rows"}


def test_waiting_times_of_nothing_are_a_collapse_and_twins_are_duplicates():
    x = np.r_[np.zeros(5), np.random.default_rng(0).exponential(size=40)]
    spike = {"weights": [0.1, 0.9], "rate": [1e15, 1.0]}
    model = Mixture(2, families.Exponential())
    assert fit_em(model, x, init=spike, restarts=1, seed=0).status is Status.COLLAPSED
    twins = {"weights": [0.5, 0.5], "rate": [1.0, 1.0]}
    assert fit_em(model, x, init=twins, restarts=1, seed=0).status is Status.DUPLICATE
