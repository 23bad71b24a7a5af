"""The interval of one number whose likelihood, all else at its best, is not much below the highest: no normality, and no symmetry, supposed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize
from scipy.stats import chi2

from inference.checks import check_choice, check_share
from inference.html import InNotebooks
from inference.parameter_table import SHARED, heading, number
from inference.results import PointFit
from inference.uncertainty.information import Information
from inference.uncertainty.optimum import Optimum
from inference.uncertainty.readable import Numbers, numbers_at
from inference.uncertainty.scales import Scale, scale_of
from mixtures.errors import ModelError, in_words

FARTHEST = 30.0
"""How far an end may lie from the estimate, in standard errors; there is none nearer where the likelihood stays high."""

REACHED = 1e-3
"""How near the likelihood at an end is to where it must be, in nats."""


@dataclass(frozen=True, eq=False, repr=False)
class ProfileInterval(InNotebooks):
    """A profile-likelihood interval of one number.

    Args:
        parameter: what it is called, as in `fit.to_frame()`.
        component: whose it is; `"all"` where components share it.
        estimate: the fit's.
        lower: the lower end; NaN where the likelihood does not fall so far.
        upper: the upper end; NaN likewise.
        level: of the interval.
    """

    parameter: str
    component: Any
    estimate: float
    lower: float
    upper: float
    level: float

    def __str__(self) -> str:
        of = "" if self.component == SHARED else f" of {heading(self.component)}"
        ends = f"{number(self.lower)} to {number(self.upper)}"
        said = f"{self.parameter}{of}: {number(self.estimate)}, profile likelihood {self.level:.0%} from {ends}"
        sides = [side for side, end in (("below", self.lower), ("above", self.upper)) if np.isnan(end)]
        return f"{said}; it has no end {' and '.join(sides)}, where the likelihood stays high" if sides else said


def profile(
    fit: PointFit,
    x: Any,
    parameter: str,
    component: Any = None,
    *,
    level: float = 0.95,
    fixed: Iterable[str] | None = None,
) -> ProfileInterval:
    """The profile-likelihood interval of one number: all its values that are not rejected by the likelihood-ratio test.

    Its ends are the least and the greatest value that the number has where 2 (log L(fit) - log L) does not exceed the quantile of a
    chi-squared distribution with one degree of freedom: found as such, by sequential quadratic programming from the ends that
    `standard_errors` has. Components are those of this optimum; where they overlap so much that they can change places, the interval may reach
    from one to the other.

    Args:
        fit: a point fit at rest at a maximum of the likelihood.
        x: the data that it was fitted to, with their labels and row weights.
        parameter: the number's name, as in `fit.to_frame()`: `"loc"`, `"scale[waiting]"`.
        component: whose it is; None where components share it.
        level: of the interval.
        fixed: the sites that were known, as in `fit_em(fixed=...)`.

    Returns:
        A `ProfileInterval`.

    Raises:
        FitError: the fit is unsound, or not at rest.
        DataError: other data than the fit's.
        ModelError: a fit of the posterior; a number at an end of its values, or that the data do not tell.
        ChoiceError: no such number.

    Source: Wilks (1938); Venzon & Moolgavkar (1988), Applied Statistics 37, for the ends as extreme values.

    Example:
        >>> from inference import fit_em
        >>> from mixtures import poisson_mixture
        >>> x = [0, 2, 1, 3, 4]
        >>> print(profile(fit_em(poisson_mixture(1), x, restarts=1, seed=0), x, "rate", 0))
        rate of component 0: 2, profile likelihood 95% from 1.002 to 3.508
    """
    level, optimum = check_share("level", level), Optimum.of(fit, x, fixed)
    if optimum.is_posterior:
        raise ModelError(
            "fit",
            got="one that maximised the posterior density",
            expected="one that maximised the likelihood, whose profile is asked for",
            advice="Fit by fit_em or fit_mle; or ask the posterior how sure it is: sample_nuts.",
        )
    information, numbers = optimum.information(), numbers_at(fit, optimum.bound, optimum.u)
    place = _place(numbers, parameter, component)
    _check_known(information, numbers, place)
    depth = float(chi2.ppf(level, 1)) / 2
    scale = scale_of(numbers.supports[place])
    lower, upper = (_end(optimum, information, place, scale, depth, sign) for sign in (-1, 1))
    name = numbers.names[place]
    return ProfileInterval(name[0], name[1], float(numbers.values[place]), lower, upper, level)


def _end(optimum: Optimum, information: Information, place: int, scale: Scale, depth: float, sign: int) -> float:
    """The least (sign -1) or greatest value where the log likelihood is no more than `depth` below the fit's; NaN where there is none.

    Coordinates are standard errors, v: u = fit + root v, in which the log likelihood is -|v|^2 / 2 near the fit.
    """
    highest, root = optimum.density.value_and_gradient(optimum.u)[0], information.root

    def value(v: np.ndarray) -> tuple[float, np.ndarray]:
        numbers = numbers_at(optimum.fit, optimum.bound, optimum.u + root @ v)
        at = numbers.values[place]
        return -sign * float(scale.to_line(at)), -sign * float(scale.slope(at)) * numbers.slopes[place] @ root

    def above(v: np.ndarray) -> float:
        return optimum.density.value_and_gradient(optimum.u + root @ v)[0] - highest + depth

    def slope_of_above(v: np.ndarray) -> np.ndarray:
        return optimum.density.value_and_gradient(optimum.u + root @ v)[1] @ root

    uphill = value(np.zeros(root.shape[1]))[1]
    start = -np.sqrt(2 * depth) * uphill / np.linalg.norm(uphill)
    with np.errstate(all="ignore"):  # of steps that lead too far
        found = optimize.minimize(
            value,
            start,
            jac=True,
            method="SLSQP",
            bounds=[(-FARTHEST, FARTHEST)] * len(start),
            constraints={"type": "ineq", "fun": above, "jac": slope_of_above},
            options={"ftol": 1e-10, "maxiter": 200},
        )
        is_reached = found.success and abs(above(found.x)) < REACHED and np.abs(found.x).max() < FARTHEST
    return float(scale.back(np.array(-sign * found.fun))) if is_reached else np.nan


def _place(numbers: Numbers, parameter: Any, component: Any) -> int:
    """Which number is meant.

    Raises:
        ChoiceError: none has this name.
    """
    names = numbers.names.tolist()
    check_choice("parameter", parameter, dict.fromkeys(line for line, _ in names))
    own = [name for line, name in names if line == parameter]
    wanted = SHARED if component is None else int(component) if isinstance(component, np.integer) else component
    if any(wanted is name or (type(wanted) is type(name) and wanted == name) for name in own):
        return names.index((parameter, wanted))
    raise ModelError(
        "component",
        got=in_words(component),
        expected="None: components share this number" if own == [SHARED] else f"one of {', '.join(map(repr, own))}",
    )


def _check_known(information: Information, numbers: Numbers, place: int) -> None:
    """Check that a number is one that the data tell.

    Raises:
        ModelError: it has no interval.
    """
    slopes = numbers.on_line[[place]]
    lost = information.at_ends(slopes) | information.not_told(slopes) | information.constant(slopes)
    if not information.is_curved or lost[0]:
        raise ModelError(
            "parameter",
            got="a number that is at an end of its values, known, or not told by the data",
            expected="one that has a standard error",
            advice="standard_errors(fit, x) says which have none, and why.",
        )
