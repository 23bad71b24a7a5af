"""From near an optimum to the optimum: quasi-Newton steps after the gradient steps."""

from collections.abc import Callable, Mapping

import numpy as np
from scipy import optimize

from inference.backends.log_density import LogDensity
from inference.point.widths import widths

AT_REST = 1e-5
"""Largest gradient of the log density, in units of the step scales and relative to the log density, that counts as zero."""


def polish(
    density: LogDensity,
    parameters: Mapping[str, np.ndarray],
    scales: Mapping[str, np.ndarray],
    *,
    by_width: bool = False,
    max_steps: int = 15_000,
    on_step: Callable[[float], None] | None = None,
) -> tuple[dict[str, np.ndarray], bool]:
    """Climb from `parameters` to the nearest maximum.

    Args:
        density: what is maximised, of one unconstrained vector.
        parameters: where to begin, constrained values by site.
        scales: the unit of real-valued sites; coordinates of other sites, on their log or logit scale, have unit 1.
        by_width: whether real-valued coordinates along which the density is narrower than their unit are measured by its width.
        max_steps: quasi-Newton steps at most.
        on_step: is told the log density after each step.

    Returns:
        The parameters at the maximum, and whether the gradient vanishes there.
    """
    begin = density.unconstrain(parameters)
    unit = density.units(scales)
    if by_width:
        width = widths(density, begin, unit, np.flatnonzero(density.is_real))
        unit = np.where(width < unit, width, unit)
    first, _ = density.value_and_gradient(begin)
    size = max(1.0, abs(first))

    def objective(v: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = density.value_and_gradient(begin + unit * v)
        return -value / size, -gradient * unit / size

    def stepped(intermediate_result: optimize.OptimizeResult) -> None:
        if on_step is not None:
            on_step(-float(intermediate_result.fun) * size)

    result = optimize.minimize(
        objective,
        np.zeros(density.size),
        jac=True,
        method="L-BFGS-B",
        callback=stepped,
        options={"gtol": 1e-10, "ftol": 1e-15, "maxiter": max_steps, "maxfun": 2 * max_steps + 100},
    )
    is_better = np.isfinite(result.fun) and result.fun <= objective(np.zeros(density.size))[0]
    end = begin + unit * result.x if is_better else begin
    gradient = density.value_and_gradient(end)[1] * unit / size
    return density.constrain(end), bool(np.abs(gradient).max() <= AT_REST)
