"""Diagonal Gaussians by products of powers have the digits of whitened rows, or are left to these."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm

from inference import fit_em
from inference.point.em.e_step import Block, e_step
from inference.point.em.m_steps.diagonal import as_whitened, by_products
from inference.point.em.m_steps.digits import keeps_digits
from inference.point.em.m_steps.exponential_family import ExponentialFamilyEM
from inference.point.em.m_steps.gaussian import GaussianEM
from inference.point.em.m_steps.product import ProductEM, named
from inference.point.em.m_steps.rates import Rates
from inference.point.em.mixture_em import MixtureEM
from inference.point.em.numpyro import restarts
from mixtures import gaussian_mixture

ROWS, FEATURES, COMPONENTS = 3000, 4, 3
RATES = np.array([2.0, 4.0]), np.array([2.0, 1e6])


def problem(code="VVI", apart=2.0, mean=0.0):
    rng = np.random.default_rng(0)
    scale = np.exp(0.4 * rng.normal(size=(COMPONENTS, FEATURES)))
    loc = mean + apart * rng.normal(size=(COMPONENTS, FEATURES))
    z = rng.integers(COMPONENTS, size=ROWS)
    x = loc[z] + scale[z] * rng.normal(size=(ROWS, FEATURES))
    closed = MixtureEM(GaussianEM(code))
    frame = closed.frame(x)
    sites = {"weights": np.array([0.2, 0.3, 0.5]), "loc": loc + 0.3, "scale": scale}
    free = MixtureEM(GaussianEM("VVI"))  # whose state all structures begin with
    return closed, free.encode(sites, FEATURES, frame), ((x - frame.centre) / frame.unit).T, sites, x, frame


@pytest.mark.parametrize("mean", [0.0, 1e6])
def test_statistics_are_those_of_whitened_rows_by_scipy(mean):
    closed, state, columns, sites, x, frame = problem(mean=mean)
    fast = by_products(closed, state)
    objective, statistics = e_step(np, fast, state, Block(columns), False)
    table = np.log(sites["weights"]) + norm(sites["loc"], sites["scale"]).logpdf(x[:, None]).sum(axis=2)
    total = np.logaddexp.reduce(table, axis=1)
    # far from zero scipy's own differences have as many digits less as the mean has more
    tolerance = 1e-10 if mean == 0.0 else 1e-8
    assert_allclose(objective - ROWS * np.log(frame.unit).sum(), total.sum(), rtol=tolerance)
    shares, y = np.exp(table - total[:, None]), (x[:, None] - sites["loc"]) / sites["scale"]
    found = as_whitened(statistics, state)
    assert_allclose(found["rows"], shares.sum(axis=0), rtol=tolerance)
    assert_allclose(found["sum"], np.einsum("ik,ikj->kj", shares, y), rtol=tolerance, atol=ROWS * tolerance)
    squares = np.einsum("ik,ikj->kj", shares, y**2)
    assert_allclose(np.diagonal(found["square"], axis1=1, axis2=2), squares, rtol=tolerance)


@pytest.mark.parametrize("mean", [0.0, 1e6])
@pytest.mark.parametrize("code", ["EII", "VII", "EEI", "VEI", "EVI", "VVI"])
def test_steps_are_those_of_whitened_rows_to_ten_digits(code, mean):
    closed, state, columns, *_ = problem(code, mean=mean)
    free = {"weights": False, "loc": False, "spread": False}
    slow = fast = state
    for _ in range(3):
        expected, whitened = e_step(np, closed, slow, Block(columns), False)
        objective, powers = e_step(np, by_products(closed, fast), fast, Block(columns), False)
        assert objective == pytest.approx(expected, rel=1e-12)
        slow = closed.m_step(np, whitened, slow, free)
        fast = closed.m_step(np, as_whitened(powers, fast), fast, free)
    for name in ("weights", "loc", "root"):
        assert_allclose(fast[name], slow[name], rtol=1e-10, atol=1e-10)


def test_narrow_components_far_from_the_centre_are_whitened():
    closed, state, *_ = problem()
    assert by_products(closed, state) is not None
    narrow = {**state, "root": 1e-3 * state["root"]}
    assert by_products(closed, narrow) is None
    one = {**state, "loc": -np.abs(state["loc"]), "root": state["root"] * np.array([1.0, 1e-3, 1.0])[:, None, None]}
    assert by_products(closed, one) is None
    assert by_products(closed, {**state, "loc": np.nan * state["loc"]}) is None
    assert by_products(MixtureEM(GaussianEM("VVV")), state) is None


def test_digits_are_kept_where_terms_are_at_most_ten_thousand():
    """Sixteen digits less four."""
    x = np.random.default_rng(1).poisson(3.0, size=(5000, 1)).astype(float)
    rates = ExponentialFamilyEM(Rates(False))
    columns, (few, many) = rates.family.columns(x).T, (rates.encode({"rate": v}, None, None) for v in RATES)
    assert keeps_digits(rates, few, columns) and not keeps_digits(rates, many, columns)
    both, twice = ProductEM((("a", rates), ("b", rates))), np.vstack([columns, columns])
    assert keeps_digits(both, named(few, "a") | named(few, "b"), twice)
    assert not keeps_digits(both, named(few, "a") | named(many, "b"), twice)
    near = {"whiten": np.tile(np.eye(4), (2, 1, 1)), "loc": np.array([[30.0] * 4, [-30.0] * 4])}
    far = near | {"loc": np.array([[0.0] * 4, [-60.0] * 4])}
    assert keeps_digits(GaussianEM("VVV"), near, columns) and not keeps_digits(GaussianEM("VVV"), far, columns)
    assert not keeps_digits(object(), near, columns)  # of which nothing is known


def test_a_fit_of_many_rows_is_the_one_of_whitened_rows(monkeypatch):
    _, _, _, _, x, _ = problem()
    monkeypatch.setattr(restarts, "SHARED_CELLS", 1000)
    options = {"restarts": 1, "seed": 0, "max_steps": 10, "tolerance": 0.0}
    fast = fit_em(gaussian_mixture(3, "diag"), x, **options)
    monkeypatch.setattr("inference.point.em.numpyro.passes.by_products", lambda closed, state: None)
    slow = fit_em(gaussian_mixture(3, "diag"), x, **options)
    for name, value in slow.parameters.items():
        assert_allclose(fast.parameters[name], value, rtol=1e-10)
