"""Adam (Kingma & Ba 2015), and gradients with momentum (Polyak 1964), from many starts side by side, whatever the backend of the objective."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from inference.backends.ascent import FINAL_LEARNING_RATE

Points = Float[np.ndarray, "starts size"]
Batch = Int[np.ndarray, " batch"]


@dataclass(frozen=True, eq=False)
class GradientOptions:
    """How steps go.

    Args:
        optimizer: `"adam"` or `"sgd"`.
        learning_rate: the first step's length, in units of the coordinates; steps decay along a cosine to `FINAL_LEARNING_RATE` of it.
        steps: how many.
        momentum: of `"sgd"`.
        betas: decay rates, of `"adam"`.
        batches: the rows of each step, (steps, batch); None: all.
    """

    optimizer: str
    learning_rate: float
    steps: int
    momentum: float = 0.9
    betas: tuple[float, float] = (0.9, 0.999)
    batches: np.ndarray | None = None


def gradient_steps(
    objective: Callable[[Points, Batch | None], tuple[np.ndarray, Points]],
    starts: Points,
    options: GradientOptions,
    record: Callable[[Points], np.ndarray] = lambda gradients: np.abs(gradients).max(axis=1),
) -> tuple[Points, Float[np.ndarray, "starts looks"], Float[np.ndarray, "starts steps ..."]]:
    """Minimise from every start by a number of steps.

    Args:
        objective: points, and the rows of a batch or None for all -> values and gradients.
        starts: (starts, size).
        options: how.
        record: what is kept of gradients, (starts, size) -> (starts, ...).

    Returns:
        Ends; values before each step and at the end, of all rows, (starts, steps + 1); what is kept of gradients before each step.

    Example:
        >>> options = GradientOptions("adam", 0.5, 100)
        >>> ends, _, _ = gradient_steps(lambda v, _: ((v**2).sum(axis=1), 2 * v), np.array([[3.0], [-1.0]]), options)
        >>> np.abs(ends).max() < 0.01
        np.True_
    """
    at, values, records = np.array(starts, dtype=np.float64), [], []
    moments = np.zeros((2, *at.shape))
    for count, rate in enumerate(_rates(options)):
        value, gradient = objective(at, None if options.batches is None else options.batches[count])
        values.append(value)
        records.append(record(gradient))
        if options.optimizer == "adam":
            step = _adam(moments, gradient, count + 1, options.betas)
        else:
            step = _heavy_ball(moments, gradient, options.momentum)
        at = at - rate * step
    values.append(objective(at, None)[0])
    return at, np.stack(values, axis=1), np.stack(records, axis=1)


def _adam(moments: np.ndarray, gradient: Points, step: int, betas: tuple[float, float]) -> Points:
    """Adam's step, up to its length; the moments are those before, and then those after it."""
    for moment, power, beta in zip(moments, (1, 2), betas, strict=True):
        moment += (1 - beta) * (gradient**power - moment)
    first, second = (moment / (1 - beta**step) for moment, beta in zip(moments, betas, strict=True))
    return first / (np.sqrt(second) + 1e-8)


def _heavy_ball(moments: np.ndarray, gradient: Points, momentum: float) -> Points:
    """The step of gradients with momentum, up to its length."""
    moments[0] = momentum * moments[0] + gradient
    return moments[0]


def _rates(options: GradientOptions) -> np.ndarray:
    """The cosine-decaying step lengths."""
    cosine = 0.5 * (1 + np.cos(np.pi * np.arange(options.steps) / options.steps))
    return options.learning_rate * ((1 - FINAL_LEARNING_RATE) * cosine + FINAL_LEARNING_RATE)
