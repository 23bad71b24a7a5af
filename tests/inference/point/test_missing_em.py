"""EM where cells are missing: its conditional moments are those of the textbook, and it ends where scipy's likelihood is flat."""

import numpy as np
import pytest
from array_api_compat import torch as torch_namespace
from scipy import stats
from scipy.special import logsumexp

import inference
from inference.backends import bind
from inference.point.em.m_steps.missing import MissingGaussianEM, most_missing
from mixtures import Mixture, Observations, families, gaussian_mixture
from mixtures.families.covariance import STRUCTURES
from tests.inference.point.test_m_steps import FLAT

RNG = np.random.default_rng(0)
ROWS = 120


def holes(x, share=0.15):
    """The table with cells taken out at random, one row wholly."""
    x = x.copy()
    x[RNG.random(x.shape) < share] = np.nan
    x[3] = np.nan
    return Observations(x, missing="allow")


def table(features):
    """Two components that overlap, correlated."""
    root = np.linalg.cholesky(0.6 * np.ones((features, features)) + 0.4 * np.eye(features))
    rows = np.r_[RNG.normal(size=(ROWS // 2, features)) @ root.T, RNG.normal(size=(ROWS // 2, features)) @ (0.6 * root)]
    rows[ROWS // 2 :] += 1.2
    return rows


DATA = holes(table(3))


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_the_statistics_are_the_textbooks_conditional_moments(backend):
    """E[x | observed] = mu + S_mo S_oo^-1 (x_o - mu_o), and what is left of the covariance; in y = R^-1 (x - mu)."""
    import torch

    xp, array = (np, np.asarray) if backend == "numpy" else (torch_namespace, torch.as_tensor)
    form = MissingGaussianEM("VVV", most=most_missing(DATA.observed))
    columns = form.columns(DATA).T
    root = RNG.normal(size=(2, 3, 3)) + 1.5 * np.eye(3)
    state = {"loc": RNG.normal(size=(2, 3)), "root": root, "whiten": np.linalg.inv(root)}
    state["log_det"] = np.log(np.abs(np.linalg.det(root)))
    shares = RNG.dirichlet([1.0, 1.0], ROWS).T
    at = {name: array(value) for name, value in state.items()}
    found, seen = form.log_density(xp, at, array(columns))
    sums = form.statistics(xp, array(shares), array(columns), seen)
    right = {"sum": np.zeros((2, 3)), "square": np.zeros((2, 3, 3))}
    for k in range(2):
        loc, covariance = state["loc"][k], root[k] @ root[k].T
        for row, x in enumerate(DATA.x):
            o = ~np.isnan(x)
            log_density = stats.multivariate_normal(loc[o], covariance[np.ix_(o, o)]).logpdf(x[o]) if o.any() else 0.0
            np.testing.assert_allclose(float(found[k, row]), log_density, rtol=1e-10, atol=1e-12)
            gain = covariance[:, o] @ np.linalg.inv(covariance[np.ix_(o, o)])
            mean, left = gain @ (x[o] - loc[o]), covariance - gain @ covariance[o]
            whiten = np.linalg.inv(root[k])
            right["sum"][k] += shares[k, row] * whiten @ mean
            right["square"][k] += shares[k, row] * whiten @ (np.outer(mean, mean) + left) @ whiten.T
    for name, value in right.items():
        np.testing.assert_allclose(np.asarray(sums[name]), value, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("of_logarithm", [False, True])
def test_densities_in_the_datas_units_are_scipys(of_logarithm):
    x = DATA.x[:30] * [1.0, 30.0, 0.1] + [2.0, -40.0, 0.0]
    form = MissingGaussianEM("VVV", of_logarithm, most=2)
    data = Observations(np.exp(x / 30) if of_logarithm else x, missing="allow")
    columns = form.columns(data)
    values = x / 30 if of_logarithm else x
    filled = np.where(np.isnan(values), np.nanmean(values, axis=0), values)
    np.testing.assert_allclose(columns[:, :3], filled, rtol=1e-9, atol=1e-12)
    assert columns.shape[1] == form.width(3)
    frame = form.frame(columns)
    # numbers of columns have no unit
    np.testing.assert_array_equal(((columns - frame.centre) / frame.unit)[:, 3:], columns[:, 3:])
    unit, centre = frame.unit[:3], frame.centre[:3]
    np.testing.assert_array_equal(unit, 2.0 ** np.round(np.log2(filled.std(axis=0))))
    np.testing.assert_allclose(centre, np.median(filled, axis=0), rtol=1e-12)
    root = RNG.normal(size=(2, 3, 3)) + 1.5 * np.eye(3)
    state = {"loc": RNG.normal(size=(2, 3)), "root": root, "whiten": np.linalg.inv(root)}
    state["log_det"] = np.linalg.slogdet(root)[1]
    right = np.zeros((2, 30))
    for k, i in np.ndindex(2, 30):
        o = ~np.isnan(values[i])
        if o.any():
            own = unit[:, None] * root[k]
            normal = stats.multivariate_normal((state["loc"][k] * unit + centre)[o], (own @ own.T)[np.ix_(o, o)])
            right[k, i] = normal.logpdf(values[i, o]) - of_logarithm * values[i, o].sum()
    np.testing.assert_allclose(form.exact_log_density(state, columns.T, frame), right, rtol=1e-9, atol=1e-12)
    fast = form.log_density(np, state, ((columns - frame.centre) / frame.unit).T)[0]
    fast = fast + form.log_jacobian(frame, columns) + form.log_base(data)
    np.testing.assert_allclose(fast, right, rtol=1e-9, atol=1e-12)


def test_how_many_cells_a_row_misses():
    observed = np.array([[True, True, True], [False, True, False], [False, False, False], [True, True, False]])
    assert [most_missing(observed[rows]) for rows in ([0, 1, 2, 3], [0, 3], [0], [2])] == [2, 1, 1, 1]
    assert most_missing(np.array([True, False])) == 1


def check_rest(model, x, backend, **options):
    fit = inference.fit_em(model, x, restarts=2, tolerance=1e-14, max_steps=20_000, seed=0, backend=backend, **options)
    assert fit.status.is_sound
    assert (np.diff(fit.losses) < 1e-9).all()
    density = bind(model, x, backend).log_density(prior=False)
    value, gradient = density.value_and_gradient(density.unconstrain(fit.parameters))
    np.testing.assert_allclose(fit.log_likelihood, value, rtol=1e-10)
    assert np.abs(gradient).max() < FLAT
    return fit


@pytest.mark.quick("numpyro-VVV", "pyro-EII", "pyro-EVE", reason="each backend, and each kind of structure")
@pytest.mark.parametrize(
    "covariance",
    [
        code if code in ("VVV", "VEV", "EVE", "EII") else pytest.param(code, marks=pytest.mark.slow)
        for code in sorted(STRUCTURES)
        if len(code) == 3 and code.isupper()
    ],
)
def test_every_structure_ends_where_the_likelihood_is_flat(covariance, backend):
    check_rest(gaussian_mixture(2, covariance), DATA, backend)


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_columns_of_several_kinds(backend):
    """A log-normal, a normal and a count, each with holes of its own; the likelihood is scipy's."""
    z = RNG.integers(0, 2, ROWS)
    x = np.column_stack([RNG.lognormal(0.8 * z, 0.6), RNG.normal(1.2 * z, 1.0), RNG.poisson(2.0 + 3.0 * z)])
    data = holes(x)
    family = families.Product(
        {"size": families.LogNormal(), "length": families.Gaussian(), "count": families.Poisson()}
    )
    fit = check_rest(Mixture(2, family), Observations(data.x, ("size", "length", "count"), "allow"), backend)
    p = fit.parameters
    terms = np.zeros((ROWS, 2))
    for k in range(2):
        each = (
            stats.lognorm.logpdf(data.x[:, 0], p["size_scale"][k], scale=np.exp(p["size_loc"][k])),
            stats.norm.logpdf(data.x[:, 1], p["length_loc"][k], p["length_scale"][k]),
            stats.poisson.logpmf(np.nan_to_num(data.x[:, 2]), p["count_rate"][k]),
        )
        terms[:, k] = np.log(p["weights"][k]) + np.where(np.isnan(data.x), 0.0, np.column_stack(each)).sum(axis=1)
    np.testing.assert_allclose(fit.log_likelihood, logsumexp(terms, axis=1).sum(), rtol=1e-10)


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_fixed_parts_known_labels_and_hard_assignments(backend):
    labels = np.full(ROWS, -1)
    labels[[0, 3, 100]] = 0, 1, 1
    data = Observations(DATA.x, missing="allow", labels=labels)
    loc = [[0.0, 0.0, 0.0], [1.2, 1.2, 1.2]]
    fit = inference.fit_em(
        gaussian_mixture(2), data, fixed={"loc": loc}, restarts=2, tolerance=1e-12, seed=0, backend=backend
    )
    np.testing.assert_array_equal(fit.parameters["loc"], loc)
    # what is learnt of the known end is no worse than what is held
    free = inference.fit_em(
        gaussian_mixture(2), data, init=fit.parameters, restarts=1, tolerance=1e-12, seed=0, backend=backend
    )
    assert free.log_likelihood > fit.log_likelihood
    hard = inference.fit_em(gaussian_mixture(2, "VVI"), DATA, restarts=4, hard=True, seed=0, backend=backend)
    assert (np.diff(hard.losses) < 1e-9).all()
