"""Standard errors against numerical derivatives: of log likelihoods written down here, and of the estimates, solved anew, by the first step's
parameters, whose uncertainty is a part of them."""

import numpy as np
import pytest
from scipy import optimize, special, stats

import inference
from inference.external.classification import modal
from inference.external.covariates import read_covariates
from inference.external.measured import FirstStep
from inference.external.outcomes import read_outcome
from inference.external.solving import solve
from inference.external.units import units_of

STEP = 1e-4


def gradients(function, at, step=STEP):
    """Central differences of a function of a vector, values (...,) -> (..., size)."""
    ends = [(function(at + e) - function(at - e)) / (2 * step) for e in step * np.eye(len(at))]
    return np.stack(ends, axis=-1)


def sandwich(log_likelihoods, at):
    """A^-1 B A^-1 of units' log likelihoods at a maximum, by numerical derivatives."""
    scores = gradients(log_likelihoods, at)
    assert np.abs(scores.sum(axis=0)).max() < 1e-4 * np.abs(scores).sum(axis=0).max()  # a maximum it is
    hessian = gradients(lambda u: gradients(log_likelihoods, u).sum(axis=0), at)
    inverse = np.linalg.inv(hessian)
    return inverse @ scores.T @ scores @ inverse.T


def evidence(study, correction, assignment="modal"):
    """log p(record | class), (units, records, classes), and what records count."""
    posterior = inference.responsibilities(study.fit, study.items).to_numpy()
    if correction == "two-step":
        units = units_of(study.fit, study.items, correction)
        return units.emissions(study.fit.parameters)[:, None, :], np.ones((len(posterior), 1))
    given = posterior if assignment == "proportional" else np.eye(3)[posterior.argmax(axis=1)]
    table = posterior.T @ given / posterior.sum(axis=0)[:, None]
    if assignment == "proportional":
        return np.broadcast_to(np.log(table.T), (len(posterior), 3, 3)), posterior
    return np.log(table[:, given.argmax(axis=1)]).T[:, None, :], np.ones((len(posterior), 1))


def mixed(log_joint, known):
    records, counts = known
    return (counts * special.logsumexp(log_joint[:, None, :] + records, axis=2)).sum(axis=1)


def shares_with(log_likelihoods, estimate, start):
    """The shares of the first two classes that are best with these estimates."""

    def loss(shares):
        return -log_likelihoods(np.concatenate([shares, estimate])).sum()

    options = {"xatol": 1e-10, "fatol": 1e-12}
    return optimize.minimize(loss, start, method="Nelder-Mead", options=options).x


def of_normals(y, known):
    """Log likelihoods by (two shares, mean, variance, mean, ...)."""

    def log_likelihoods(u):
        shares = np.array([u[0], u[1], 1 - u[0] - u[1]])
        return mixed(np.log(shares) + stats.norm.logpdf(y[:, None], u[2::2], np.sqrt(u[3::2])), known)

    return log_likelihoods


def first_steps_part(study, correction, assignment="modal", kind=None, **question):
    """G V G': V the inverse information of the first step, G the derivatives of the estimates by its parameters, each solved anew."""
    units = units_of(study.fit, study.items, correction)
    x = units.bound.x
    asked = question.get("outcome", question.get("covariates"))
    variable = read_outcome(asked, kind, None, x) if "outcome" in question else read_covariates(asked, None, x)
    structural = variable.structural(variable.of_units(units), 3, 0)
    posterior = units.posterior(study.fit.parameters)
    is_known = np.ones(len(x), dtype=bool)
    first = FirstStep(units, is_known, correction, modal(posterior) if assignment == "modal" else None)
    density = units.bound.log_density(prior=False)
    u = density.unconstrain(study.fit.parameters)
    shown = structural.reported()

    def solved(at):
        measured = first.at(density.constrain(at))
        theta = structural.solve(posterior if measured.given is None else measured.given, units.times)
        if measured.evidence is not None:
            theta, is_at_rest = solve(structural, measured.evidence, units.times, theta)
            assert is_at_rest
        return shown.offset + shown.matrix @ theta

    slopes = gradients(solved, u, step=1e-3)
    if correction == "two-step":
        assert np.abs(slopes[:, density.places["weights"]]).max() < 1e-6  # weights are not held
    return slopes @ np.linalg.inv(-density.hessian(u)) @ slopes.T


def compare(found, held, first, tolerance):
    """The covariance is that of the second step alone, and what the first adds to it, which matters."""
    np.testing.assert_allclose(found.covariance, held + first, rtol=0, atol=tolerance * np.abs(held).max())
    assert np.diag(first / held).max() > 0.01


CASES = [("ml", "modal"), ("ml", "proportional"), ("two-step", "modal")]


@pytest.mark.quick(
    "numpyro-two-step-modal",
    "numpyro-ml-modal",
    "pyro-two-step-modal",
    reason="both backends give one table in a test of its own",
)
@pytest.mark.parametrize(("correction", "assignment"), CASES)
def test_errors_of_coefficients(study, correction, assignment):
    age = (study.frame["age"].to_numpy() - 40) / 10
    known = evidence(study, correction, assignment)

    def log_likelihoods(beta):
        odds = np.column_stack([np.zeros(len(age)), beta[0] + beta[1] * age, beta[2] + beta[3] * age])
        return mixed(special.log_softmax(odds, axis=1), known)

    how = {"covariates": age, "correction": correction, "assignment": assignment}
    found = inference.external(study.fit, study.items, reference=0, **how)
    held = sandwich(log_likelihoods, found.to_frame()["estimate"].to_numpy())
    compare(found, held, first_steps_part(study, **how), 1e-3)


@pytest.mark.quick("numpyro-*", reason="both backends give one table in a test of its own")
@pytest.mark.parametrize(("correction", "assignment"), CASES)
def test_errors_of_means_and_variances(study, correction, assignment):
    y = study.frame["y"].to_numpy()
    log_likelihoods = of_normals(y, evidence(study, correction, assignment))
    how = {"outcome": y, "correction": correction, "assignment": assignment}
    found = inference.external(study.fit, study.items, **how)
    estimate = found.to_frame()["estimate"].to_numpy()
    shares = shares_with(log_likelihoods, estimate, study.fit.parameters["weights"][:2])
    held = sandwich(log_likelihoods, np.concatenate([shares, estimate]))[2:, 2:]
    compare(found, held, first_steps_part(study, **how), 1e-3)


@pytest.mark.parametrize("assignment", ["modal", "proportional"])
def test_errors_of_bch_means(study, assignment):
    y = study.frame["y"].to_numpy()
    posterior = inference.responsibilities(study.fit, study.items).to_numpy()
    given = posterior if assignment == "proportional" else modal(posterior)
    weights = given @ np.linalg.inv(posterior.T @ given / posterior.sum(axis=0)[:, None])
    how = {"outcome": y, "correction": "bch", "assignment": assignment}
    found = inference.external(study.fit, study.items, **how)
    means = found.to_frame()["estimate"].to_numpy()[::2]
    away = weights * (y[:, None] - means) / weights.sum(axis=0)
    held, first = away.T @ away, first_steps_part(study, **how)[::2, ::2]
    np.testing.assert_allclose(found.covariance[::2, ::2], held + first, atol=1e-5 * held.max())


@pytest.mark.quick("numpyro", reason="both backends give one table in a test of its own")
def test_errors_of_probabilities_and_rates(study):
    known = evidence(study, "ml", "proportional")
    group, count = study.frame["group"], study.frame["count"].to_numpy()
    codes = group.cat.codes.to_numpy()

    def with_categories(u):
        shares, free = np.array([u[0], u[1], 1 - u[0] - u[1]]), u[2:].reshape(3, 2)
        probs = np.column_stack([1 - free.sum(axis=1), free])
        return mixed(np.log(shares) + np.log(probs[:, codes]).T, known)

    def with_rates(u):
        shares = np.array([u[0], u[1], 1 - u[0] - u[1]])
        return mixed(np.log(shares) + stats.poisson.logpmf(count[:, None], u[2:]), known)

    how = {"correction": "ml", "assignment": "proportional"}
    for function, kept, question in (
        (with_categories, [1, 2, 4, 5, 7, 8], {"outcome": group}),
        (with_rates, [0, 1, 2], {"outcome": count, "kind": "count"}),
    ):
        found = inference.external(study.fit, study.items, **how, **question)
        estimate = found.to_frame()["estimate"].to_numpy()[kept]
        shares = shares_with(function, estimate, study.fit.parameters["weights"][:2])
        held = sandwich(function, np.concatenate([shares, estimate]))[2:, 2:]
        at = np.ix_(kept, kept)
        first = first_steps_part(study, **how, **question)[at]
        np.testing.assert_allclose(found.covariance[at], held + first, atol=1e-3 * np.abs(held).max())


def test_probabilities_of_a_class_sum_to_one_and_their_sum_has_no_error(study):
    for correction in ("ml", "bch", "two-step", "none"):
        found = inference.external(study.fit, study.frame, outcome="group", correction=correction)
        sums = found.to_frame()["estimate"].to_numpy().reshape(3, 3).sum(axis=1)
        np.testing.assert_allclose(sums, 1.0, atol=1e-9)
        ones = np.kron(np.eye(3), np.ones(3))
        np.testing.assert_allclose(ones @ found.covariance @ ones.T, 0.0, atol=1e-12)
