"""A fit that converged says which of its parts a simpler model does without: told by log likelihoods, which the simpler model has too."""

import numpy as np
import pytest

from inference import fit_em, fit_map, fit_mle
from inference.backends import bind
from inference.point.simpler import SINGULAR, simpler
from inference.status import Status
from mixtures import Mixture, Observations, families
from mixtures.assignments import GroupClasses, PerGroup
from mixtures.errors import ModelError

GROUP = np.repeat(np.arange(30), 6)
TIME = np.tile(np.arange(6.0), 30)
LINES = Mixture(1, families.Regression(random=[0]), PerGroup())


def rows(seed, level=0.0, rise=0.0, correlation=0.0):
    """Rows of thirty groups around one line, whose levels and slopes differ so far."""
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(2, 30))
    slopes = rise * (correlation * first + np.sqrt(1 - correlation**2) * second)
    y = 1.0 + 0.5 * TIME + (level * first)[GROUP] + slopes[GROUP] * TIME + rng.normal(size=180)
    return Observations(y, covariates=TIME, group=GROUP)


@pytest.mark.slow
@pytest.mark.parametrize("fit", [fit_em, fit_mle])
def test_effects_that_are_not_there_are_singular(fit, backend):
    found = fit(LINES, rows(1), restarts=1, seed=0, backend=backend)
    alone = fit_mle(Mixture(1, families.Regression(), PerGroup()), rows(1), restarts=1, seed=0, backend=backend)
    np.testing.assert_allclose(found.log_likelihood, alone.log_likelihood, atol=1e-5)
    assert found.status.is_sound
    assert found.reason.startswith(
        "effects of groups, random_intercept_scale and what goes with it, are singular in component 0: "
    )
    assert found.reason in str(found)


@pytest.mark.slow
def test_slopes_that_go_with_levels_are_singular_and_those_that_do_not_are_not():
    found = fit_mle(LINES, rows(1, level=0.3, rise=0.2, correlation=1.0), restarts=1, seed=0)
    root = found.parameters["random_correlation_cholesky"][0]
    assert root[1, 0] > 1 - SINGULAR**2 and "correlation -1 or 1" in found.reason
    for seed in range(3):
        apart = fit_mle(LINES, rows(seed, level=0.8, rise=0.4), restarts=1, seed=0)
        assert apart.status.is_sound and apart.reason == ""
    assert fit_map(LINES, rows(1), restarts=1, seed=0).reason == ""  # priors keep away


def test_only_the_column_and_the_component_whose_effects_are_singular_are_named():
    each = {name: families.Regression(random="intercept") for name in "ab"}
    x = Observations(np.column_stack([TIME, TIME]), feature_names=("a", "b"), covariates=TIME, group=GROUP)
    bound = bind(Mixture(2, families.Product(each), PerGroup()), x, "numpyro")
    values = {"a_scale": 1e6, "a_random_intercept_scale": 1e5, "b_scale": 1e-6, "b_random_intercept_scale": 1e-7}
    values = {name: np.array([value, value]) for name, value in values.items()}
    assert simpler(bound, values, Status.CONVERGED) == ""  # whatever the units
    values["b_random_intercept_scale"][1] = 1e-10
    assert simpler(bound, values, Status.CONVERGED).startswith(
        "effects of groups, b_random_intercept_scale and what goes with it, are singular in component 1: "
    )


def test_groups_of_one_row_are_named():
    """Rows are Normal(eta, scale^2 + random_intercept_scale^2), whichever of the two it is."""
    model = Mixture(1, families.Regression(random="intercept"), PerGroup())
    x = Observations(TIME[:20] ** 0.5, covariates=TIME[:20], group=np.arange(20))
    found = fit_em(model, x, restarts=1, seed=0)
    other = {
        name: found.parameters[a]
        for name, a in (("random_intercept_scale", "scale"), ("scale", "random_intercept_scale"))
    }
    swapped = bind(model, x, "numpyro").log_likelihoods({k: v[None] for k, v in (found.parameters | other).items()})[0]
    np.testing.assert_allclose(found.log_likelihood, swapped, rtol=1e-10)
    assert found.reason.startswith(
        "every group has one row, of which nothing tells random_intercept_scale from scale: "
    )
    two = Observations(x.x, covariates=TIME[:20], group=np.append(np.arange(19), 0))
    assert "one row" not in simpler(bind(model, two, "numpyro"), found.parameters, Status.CONVERGED)


@pytest.mark.parametrize(
    "at", [(1.0, 0.5, 0.0), (1.0, 0.5, 0.99), (1.0, 0.5, -1.0), (1e-5, 0.5, 0.0), (1.0, 1e-5, 0.0), (0.01, 0.01, 0.5)]
)
def test_effects_are_singular_in_no_direction_or_in_one(at):
    """By the eigenvalues of z D z' over the rows of a group: how far effects move rows, in units of their scale."""
    scale, slope, correlation = at
    root = np.array([[1.0, 0.0], [correlation, np.sqrt(1 - correlation**2)]])
    values = {"scale": [2.0], "random_intercept_scale": [scale], "random_slope_scale": [[slope]]}
    values = {name: np.array(value) for name, value in values.items()} | {"random_correlation_cholesky": root[None]}
    z = np.column_stack([np.ones(6), TIME[:6]])
    deviations = np.diag([scale, slope])
    variances = np.linalg.eigvalsh(z @ deviations @ root @ root.T @ deviations @ z.T / 4)[-2:]
    found = simpler(bind(LINES, rows(0), "numpyro"), values, Status.CONVERGED)
    assert bool(found) == (variances[0] < 6 * SINGULAR**2), (found, variances)


def alike(seed):
    """Groups of one class: types of rows in the same shares everywhere."""
    rng = np.random.default_rng(seed)
    return Observations(rng.normal(np.where(rng.random(60) < 0.5, 1.5, -1.5)), group=np.repeat(np.arange(12), 5))


@pytest.mark.slow
@pytest.mark.parametrize("fit", [fit_em, fit_mle])
def test_classes_that_are_one_are_named(fit, backend):
    found = fit(Mixture(2, families.Gaussian(), GroupClasses(2)), alike(3), restarts=2, seed=0, backend=backend)
    one = fit_em(Mixture(2, families.Gaussian(), GroupClasses(1)), alike(3), restarts=2, seed=0, backend=backend)
    np.testing.assert_allclose(found.log_likelihood, one.log_likelihood, atol=1e-5)
    assert found.reason == "classes 0 and 1 of groups have the same weights: one of them says as much"
    assert one.reason == ""


def test_several_classes_that_are_one_are_named_together():
    model, x = Mixture(2, families.Gaussian(), GroupClasses(5)), alike(0)
    weights = [[0.6, 0.4], [0.2, 0.8], [0.6, 0.4], [0.9, 0.1], [0.6, 0.4]]
    values = {"class_probs": [0.2] * 5, "class_weights": weights, "loc": [1.5, -1.5], "scale": [1.0, 1.0]}
    values = {name: np.array(value) for name, value in values.items()}
    said = simpler(bind(model, x, "numpyro"), values, Status.CONVERGED)
    assert said == "classes 0 and 2 and 4 of groups have the same weights: one of them says as much"


def test_a_class_without_groups_is_named():
    model, x = Mixture(2, families.Gaussian(), GroupClasses(2)), alike(0)
    start = {
        "class_probs": [0.999, 0.001],
        "class_weights": [[0.6, 0.4], [0.999, 0.001]],
        "loc": [1.5, -1.5],
        "scale": [1.0, 1.0],
    }
    held = {name: start[name] for name in ("class_probs", "class_weights")}
    found = fit_em(model, x, init=start, fixed=held, restarts=1, seed=0)
    assert found.reason == "class 1 of groups has less than half a group: one class less says as much"


def test_labels_that_no_class_allows_are_refused():
    model, x = Mixture(2, families.Gaussian(), GroupClasses(2)), alike(0)
    labels = np.full(60, -1)
    labels[[5, 7]] = 0, 1  # of group 1
    for weights, probs in (([[1.0, 0.0], [0.0, 1.0]], None), ([[0.5, 0.5], [0.0, 1.0]], [0.0, 1.0])):
        fixed = {"class_weights": weights} | ({} if probs is None else {"class_probs": probs})
        with pytest.raises(
            ModelError, match=r"fixed\['class_weights'\]: got weight 0, in every class, .* of group 1 are"
        ):
            fit_em(model, x, labels=labels, fixed=fixed, restarts=1, seed=0)
    allowed = fit_em(model, x, labels=labels, fixed={"class_weights": [[0.5, 0.5], [0.0, 1.0]]}, restarts=1, seed=0)
    assert np.isfinite(allowed.log_likelihood)
