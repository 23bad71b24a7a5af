"""Effects of groups within components: against dense normal densities of whole groups, sums over all assignments of groups, the libraries' own
enumeration, and moments of what is simulated. Fits are in `test_growth_mixtures.py`."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

import inference
from inference.assignment.density import column_densities
from inference.backends import bind
from mixtures import Mixture, Observations, families, regression_mixture, simulate, source
from mixtures.assignments import GroupWeights, PerGroup
from mixtures.errors import DataError, ModelError
from tests.slopes import central_differences

GROUP = np.array(["b", "a", "b", "c", "a", "b", "b", "d", "c", "b"])
"""Ragged, and not side by side."""
RNG = np.random.default_rng(0)
Y, C = RNG.normal(size=10), np.column_stack([RNG.normal(1.0, 1.0, 10), RNG.normal(size=10)])
X = Observations(Y, covariates=C, group=GROUP)
TABLE = pd.DataFrame({"y": Y, "t": C[:, 0]})

VALUES = {
    "weights": np.array([0.3, 0.7]),
    "intercept": np.array([-0.5, 0.4]),
    "slope": np.array([[0.3, -0.2], [-0.4, 0.5]]),
    "scale": np.array([0.6, 1.1]),
    "random_intercept_scale": np.array([0.8, 1.7]),
}
SLOPES = {
    "random_slope_scale": np.array([[0.5], [0.9]]),
    "random_correlation_cholesky": np.array([[[1.0, 0.0], [0.6, 0.8]], [[1.0, 0.0], [-0.28, 0.96]]]),
}
INTERCEPTS = Mixture(2, families.Regression(random="intercept"), PerGroup())
LINES = Mixture(2, families.Regression(random=[1]), PerGroup())
CASES = {"intercepts": (INTERCEPTS, VALUES), "slopes": (LINES, VALUES | SLOPES)}


def stacked(values):
    return {name: np.asarray(value)[None] for name, value in values.items()}


def effects(values, k):
    """The covariance matrix of component k's effects."""
    scale = np.append(values["random_intercept_scale"][k], values.get("random_slope_scale", np.zeros((2, 0)))[k])
    root = scale[:, None] * values.get("random_correlation_cholesky", np.ones((2, 1, 1)))[k]
    return root @ root.T


def dense(x, values, slopes=(1,)):
    """log p(x_g | k), (groups, components), by the covariance matrix of each group's rows."""
    found = np.zeros((len(x.group_names), 2))
    for g in range(len(found)):
        rows = (x.group == g) & ~np.isnan(x.x)
        for k in range(2):
            if rows.any():
                c = x.covariates[rows]
                z = np.column_stack([np.ones(len(c)), c[:, list(slopes)]])[:, : effects(values, k).shape[0]]
                covariance = z @ effects(values, k) @ z.T + values["scale"][k] ** 2 * np.eye(len(c))
                mean = values["intercept"][k] + c @ values["slope"][k]
                found[g, k] = multivariate_normal(mean, covariance).logpdf(x.x[rows])
    return found


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("is_seen", [True, False], ids=["complete", "missing rows"])
def test_groups_have_the_densities_of_dense_normals(case, is_seen, backend):
    model, values = CASES[case]
    y = Y.copy()
    if not is_seen:
        y[[0, 7]] = np.nan  # of a group, and a whole one
    x = Observations(y, covariates=C, group=GROUP, missing="allow")
    bound = bind(model, x, backend)
    joint = np.log(values["weights"]) + dense(x, values)
    right = logsumexp(joint, axis=1)
    np.testing.assert_allclose(bound.pointwise(stacked(values))[0], right, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(bound.log_likelihoods(stacked(values))[0], right.sum(), rtol=1e-10)
    table = bound.log_joint(values)
    shares = np.exp(table - logsumexp(table, axis=1, keepdims=True))
    np.testing.assert_allclose(shares, np.exp(joint - right[:, None])[x.group], atol=1e-10)


@pytest.mark.parametrize("case", CASES)
def test_the_order_of_rows_and_groups_is_of_no_matter(case, backend):
    model, values = CASES[case]
    order = np.random.default_rng(1).permutation(len(Y))
    mixed = Observations(Y[order], covariates=C[order], group=GROUP[order])
    found = bind(model, mixed, backend).log_joint(values)
    right = bind(model, X, backend).log_joint(values)[order]
    # a group's likelihood is told at its first row, whichever that is
    np.testing.assert_allclose(found[:, 0] - found[:, 1], right[:, 0] - right[:, 1], rtol=1e-9)
    np.testing.assert_allclose(logsumexp(found, axis=1).sum(), logsumexp(right, axis=1).sum(), rtol=1e-10)


def test_effects_much_larger_than_the_scale_keep_their_digits(backend):
    values = VALUES | {"random_intercept_scale": np.array([1e3, 1e-6]), "scale": np.array([1e-1, 1.0])}
    found = bind(INTERCEPTS, X, backend).pointwise(stacked(values))[0]
    right = logsumexp(np.log(values["weights"]) + dense(X, values), axis=1)
    np.testing.assert_allclose(found, right, rtol=1e-7)


def test_gradients_are_those_of_finite_differences(backend):
    density = bind(LINES, X, backend).log_density(jacobian=True)
    u = 0.3 * np.random.default_rng(1).normal(size=density.size)
    np.testing.assert_allclose(density.value_and_gradient(u)[1], central_differences(density, u), rtol=1e-6, atol=1e-6)


def test_what_components_share(backend):
    """With everything of the effects in common the table is that of components with equal values."""
    names = ["random_intercept_scale", "random_slope_scale", "random_correlation_cholesky", "scale"]
    model = Mixture(2, families.Regression(random=[1], common=names), PerGroup())
    values = VALUES | SLOPES
    shared = values | {name: values[name][0] for name in names}
    alike = values | {name: np.stack([values[name][0]] * 2) for name in names}
    found = bind(model, X, backend).log_joint(shared)
    np.testing.assert_allclose(found, bind(LINES, X, backend).log_joint(alike), rtol=1e-12)


def test_columns_have_effects_of_their_own(backend):
    """Two responses in parallel: within a component their log densities add up."""
    each = {"a": families.Regression(random="intercept"), "b": families.Regression(random=[1])}
    columns = np.column_stack([Y, RNG.normal(size=10)])
    x = Observations(columns, feature_names=("a", "b"), covariates=C, group=GROUP)
    values = {"weights": VALUES["weights"]}
    values |= {f"a_{site}": value for site, value in VALUES.items() if site != "weights"}
    values |= {f"b_{site}": value for site, value in (VALUES | SLOPES).items() if site != "weights"}
    right = dense(X, VALUES) + dense(Observations(columns[:, 1], covariates=C, group=GROUP), VALUES | SLOPES)
    found = bind(Mixture(2, families.Product(each), PerGroup()), x, backend).pointwise(stacked(values))[0]
    np.testing.assert_allclose(found, logsumexp(np.log(VALUES["weights"]) + right, axis=1), rtol=1e-10)


def test_members_and_noise_beside_random_effects(backend):
    members = families.PerComponent([families.Regression(random="intercept"), families.Regression()])
    values = {"weights": VALUES["weights"]}
    values |= {f"{site}_{k}": VALUES[site][k] for site in ("intercept", "slope", "scale") for k in range(2)}
    values |= {"random_intercept_scale_0": VALUES["random_intercept_scale"][0]}
    right = dense(X, VALUES | {"random_intercept_scale": np.array([0.8, 0.0])})
    found = bind(Mixture(2, members, PerGroup()), X, backend).pointwise(stacked(values))[0]
    np.testing.assert_allclose(found, logsumexp(np.log(VALUES["weights"]) + right, axis=1), rtol=1e-10)
    noise = Mixture(2, families.WithNoise(families.Regression(random="intercept"), -4.0, 4.0), PerGroup())
    right[:, 0], right[:, 1] = -np.bincount(X.group) * np.log(8.0), dense(X, VALUES)[:, 1]
    found = bind(noise, X, backend).pointwise(stacked(VALUES))[0]
    np.testing.assert_allclose(found, logsumexp(np.log(VALUES["weights"]) + right, axis=1), rtol=1e-10)


def test_pyro_sums_the_native_model_by_its_own_enumeration():
    import pyro
    import torch
    from pyro import poutine
    from pyro.infer import TraceEnum_ELBO

    model, values = LINES.scaled_to(X), VALUES | SLOPES
    held = poutine.condition(model.pyro, data={name: torch.tensor(value) for name, value in values.items()})
    options = {"covariates": torch.tensor(X.covariates), "group": torch.tensor(X.group)}
    with pyro.get_param_store().scope():
        loss = TraceEnum_ELBO(max_plate_nesting=2).loss(held, lambda *_, **__: None, torch.tensor(X.x), **options)
    np.testing.assert_allclose(-loss, sum(bind(model, X, "pyro").log_densities(stacked(values)))[0], rtol=1e-10)
    assert model.pyro(size=10, covariates=torch.tensor(X.covariates), group=X.group).shape == (10,)


NATIVE = """
import jax, jax.numpy as jnp, numpy as np
jax.config.update("jax_enable_x64", True)
from numpyro.contrib.funsor import config_enumerate, enum, log_density
from tests.inference.test_random_effects import LINES, SLOPES, VALUES, X, stacked
from inference.backends import bind
model, values = LINES.scaled_to(X), VALUES | SLOPES
ours = sum(bind(model, X, "numpyro").log_densities(stacked(values)))[0]
native = enum(config_enumerate(model.numpyro), -3)
theirs = log_density(native, (jnp.asarray(X.x),), {"group": X.group, "covariates": jnp.asarray(X.covariates)}, values)[0]
np.testing.assert_allclose(float(theirs), ours, rtol=1e-10)
"""


@pytest.mark.slow
def test_numpyro_sums_the_native_model_by_its_own_enumeration():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", NATIVE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.statistical
def test_simulated_groups_have_new_effects(backend):
    """Two rows of a group of component 1, and of no other: their covariances are z D z' + s^2."""
    groups = 4000
    group, c = np.tile(np.arange(groups), 2), np.repeat([0.5, 2.0], groups)
    covariates = np.column_stack([np.zeros(2 * groups), c])
    truth = VALUES | SLOPES | {"weights": np.array([0.0, 1.0])}
    drawn = simulate(LINES, 2 * groups, seed=0, given=truth, backend=backend, covariates=covariates, group=group)
    left = (drawn["obs"] - truth["intercept"][1] - covariates @ truth["slope"][1]).reshape(2, groups)
    z = np.array([[1.0, 0.5], [1.0, 2.0]])
    right = z @ effects(truth, 1) @ z.T + truth["scale"][1] ** 2 * np.eye(2)
    # Var s_ij = (S_ii S_jj + S_ij^2) / n, and what is of other groups hangs together with nothing
    error = np.sqrt((np.outer(np.diag(right), np.diag(right)) + right**2) / groups)
    assert (np.abs(left @ left.T / groups - right) < 5 * error).all()
    assert abs(left[0] @ np.roll(left[1], 1) / groups) < 5 * np.sqrt(right[0, 0] * right[1, 1] / groups)


def test_starts_are_alike_wherever_covariates_lie():
    """Rows begin with one covariance matrix whether time is counted from a study's beginning or from the year 0."""
    made = []
    for beginning in (0.0, 2000.0):
        c = np.column_stack([beginning + 3 * C[:, 0], C[:, 1]])
        start = families.Regression(random=[0, 1]).start(Y, np.array([0, 1]), 2, c)
        z = np.column_stack([np.ones(10), c])
        deviation = np.append(start["random_intercept_scale"][0], start["random_slope_scale"][0])
        root = z @ (deviation[:, None] * start["random_correlation_cholesky"][0])
        np.testing.assert_allclose(np.sum(start["random_correlation_cholesky"] ** 2, axis=-1), 1.0, rtol=1e-12)
        made.append(root @ root.T)
    np.testing.assert_allclose(made[0], made[1], rtol=1e-6, atol=1e-6)


@pytest.fixture(scope="module")
def fitted():
    return inference.fit_map(INTERCEPTS, X, restarts=1, seed=0)


def test_the_density_of_a_column_is_that_of_a_row_alone_in_its_group(fitted):
    points, known = np.linspace(-2.0, 2.0, 5), fitted.parameters
    mean = known["intercept"] + C.mean(axis=0) @ known["slope"].T
    deviation = np.hypot(known["scale"], known["random_intercept_scale"])
    right = known["weights"] * norm.pdf(points[:, None], mean, deviation)
    np.testing.assert_allclose(column_densities(fitted, X, [points])[0][0], right, rtol=1e-10, atol=1e-300)


def test_effects_are_written_as_they_are_on_paper():
    """Drawn for each group beside its rows, although the density has them summed out."""
    k, of_row = "[assignment[g]]", "[assignment[g[i]]]"
    line = f"intercept{of_row} + sum(covariates[i] * slope{of_row})"
    root = f"[random_intercept_scale{k}, random_slope_scale{k}] * random_correlation_cholesky{k}"
    for model, effects, moved in (
        (INTERCEPTS, f"Normal(0, random_intercept_scale{k})", "effects[g[i]]"),
        (LINES, f"MultivariateNormal(0, scale_tril={root})", "sum([1, covariates[i, 1]] * effects[g[i]])"),
    ):
        lines = dict(line.strip().split("~ ") for line in str(model).splitlines() if " ~ " in line)
        found = {name.strip(): text for name, text in lines.items()}
        assert found["effects[g]"] == effects
        assert found["obs[i]"] == f"Normal({line} + {moved}, scale{of_row})"
    columns = Mixture(
        2, families.Product({"a": families.Regression(random=[0, 2]), "b": families.Regression()}), PerGroup()
    )
    assert "sum([1, covariates[i, (0, 2)]] * a_effects[g[i]])" in str(columns)


def test_what_random_effects_cannot_is_said(fitted):
    regression, seen = families.Regression, np.arange(10) != 3
    blank = Observations(np.where(seen, Y, np.nan), covariates=C, group=GROUP, missing="allow")
    bounded = replace(blank, lower=np.where(seen, np.nan, 0.0))
    for ask, text in (
        (lambda: Mixture(2, regression(random="intercept")), r"PerGroup\(\)\), of Observations"),
        (lambda: Mixture(2, regression(random="intercept"), GroupWeights()), "what has effects in common has one component"),
        (lambda: regression(random=[0, 0]), "each covariate once"),
        (lambda: regression(random=1.5), "random: got 1.5"),
        (lambda: regression(random=True), "random: got True; expected 'intercept'; or covariates, by their names"),
        (lambda: regression_mixture(2, "y ~ t", data=TABLE, random=True), "random: got True; expected 'intercept'; or covariates"),
        (lambda: families.Truncated(regression(random="intercept"), 0.0), "family: got random effects: .* no distribution function"),
        (lambda: inference.fit_map(Mixture(2, regression(random=[2]), PerGroup()), X, seed=0), "numbers of covariates from 0 to 1"),
        (lambda: inference.fit_map(INTERCEPTS, Observations(Y, covariates=C), seed=0), "group: got none"),
        (lambda: inference.fit_map(INTERCEPTS, bounded, seed=0), "no distribution function"),
        (lambda: inference.fit_mle(INTERCEPTS, X, row_weights=np.full(10, 2.0), seed=0), "for row weights"),
        (lambda: inference.impute(fitted, blank), "rows of groups that have effects in common"),
        (lambda: inference.pseudo_residuals(fitted, X), "the law PerGroup"),
        (lambda: inference.fit_em(INTERCEPTS, X, hard=True, seed=0), "hard=True for groups"),
        (lambda: inference.fit_em(INTERCEPTS, source(Y), seed=0), "source"),
    ):  # fmt: skip
        with pytest.raises((DataError, ModelError), match=text):
            ask()
