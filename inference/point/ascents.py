"""How many starts climb an objective: each way gives the same `Ascent`."""

from collections.abc import Callable

import numpy as np

from inference.backends.ascent import Ascent
from inference.backends.log_density import Parameters
from inference.point.gradient_steps import GradientOptions, gradient_steps
from inference.point.objective import Objective
from inference.point.quasi_newton import quasi_newton

TOLERANCE = 1e-7
"""The largest derivative, relative to the objective, of a start at rest; the best one is climbed to its last digit."""

TUTORIAL_BETAS = (0.8, 0.99)
"""Adam's decay rates, as in Pyro's Gaussian mixture tutorial."""

Ascend = Callable[[Parameters], Ascent]
"""From starts, (restarts, ...) by site, to where they lead."""


def by_quasi_newton(objective: Objective, steps: int) -> Ascend:
    """L-BFGS, side by side, until a start is at rest or has taken so many steps."""
    names = [site.name for site in objective.bound.sites.parameters]

    def ascend(starts: Parameters) -> Ascent:
        found = quasi_newton(
            objective.loss(objective.density.values_and_gradients),
            objective.vectors(starts) / objective.unit,
            steps=steps,
            tolerance=TOLERANCE,
            record=lambda gradients: objective.norms(gradients / objective.unit),
        )
        longest = max(1, int(found.steps.max()))
        series = np.stack([drawn_out(record, longest + 1) for record in found.records])
        return Ascent(
            objective.parameters(objective.unit * found.ends),
            np.stack([drawn_out(values, longest + 1) for values in found.values]),
            {name: series[:, :, index] for index, name in enumerate(names)},
            found.steps,
        )

    return ascend


def by_autodelta(objective: Objective, steps: int, learning_rate: float) -> Ascend:
    """Adam on the ELBO of the backend's own AutoDelta, assignments enumerated: the log posterior density."""
    elbo = objective.obeying(objective.bound.elbo())
    options = GradientOptions("adam", learning_rate, steps, betas=TUTORIAL_BETAS)
    return lambda starts: _by_gradient(objective, starts, options, lambda vectors, batch: elbo(vectors), 1.0)


def by_gradient(objective: Objective, options: GradientOptions) -> Ascend:
    """Adam, or gradients with momentum, on the mean log density of all rows, or of each step's batch."""
    evaluate, rows = objective.density.values_and_gradients, len(objective.bound.x)

    def of_rows(vectors: np.ndarray, batch: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        values, gradients = evaluate(vectors, batch)
        return (values, gradients) if batch is None else (values * (rows / len(batch)), gradients * (rows / len(batch)))

    return lambda starts: _by_gradient(objective, starts, options, of_rows, float(rows))


def _by_gradient(
    objective: Objective,
    starts: Parameters,
    options: GradientOptions,
    evaluate: Callable[[np.ndarray, np.ndarray | None], tuple[np.ndarray, np.ndarray]],
    size: float,
) -> Ascent:
    """The ascent of what is evaluated, divided by its size."""

    def of_one(vectors: np.ndarray, batch: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        values, gradients = evaluate(vectors, batch)
        return values / size, gradients / size

    def norms(gradients: np.ndarray) -> np.ndarray:
        return objective.norms(gradients * size / objective.unit)

    ends, losses, series = gradient_steps(
        objective.loss(of_one), objective.vectors(starts) / objective.unit, options, norms
    )
    return Ascent(
        objective.parameters(objective.unit * ends),
        losses * size,
        {site.name: series[:, :, index] for index, site in enumerate(objective.bound.sites.parameters)},
    )


def drawn_out(series: np.ndarray, length: int, axis: int = 0) -> np.ndarray:
    """The series, the last entry repeated until there are so many."""
    more = [(0, length - series.shape[axis] if index == axis else 0) for index in range(series.ndim)]
    return np.pad(series, more, mode="edge")
