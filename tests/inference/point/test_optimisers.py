"""L-BFGS, Adam and gradients with momentum from many starts side by side: known minima, and what scipy and torch do."""

import numpy as np
import pytest
import torch
from scipy import optimize

from inference.point.gradient_steps import GradientOptions, gradient_steps
from inference.point.quasi_newton import quasi_newton

RNG = np.random.default_rng(0)


def rosenbrock(points):
    return np.array([optimize.rosen(v) for v in points]), np.array([optimize.rosen_der(v) for v in points])


def test_every_start_ends_where_scipy_ends_in_about_as_many_looks():
    starts = RNG.normal(size=(12, 8))
    looks = [0]

    def counted(points):
        looks[0] += 1
        return rosenbrock(points)

    found = quasi_newton(counted, starts, steps=500, tolerance=1e-10)
    alone = [
        optimize.minimize(optimize.rosen, v, jac=optimize.rosen_der, method="L-BFGS-B", options={"gtol": 1e-10})
        for v in starts
    ]
    for end, values, other in zip(found.ends, found.values, alone, strict=True):
        assert values[-1] < 1e-12 or abs(values[-1] - other.fun) < 1e-8  # the minimum at 1, or the local one
        np.testing.assert_allclose(rosenbrock(end[None])[1], 0.0, atol=1e-6)
    assert looks[0] <= 1.5 * max(one.nfev for one in alone)


def test_starts_do_not_depend_on_each_other():
    starts = RNG.normal(size=(6, 4))
    together = quasi_newton(rosenbrock, starts, steps=40, tolerance=1e-9)
    for index, start in enumerate(starts):
        alone = quasi_newton(rosenbrock, start[None], steps=40, tolerance=1e-9)
        np.testing.assert_array_equal(alone.ends[0], together.ends[index])
        np.testing.assert_array_equal(alone.values[0], together.values[index])


def test_values_never_rise_and_are_told_before_each_step_and_at_the_end():
    found = quasi_newton(rosenbrock, RNG.normal(size=(5, 3)), steps=25, tolerance=0.0)
    for values, records, steps in zip(found.values, found.records, found.steps, strict=True):
        assert len(values) == len(records) == steps + 1 <= 26
        assert (np.diff(values) <= 1e-12).all()


def test_beyond_an_edge_there_are_no_numbers():
    """-log x + x has its minimum at 1; a start whose value is no number stays."""

    def barrier(v):
        return (v - np.log(v)).sum(axis=1), 1 - 1 / v

    found = quasi_newton(barrier, np.array([[0.01, 5.0], [30.0, 0.5], [-1.0, 1.0]]), steps=100, tolerance=1e-9)
    np.testing.assert_allclose(found.ends[:2], 1.0, atol=1e-8)
    assert found.steps[2] == 0


# at 1e8 steps along the widest axis gain less than values of 1e3 can tell: of 300 starts one in nine ended 1e-10 to 2e-9 above the least
@pytest.mark.parametrize(("condition", "bound"), [(1.0, 1e-10), (1e4, 1e-10), (1e8, 1e-8)])
def test_quadratics_of_any_condition(condition, bound):
    widths = np.geomspace(1.0, condition, 6) / condition

    def bowl(v):
        return 0.5 * (widths * (v - 3) ** 2).sum(axis=1) + 1e3, widths * (v - 3)

    found = quasi_newton(bowl, RNG.normal(size=(40, 6)), steps=1000, tolerance=1e-15)
    np.testing.assert_allclose([values[-1] for values in found.values], 1e3, rtol=bound)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_gradient_steps_are_torchs(optimizer):
    """The steps of torch.optim on the same function, with the same lengths."""
    starts, rate, steps = RNG.normal(size=(3, 4)), 1e-4, 30
    options = GradientOptions(optimizer, rate, steps, momentum=0.7, betas=(0.8, 0.99))
    ends, values, gradients = gradient_steps(
        lambda points, _: rosenbrock(points), starts, options, record=lambda gradients: gradients
    )
    at = torch.tensor(starts)
    rule = torch.optim.Adam([at], betas=(0.8, 0.99)) if optimizer == "adam" else torch.optim.SGD([at], momentum=0.7)
    for count in range(steps):
        rule.param_groups[0]["lr"] = rate * (0.999 * 0.5 * (1 + np.cos(np.pi * count / steps)) + 1e-3)
        value, at.grad = (torch.tensor(part) for part in rosenbrock(at.numpy()))
        np.testing.assert_allclose(values[:, count], value, rtol=1e-10)
        np.testing.assert_allclose(gradients[:, count], at.grad, rtol=1e-8)
        rule.step()
    np.testing.assert_allclose(ends, at, rtol=1e-8)


def test_where_a_line_falls_without_end_the_longest_step_is_taken():
    """A line has no curvature, and no place where its slope is less: steps go on to where there are no numbers."""

    def slope(v):
        return np.where(v[:, 0] > -30, v[:, 0], np.nan), np.ones_like(v)

    found = quasi_newton(slope, np.zeros((1, 1)), steps=200, tolerance=1e-7)
    assert -30 < found.ends[0, 0] < -29.9
