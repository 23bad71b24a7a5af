"""Gaussians measured with errors of their own: N(x; loc, Sigma + S_i), under the verbs, by scipy and by what equal errors must give."""

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import logsumexp

import inference
from inference.backends import engine
from inference.draws import observations_of
from mixtures import Mixture, Observations, families, gaussian_mixture, poisson_mixture, simulate
from mixtures.errors import DataError

NAN = float("nan")
RNG = np.random.default_rng(11)
WEIGHTS = np.array([0.4, 0.6])
LOC = np.array([[0.0, 1.0, -0.5], [1.0, 0.0, 0.3]])
SCALE = np.array([[1.0, 0.5, 0.8], [0.7, 1.2, 0.4]])
X = RNG.normal(size=(6, 3))
STANDARD = RNG.uniform(0.1, 1.5, (6, 3))
FACTORS = RNG.normal(size=(6, 3, 2))
MATRICES = FACTORS @ np.swapaxes(FACTORS, 1, 2)
"""Of rank 2: nothing is wrong with one combination of the columns."""


def _correlation(values):
    matrix = np.eye(3)
    matrix[np.tril_indices(3, -1)] = values
    return np.linalg.cholesky(matrix + np.tril(matrix, -1).T)


def _exact(x, covariances, errors):
    """log w_k N(x_i; loc_k, Sigma_k + S_i), of the cells that are there, by scipy."""
    table = np.empty((len(x), 2))
    for i, row in enumerate(x):
        seen = ~np.isnan(row)
        for k in (0, 1):
            total = (covariances[k] + errors[i])[np.ix_(seen, seen)]
            table[i, k] = np.log(WEIGHTS[k]) + stats.multivariate_normal(LOC[k][seen], total).logpdf(row[seen])
    return table


def _diagonal(errors):
    return np.stack([np.diag(error**2) for error in errors])


@pytest.mark.parametrize("given", [STANDARD, MATRICES], ids=["standard errors", "matrices"])
@pytest.mark.parametrize("covariance", ["full", "diag"])
def test_densities_have_the_errors_in_their_covariances(covariance, given, backend):
    """Of complete rows and of a row with a missing cell."""
    x = np.array(X)
    x[2, 1] = NAN
    values = {"weights": WEIGHTS, "loc": LOC, "scale": SCALE}
    factors = np.stack([_correlation([0.3, -0.2, 0.5]), _correlation([-0.6, 0.1, 0.2])])
    if covariance == "full":
        values["correlation_cholesky"] = factors
    else:
        factors = np.stack([np.eye(3)] * 2)
    roots = SCALE[:, :, None] * factors
    covariances = roots @ np.swapaxes(roots, 1, 2)
    data = Observations(x, missing="allow", errors=given)
    table = engine(backend).log_joint(gaussian_mixture(2, covariance), values, data)
    errors = given if given.ndim == 3 else _diagonal(given)
    np.testing.assert_allclose(table, _exact(x, covariances, errors), rtol=1e-9)


def test_one_variable_and_columns_of_a_product(backend):
    x = Observations(X[:, 0], errors=STANDARD[:, 0])
    values = {"weights": WEIGHTS, "loc": LOC[:, 0], "scale": SCALE[:, 0]}
    table = engine(backend).log_joint(gaussian_mixture(2), values, x)
    spread = np.sqrt(SCALE[:, 0] ** 2 + STANDARD[:, [0]] ** 2)
    exact = np.log(WEIGHTS) + stats.norm(LOC[:, 0], spread).logpdf(X[:, [0]])
    np.testing.assert_allclose(table, exact, rtol=1e-10)
    named = Observations(X[:, :2], feature_names=["a", "b"], errors=STANDARD[:, :2])
    model = Mixture(1, families.Product({"a": families.Gaussian(), "b": families.Gaussian()}))
    values = {"weights": [1.0], "a_loc": [0.1], "a_scale": [0.7], "b_loc": [0.4], "b_scale": [0.9]}
    table = engine(backend).log_joint(model, {name: np.array(value) for name, value in values.items()}, named)
    spread = np.sqrt(np.array([0.7, 0.9]) ** 2 + STANDARD[:, :2] ** 2)
    exact = stats.norm([0.1, 0.4], spread).logpdf(X[:, :2]).sum(axis=1)
    np.testing.assert_allclose(table[:, 0], exact, rtol=1e-10)


@pytest.fixture(scope="module")
def overlapping():
    rng = np.random.default_rng(5)
    z = rng.random(120) < 0.45
    return np.where(z[:, None], rng.normal([0, 0], [1.0, 0.7], (120, 2)), rng.normal([2.2, 1.0], [0.8, 1.1], (120, 2)))


@pytest.mark.quick("numpyro", reason="one code serves both backends")
def test_errors_of_zero_change_nothing_and_equal_errors_inflate(overlapping, backend):
    """At the maximum: errors 0 give the plain fit; equal errors S its locations, and covariances Sigma with Sigma + S the plain ones."""
    model = gaussian_mixture(2, "full")
    plain = inference.fit_em(model, overlapping, restarts=5, seed=0, backend=backend)
    order = np.argsort(plain.parameters["loc"][:, 0])
    wanted = plain.program.family.covariances(plain.parameters, 2)[order]
    for matrix in (np.zeros((2, 2)), np.array([[0.2, 0.05], [0.05, 0.1]])):
        x = Observations(overlapping, errors=np.tile(matrix, (120, 1, 1)))
        found = inference.fit_em(model, x, restarts=5, seed=0, backend=backend)
        mine = np.argsort(found.parameters["loc"][:, 0])
        covariances = found.program.family.covariances(found.parameters, 2)[mine]
        np.testing.assert_allclose(found.log_likelihood, plain.log_likelihood, rtol=1e-8)
        # the closed EM stops where the likelihood is flat to its tolerance, the other climbs on
        np.testing.assert_allclose(found.parameters["weights"][mine], plain.parameters["weights"][order], atol=1e-3)
        np.testing.assert_allclose(found.parameters["loc"][mine], plain.parameters["loc"][order], atol=2e-3)
        np.testing.assert_allclose(covariances + matrix, wanted, atol=5e-3)


@pytest.mark.parametrize(
    ("code", "is_full", "backend"),
    [("VVV", False, "numpyro"), ("VEV", True, "numpyro"), ("EEE", True, "numpyro"), ("VVI", False, "pyro")],
)
def test_em_by_conditional_moments_is_at_the_maximum(code, is_full, backend):
    """Bovy, Hogg & Roweis (2011): it never falls, its height is scipy's, and a gradient finds nothing higher nearby."""
    rng = np.random.default_rng(5)
    assignment, roots = rng.integers(0, 2, 120), rng.normal(size=(120, 2, 2)) * 0.5
    matrices = roots @ roots.swapaxes(1, 2)
    x = 1.5 * assignment[:, None] + rng.normal(size=(120, 2)) @ np.array([[1.0, 0.4], [0.0, 0.8]])
    x += np.einsum("nij,nj->ni", roots, rng.normal(size=(120, 2)))
    deviations = np.sqrt(np.diagonal(matrices, axis1=1, axis2=2))
    data = Observations(x, errors=matrices if is_full else deviations)
    matrices = matrices if is_full else _diagonal(deviations)
    model = gaussian_mixture(2, code)

    fit = inference.fit_em(model, data, restarts=2, tolerance=1e-9, seed=0, backend=backend)
    assert (np.diff(fit.losses) < 1e-9).all()
    covariances = model.family.covariances(fit.parameters, 2)
    table = [
        [
            np.log(weight) + stats.multivariate_normal(loc, covariance + error).logpdf(row)
            for weight, loc, covariance in zip(
                fit.parameters["weights"], fit.parameters["loc"], covariances, strict=True
            )
        ]
        for row, error in zip(x, matrices, strict=True)
    ]
    assert abs(fit.log_likelihood - logsumexp(table, axis=1).sum()) < 1e-8
    climbed = inference.fit_mle(model, data, init=fit, restarts=1, seed=0, backend=backend)
    assert -1e-7 < climbed.log_likelihood - fit.log_likelihood < 1e-4


@pytest.mark.parametrize("is_full", [False, True])
def test_a_step_of_many_columns_is_the_paper_s(is_full, backend):
    """Bovy, Hogg & Roweis (2011), equations 13 to 16, by dense matrices, a row after the other."""
    rng = np.random.default_rng(3)
    rows, features = 25, 10
    x, roots = rng.normal(size=(rows, features)), rng.normal(size=(rows, features, features)) * 0.3
    deviations = rng.uniform(0.2, 1.5, size=(rows, features))
    matrices = roots @ roots.swapaxes(1, 2) if is_full else _diagonal(deviations)
    start = {"weights": WEIGHTS, "loc": x[:2], "scale": rng.uniform(0.8, 1.6, (2, features))}
    start["correlation_cholesky"] = np.stack([np.eye(features)] * 2)
    data = Observations(x, errors=matrices if is_full else deviations)
    found = inference.fit_em(
        gaussian_mixture(2), data, init=start, restarts=1, max_steps=1, tolerance=0.0, seed=0, backend=backend
    )

    joint, means, spreads = np.empty((rows, 2)), np.empty((rows, 2, features)), np.empty((rows, 2, features, features))
    for k, own in enumerate(_diagonal(start["scale"])):
        for i, (row, error) in enumerate(zip(x, matrices, strict=True)):
            gain = own @ np.linalg.inv(own + error)
            means[i, k] = x[k] + gain @ (row - x[k])
            spreads[i, k] = own - gain @ own
            joint[i, k] = np.log(WEIGHTS[k]) + stats.multivariate_normal(x[k], own + error).logpdf(row)
    share = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    for k, covariance in enumerate(found.program.family.covariances(found.parameters, features)):
        loc = share[:, k] @ means[:, k] / share[:, k].sum()
        apart = means[:, k] - loc
        expected = np.einsum("i,ip,iq->pq", share[:, k], apart, apart) + np.einsum(
            "i,ipq->pq", share[:, k], spreads[:, k]
        )
        np.testing.assert_allclose(found.parameters["loc"][k], loc, atol=1e-10)
        np.testing.assert_allclose(covariance, expected / share[:, k].sum(), atol=1e-10)
    np.testing.assert_allclose(-found.losses[0], logsumexp(joint, axis=1).sum(), rtol=1e-10)


def test_assignments_of_rows_that_were_measured_badly(overlapping):
    """A row with a large error is told apart less: responsibilities by scipy; the tree, subsets and columns keep errors."""
    x = Observations(overlapping, errors=np.full((120, 2), 0.3))
    fit = inference.fit_map(gaussian_mixture(2, "diag"), x, restarts=4, seed=0)
    p = fit.parameters
    new = Observations([[0.0, 0.0], [0.0, 0.0]], errors=[[0.0, 0.0], [20.0, 20.0]])
    spread = np.sqrt(p["scale"] ** 2 + new.errors[:, None, :] ** 2)
    each = np.log(p["weights"]) + stats.norm(p["loc"], spread).logpdf(0.0).sum(axis=2)
    wanted = np.exp(each - logsumexp(each, axis=1, keepdims=True))
    np.testing.assert_allclose(inference.responsibilities(fit, new), wanted, atol=1e-9)
    assert wanted[0].max() > 0.9 > wanted[1].max()
    assert new.take([1]).errors.tolist() == [[20.0, 20.0]] and new.column(0).errors.tolist() == [0.0, 20.0]
    draws = inference.sample_nuts(
        gaussian_mixture(1), Observations(X, errors=MATRICES), draws=10, tune=20, chains=1, seed=0, strict=False
    )
    assert observations_of(draws).fingerprint == Observations(X, errors=MATRICES).fingerprint


@pytest.mark.statistical
def test_rows_are_drawn_with_their_errors(backend):
    """Variances add up."""
    errors = np.tile([0.0, 2.0], 1000)
    drawn = simulate(
        gaussian_mixture(1), 2000, 0, {"weights": [1.0], "loc": [0.0], "scale": [1.0]}, backend, errors=errors
    )["obs"]
    for error in (0.0, 2.0):
        own = drawn[errors == error]
        exact = 1 + error**2
        assert abs(own.var() / exact - 1) < 5 * np.sqrt(2 / 1000)


def test_errors_in_words():
    with pytest.raises(DataError, match="errors: got -1.0 at row 1"):
        Observations([1.0, 2.0], errors=[1.0, -1.0])
    with pytest.raises(DataError, match="errors: got shape"):
        Observations(X, errors=np.ones(6))
    with pytest.raises(DataError, match="symmetric"):
        Observations(X, errors=np.tile(np.triu(np.ones((3, 3))), (6, 1, 1)))
    with pytest.raises(DataError, match=">= 0 in every direction"):
        Observations(X, errors=np.tile(np.diag([1.0, 1.0, -1.0]), (6, 1, 1)))
    with pytest.raises(DataError, match="errors: got errors beside"):
        inference.fit_map(poisson_mixture(1), Observations([1.0, 2.0], errors=[1.0, 1.0]), seed=0)


def test_select_components_looks_at_errors():
    rng = np.random.default_rng(0)
    x = Observations(rng.normal(size=(30, 2)), errors=rng.uniform(0.1, 2.0, size=(30, 2)))
    found = inference.select_components(x, 1, "EII", restarts=1, seed=0).table["log_likelihood"].iloc[0]
    # one component is N(loc, scale^2 + errors^2) in each cell: its best loc given scale is a weighted mean

    def loss(log_scale: float) -> float:
        variance = np.exp(2 * log_scale) + x.errors**2
        loc = (x.x / variance).sum(axis=0) / (1 / variance).sum(axis=0)
        return -stats.norm(loc, np.sqrt(variance)).logpdf(x.x).sum()

    best = optimize.minimize_scalar(loss, bounds=(-8, 2), method="bounded")
    assert found == pytest.approx(-best.fun, abs=1e-4)


@pytest.mark.parametrize(
    ("family", "more"),
    [
        (families.Gaussian("diag"), {"lower": [[0.5, np.nan]] * 3}),
        (families.Truncated(families.Gaussian("diag"), 0.0), {}),
    ],
    ids=["censored", "truncated"],
)
def test_matrices_of_errors_beside_bounds_are_refused(family, more):
    x = np.array([[np.nan if more else 1.0, 1.0]] * 3)
    with pytest.raises(DataError, match="covariance matrices, and cells"):
        inference.fit_map(Mixture(1, family), Observations(x, errors=[np.eye(2)] * 3, **more), restarts=1, seed=0)


def test_a_column_has_the_standard_errors_of_its_own():
    x = Observations(X, errors=MATRICES)
    np.testing.assert_allclose(x.column(1).errors ** 2, MATRICES[:, 1, 1], rtol=1e-12)
