"""Densities along a column are the marginals that scipy has, weighted by the components' shares; means along a covariate closed forms."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, softmax

from inference.assignment.density import column_densities, component_shares, means_along
from tests.family_cases import CASES, GATES, WEIGHTS, covariates
from tests.inference.plots.conftest import point_fit, posterior_around

ROWS = 40
GRID = np.linspace(-3.0, 4.0, 9)


def fitted(name):
    case = CASES[name]
    x = case.draw(ROWS, seed=1)[0]
    return point_fit(case.model.scaled_to(x), x, case.parameters), x, case.parameters


def test_marginals_of_a_normal_are_normals_of_its_scales(backend):
    fit, x, truth = fitted("gaussian full")
    fit = point_fit(fit.program, x, truth, backend)
    for column, joint in enumerate(column_densities(fit, x, [GRID, GRID[:5]])):
        grid = (GRID, GRID[:5])[column]
        each = [
            w * stats.norm.pdf(grid, truth["loc"][k, column], truth["scale"][k, column]) for k, w in enumerate(WEIGHTS)
        ]
        np.testing.assert_allclose(joint[0], np.transpose(each), rtol=1e-9)


def test_columns_of_a_table_have_the_densities_of_their_own_families():
    fit, x, truth = fitted("product")
    length, visits, kind = column_densities(fit, x, [GRID, np.arange(6.0), np.arange(3.0)])
    for k, weight in enumerate(WEIGHTS):
        normal = stats.norm.pdf(GRID, truth["length_loc"][k], truth["length_scale"][k])
        np.testing.assert_allclose(length[0, :, k], weight * normal, rtol=1e-9)
        np.testing.assert_allclose(
            visits[0, :, k], weight * stats.poisson.pmf(np.arange(6), truth["visits_rate"][k]), rtol=1e-9
        )
        np.testing.assert_allclose(kind[0, :, k], weight * truth["kind_probs"][k], rtol=1e-9)


def test_where_no_component_can_be_there_is_no_density():
    fit, x, _ = fitted("gamma")
    (joint,) = column_densities(fit, x, [np.array([1.0, 2.0])])
    fit, x, _ = fitted("with noise")
    (beyond, _) = column_densities(fit, x, [np.array([-4.1, 0.0]), np.array([0.0, 1.0])])
    assert (joint > 0).all()
    assert beyond[0, 0, 0] == 0  # noise ends at -4
    np.testing.assert_allclose(beyond[0, 1, 0], 0.4 / 9, rtol=1e-9)  # and is 9 wide


def test_gated_shares_are_means_over_the_rows():
    fit, x, _ = fitted("gating")
    logits = GATES["gating_intercept"] + covariates(ROWS) @ GATES["gating_slope"].T
    np.testing.assert_allclose(component_shares(fit, x)[0], softmax(logits, axis=1).mean(axis=0), rtol=1e-9)


@pytest.mark.parametrize("kind", ["gaussian", "poisson", "bernoulli"])
def test_means_along_a_covariate_are_the_inverse_link_of_the_line(kind):
    fit, x, truth = fitted(f"{kind} regression")
    at = np.array([-1.0, 0.0, 2.0])
    values = {"gaussian": np.linspace(-20, 20, 801), "poisson": np.arange(200.0), "bernoulli": np.arange(2.0)}[kind]
    means = means_along(fit, x, 0, at, values)[0]
    line = truth["intercept"] + at[:, None] * truth["slope"][:, 0] + x.covariates[:, 1].mean() * truth["slope"][:, 1]
    expected = {"gaussian": line, "poisson": np.exp(line), "bernoulli": expit(line)}[kind]
    np.testing.assert_allclose(means, expected, rtol=1e-6)


def test_a_mean_over_too_few_values_is_none():
    fit, x, _ = fitted("poisson regression")
    assert np.isnan(means_along(fit, x, 0, np.array([9.0]), np.arange(4.0))[0, 0, 0])


def test_a_posterior_has_a_density_for_each_draw():
    fit, x, _ = fitted("gaussian")
    posterior = posterior_around(fit, x, draws=5)
    (joint,) = column_densities(posterior, x, [GRID])
    group = posterior["posterior"]
    for draw in range(5):
        weight, loc, scale = (group[name].values[0, draw] for name in ("weights", "loc", "scale"))
        np.testing.assert_allclose(joint[draw], weight * stats.norm.pdf(GRID[:, None], loc, scale), rtol=1e-9)
