"""The hub, log p(x_i, assignment_i = k | parameters), is exact: both backends, every covariance structure, overlapping components.

Oracles: scipy's densities; brute force over all K^n assignments; each backend's own enumeration.
"""

import numpy as np
import pytest
from scipy.special import logsumexp

from inference.backends import bind, engine
from inference.backends.pyro import hub
from mixtures import Observations, gaussian_mixture, priors
from tests.oracles import brute_force_log_likelihood, gaussian_log_joint

EXACT = 1e-10
"""Relative, in float64: a few hundred roundings."""

RNG = np.random.default_rng(7)
X1 = RNG.normal(size=7)
X2 = RNG.normal(size=(7, 2)) @ np.array([[1.0, 0.0], [0.4, 0.8]])
WEIGHTS = np.array([0.2, 0.5, 0.3])
CHOLESKY = np.array([[[1.0, 0.0], [r, np.sqrt(1 - r**2)]] for r in (-0.5, 0.2, 0.8)])

ONE = {"weights": WEIGHTS, "loc": np.array([-0.5, 0.1, 0.6])}
TWO = {"weights": WEIGHTS, "loc": np.array([[-0.5, 0.2], [0.1, -0.3], [0.6, 0.4]])}
S1 = np.array([0.7, 1.1, 0.9])
S2 = np.array([[0.7, 1.2], [1.1, 0.8], [0.9, 0.6]])


def _from(scale, cholesky):
    root = scale[..., None] * cholesky
    return root @ np.swapaxes(root, -1, -2)


CASES = {
    "full-1": (X1, ONE | {"scale": S1}, S1[:, None, None] ** 2),
    "tied-1": (X1, ONE | {"scale": np.array(0.8)}, np.full((3, 1, 1), 0.64)),
    "diag-1": (X1, ONE | {"scale": S1}, S1[:, None, None] ** 2),
    "spherical-1": (X1, ONE | {"scale": S1}, S1[:, None, None] ** 2),
    "full-2": (X2, TWO | {"scale": S2, "correlation_cholesky": CHOLESKY}, _from(S2, CHOLESKY)),
    "tied-2": (
        X2,
        TWO | {"scale": S2[0], "correlation_cholesky": CHOLESKY[2]},
        np.broadcast_to(_from(S2[0], CHOLESKY[2]), (3, 2, 2)),
    ),
    "diag-2": (X2, TWO | {"scale": S2}, _from(S2, np.eye(2))),
    "spherical-2": (X2, TWO | {"scale": S1}, S1[:, None, None] ** 2 * np.eye(2)),
}


@pytest.mark.parametrize("case", CASES)
def test_hub_equals_scipy_and_brute_force(case, backend):
    x, parameters, covariance = CASES[case]
    model = gaussian_mixture(3, case.split("-")[0])
    table = engine(backend).log_joint(model, parameters, Observations(x))
    expected = gaussian_log_joint(x, WEIGHTS, parameters["loc"], covariance)
    np.testing.assert_allclose(table, expected, rtol=EXACT)
    np.testing.assert_allclose(logsumexp(table, axis=1).sum(), brute_force_log_likelihood(expected), rtol=EXACT)


@pytest.mark.parametrize("case", CASES)
def test_covariances_are_those_of_the_sites(case):
    x, parameters, covariance = CASES[case]
    if x.ndim == 2:
        found = gaussian_mixture(3, case.split("-")[0]).family.covariances(parameters, 2)
        np.testing.assert_allclose(found, covariance, rtol=EXACT)


@pytest.mark.quick("tied-2", "spherical-2", "full-1", reason="each structure")
@pytest.mark.parametrize("case", ["full-1", "tied-1", "full-2", "tied-2", "spherical-2"])
def test_backends_own_enumeration_agrees(case):
    """TraceEnum_ELBO of a delta guide, and NumPyro's enumerated log density, equal the hub plus the log prior."""
    import jax
    import pyro
    import torch
    from numpyro.contrib.funsor import config_enumerate, enum, log_density

    from mixtures.ppl.numpyro_ppl import WORDS as NUMPYRO
    from mixtures.ppl.pyro_ppl import PyroPPL

    x, parameters, _ = CASES[case]
    model = gaussian_mixture(3, case.split("-")[0]).scaled_to(x)
    single = {name: value[None] for name, value in parameters.items()}
    totals = {
        name: engine(name).bind(model, Observations(x)).log_likelihoods(single)[0]
        + engine(name).bind(model, Observations(x)).log_priors(single)[0]
        for name in ("numpyro", "pyro")
    }
    with jax.enable_x64(True):
        native = enum(config_enumerate(lambda x: model(NUMPYRO, x)), -2)
        enumerated = float(log_density(native, (jax.numpy.asarray(x),), {}, dict(parameters))[0])
    np.testing.assert_allclose(totals["numpyro"], enumerated, rtol=EXACT)

    tensors = {name: torch.tensor(value) for name, value in parameters.items()}
    words = PyroPPL(torch.float64)
    held = pyro.poutine.condition(lambda x: model(words, x), data=tensors)
    elbo = pyro.infer.TraceEnum_ELBO(max_plate_nesting=1)
    loss = elbo.loss(held, lambda x: None, torch.tensor(x))
    np.testing.assert_allclose(totals["pyro"], -loss, rtol=EXACT)


def test_backends_agree_on_the_prior_density():
    x, parameters, _ = CASES["full-2"]
    single = {name: value[None] for name, value in parameters.items()}
    model = gaussian_mixture(3, priors={"loc": priors.StudentT(4.0, 0.0, 2.0)})
    found = [engine(name).bind(model, Observations(x)).log_priors(single)[0] for name in ("numpyro", "pyro")]
    np.testing.assert_allclose(found[0], found[1], rtol=EXACT)


@pytest.mark.parametrize("case", ["tied-1", "full-2"])
def test_gradients_agree_across_backends_and_with_finite_differences(case):
    x, parameters, _ = CASES[case]
    model = gaussian_mixture(3, case.split("-")[0])
    for jacobian in (False, True):
        densities = [
            engine(name).bind(model, Observations(x)).log_density(jacobian=jacobian) for name in ("numpyro", "pyro")
        ]
        gradients = []
        for density in densities:
            u = density.unconstrain(parameters)
            value, gradient = density.value_and_gradient(u)
            step = 1e-6
            numeric = [
                (density.value_and_gradient(u + step * unit)[0] - density.value_and_gradient(u - step * unit)[0])
                / (2 * step)
                for unit in np.eye(density.size)
            ]
            np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-7)
            gradients.append((value, np.sort(gradient)))  # backends order coordinates differently
        np.testing.assert_allclose(gradients[0][0], gradients[1][0], rtol=EXACT)
        np.testing.assert_allclose(gradients[0][1], gradients[1][1], rtol=1e-8)


def test_many_draws_at_once_are_the_single_ones(backend):
    x, parameters, _ = CASES["full-2"]
    other = parameters | {"loc": parameters["loc"] + 0.3}
    stacked = {name: np.stack([parameters[name], other[name]]) for name in parameters}
    tables = engine(backend).bind(gaussian_mixture(3), Observations(x)).tables(stacked)
    for table, values in zip(tables, (parameters, other), strict=True):
        np.testing.assert_allclose(
            table, engine(backend).log_joint(gaussian_mixture(3), values, Observations(x)), rtol=EXACT
        )


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_data_units_do_not_matter(unit, backend):
    """p(x) scales by unit^-1 a row and a column: nothing is lost at either end."""
    x, parameters, _ = CASES["full-2"]
    scaled = parameters | {"loc": parameters["loc"] * unit, "scale": parameters["scale"] * unit}
    table = engine(backend).log_joint(gaussian_mixture(3), parameters, Observations(x))
    found = engine(backend).log_joint(gaussian_mixture(3), scaled, Observations(x * unit))
    np.testing.assert_allclose(found, table - 2 * np.log(unit), rtol=EXACT)


def test_pyros_draws_are_computed_some_at_a_time(monkeypatch):
    """Quadratures hold many numbers for each of a table's: of all draws at once they fill the memory."""
    monkeypatch.setattr(hub, "CELLS_AT_ONCE", 2 * 3 * len(X1) + 1)
    bound, calls = bind(gaussian_mixture(3), Observations(X1), "pyro"), []
    values = np.arange(5.0)
    found = hub.over_draws(lambda draw: calls.append(1) or draw["loc"] ** 2, {"loc": values}, bound.sites, len(X1))
    np.testing.assert_array_equal(found, values**2)
    assert len(calls) == 3  # two draws, two, and one
