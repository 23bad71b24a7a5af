"""How did one restart end? What its components look like beside the data says whether it may be an answer."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.special import softmax

from inference.backends import Bound
from inference.backends.log_density import Parameters
from inference.point.spurious import few_rows, has_tall_component, spurious_components
from inference.status import Status
from mixtures import Observations
from mixtures.among import predictors_of
from mixtures.families import Product
from mixtures.families.members import parts_of

VANISHED = 1e-15
"""A weight that is smaller has run to zero, or what float64 has for it beside 1: a climb gets there only where the objective rises all along."""

EMPTY_ROWS = 0.5
"""A component that has less than this many rows, in expectation, is empty."""

FLAT = 0.05
"""A gradient below this is as good as zero, when telling a component that is empty from one that is still running away."""

SPIKE = 14.0
"""Log ratio of a component's density to the data's own at which it has collapsed: about a millionth of the data's spread (e^14 = 1.2e6)."""

CONSTANT = 1e3
"""The width of columns without spread, in units of their value: then a spike is told from what data of one value make of a bounded family."""

ROUNDING = 1e-14
"""Relative spread of equal values."""

SAME_DENSITY = 1e-6
"""Two components are one if the ratio of their densities varies by less than this over all rows."""

POOLED = 1e-6
"""A learned scale of a prior, in units of the middle of its own prior, that has run to zero."""


def rows_of_one(row_weights: np.ndarray | None) -> float:
    """How many rows one unit of row weight stands for, at least one: weights that sum to 1 are no reason to call every component empty."""
    return 1.0 if row_weights is None else max(1.0, float(np.count_nonzero(row_weights) / row_weights.sum()))


def knows_spread(fixed: Iterable[str]) -> bool:
    """Whether the spread of components is among what is known, sites or parts of EM's state."""
    return any(name.endswith(("spread", "scale")) for name in fixed)


class Judge:
    """Tells how restarts ended.

    Args:
        bound: program, data and backend.
        is_bounded: whether a prior bounds the objective; where none does, peaks on few rows are spurious.
        fixed: sites whose values are known: of components whose spread is, no peak is due to chance.
    """

    def __init__(self, bound: Bound, *, is_bounded: bool = True, fixed: Iterable[str] = ()):
        x, mixture = bound.x, bound.program.mixture
        family = None if mixture is None else mixture.family
        parts = parts_of(family)
        self._sites, self._features = bound.sites, x.features
        self._weights = x.times
        self._rows_of_one = rows_of_one(self._weights)
        self._labels, self._covariances = x.labels, parts.covariances
        self._may_be_spurious = not (is_bounded or knows_spread(fixed) or bound.sites.observed_is_discrete)
        self._values, self._log_slope = standardised(family, x)
        self._peak = _peak(self._values)
        columns = self._values.shape[1]
        has_predictors = parts.needs_covariates and x.covariates is not None
        predictors = predictors_of(parts.linear_predictors, x.covariates.shape[1]) if has_predictors else 0
        self._few = few_rows(columns + predictors)
        self._parameter_free = parts.parameter_free_components
        self._expects_empty = mixture is not None and mixture.assignment.expects_empty
        self._may_run_to_zero = is_bounded and mixture is not None and mixture.assignment.favours_empty()
        self._least_scales = _least_scales(bound) if is_bounded else {}
        has_several = mixture is not None and not (bound.sites.is_row_wise or mixture.assignment.shares_assignment)
        self._of_law = mixture.assignment.sites if mixture is not None and has_several else ()

    def occupancy(self, table: np.ndarray) -> np.ndarray:
        """Expected rows of each component, (components,), from the hub's table."""
        return self._weights @ _shares(table)

    def status(self, parameters: Parameters, table: np.ndarray | None, weight_gradient: float = 0.0) -> Status:
        """How a restart of finite objective ended, at rest or not.

        Args:
            parameters: those at its end.
            table: log p(x_i, assignment_i = k) at its end; None where the program has no such table.
            weight_gradient: the gradient's norm in the weights' coordinates.
        """
        if any(np.min(parameters[site]) < least for site, least in self._least_scales.items() if site in parameters):
            return Status.POOLED
        if table is None:
            return Status.MAX_STEPS
        if np.isnan(table).any() or np.isposinf(table).any():
            return Status.COLLAPSED  # onto a point, so that of its density there is no number
        if self._may_run_to_zero and any(np.min(parameters[site]) < VANISHED for site in self._of_law):
            return Status.COLLAPSED  # a probability of the law has run to zero, where the prior density has no bound
        shares = _shares(table)
        if self._is_spike(table, shares) and not self._sites.observed_is_discrete:
            return Status.COLLAPSED
        if self._expects_empty:
            return Status.MAX_STEPS
        if self._is_empty(shares, weight_gradient):
            # A bounded objective is flat where a weight is nearly zero; one that is not still rises.
            return Status.COLLAPSED if weight_gradient > FLAT else Status.EMPTY
        if self._has_duplicates(table):
            return Status.DUPLICATE
        return Status.SPURIOUS if self._is_spurious(parameters, table, shares) else Status.MAX_STEPS

    def _is_spike(self, table: np.ndarray, shares: np.ndarray) -> bool:
        height = float((table + self._log_slope[:, None]).max()) - SPIKE - 2 * (self._values.shape[1] - 1)
        return height > self._peak and height > self._highest(shares)

    def _highest(self, shares: np.ndarray) -> float:
        """The highest log density that many rows account for: of one normal distribution fitted to all of them, or to a component's own.

        Where some rows lie far away, those of one component lie close together beside all rows, and are no spike for that.
        """
        peaks = [self._peak]
        for own in shares.T > 0.5:
            if len(np.unique(self._values[own], axis=0)) >= self._few:
                peaks.append(_peak(self._values[own]))
        return max(peaks)

    def _is_empty(self, shares: np.ndarray, weight_gradient: float) -> bool:
        """Whether a component has hardly a row; one without parameters, such as noise, may have none: it says that there is none."""
        tables = self._sites.marginals(shares).values()
        runs_away = self._may_run_to_zero and weight_gradient > FLAT
        parameter_free = self._parameter_free if len(tables) == 1 and not runs_away else frozenset[int]()
        for own in tables:
            rows = self._rows_of_one * self._weights @ own
            if any(count < EMPTY_ROWS for k, count in enumerate(rows) if k not in parameter_free):
                return True
        return False

    def _has_duplicates(self, table: np.ndarray) -> bool:
        """Whether two components have the same density; of several assignments a row, the table's columns are none of one component."""
        if len(self._sites.assignments) != 1 or len(np.unique(self._values, axis=0)) < 2:
            return False
        for k in range(1, table.shape[1]):
            with np.errstate(invalid="ignore"):  # infinity less infinity, where a row can be of neither
                difference = table[:, :k] - table[:, [k]]
            seen = np.isfinite(table[:, [k]]) & np.isfinite(table[:, :k])
            width = np.where(seen, difference, -np.inf).max(axis=0) - np.where(seen, difference, np.inf).min(axis=0)
            # where one alone is possible they differ, unless it is a known label that excludes the other
            is_apart = (np.isfinite(table[:, [k]]) != np.isfinite(table[:, :k])).any(axis=0) & (self._labels is None)
            if (width[~is_apart & (seen.sum(axis=0) > 1)] < SAME_DENSITY).any():
                return True
        return False

    def _is_spurious(self, parameters: Parameters, table: np.ndarray, shares: np.ndarray) -> bool:
        if not self._may_be_spurious:
            return False
        if self._has_narrow_component(parameters, shares):
            return True
        log_weights = np.log(np.maximum(shares.mean(axis=0), np.finfo(float).tiny))
        log_density = table + self._log_slope[:, None] - log_weights
        return has_tall_component(log_density, shares, self._values, self._highest(shares), self._few)

    def _has_narrow_component(self, parameters: Parameters, shares: np.ndarray) -> bool:
        """The rule of covariance matrices, of the components that have any; some of Student's t have none."""
        if self._covariances is None:
            return False
        rows = self._rows_of_one * self._weights @ shares
        return bool(spurious_components(self._covariances(parameters, self._features), rows, self._labels).any())


def _least_scales(bound: Bound) -> dict[str, float]:
    """The learned scales of priors: what is less has run to zero."""
    mixture = bound.numbered.mixture
    if mixture is None or not mixture.hyper_sites:
        return {}
    own = {
        f"{site}_scale": prior.learned["scale"] for site, prior in mixture.priors.items() if "scale" in prior.learned
    }
    return {site: POOLED * prior.centre for site, prior in own.items()}


def _shares(table: np.ndarray) -> np.ndarray:
    """Responsibilities; none for a row that no component can have produced, which counts for nothing if the objective is finite."""
    is_possible = np.isfinite(table).any(axis=1)
    shares = np.zeros_like(table)
    with np.errstate(invalid="ignore"):  # of a component on a point
        shares[is_possible] = softmax(table[is_possible], axis=1)
    return shares


def standardised(family: Any, x: Observations) -> tuple[np.ndarray, np.ndarray]:
    """The data z on the line that goes with the family's support, each column of spread 1, (rows, features); and log |dx/dz| of each row.

    Cells that are missing, or known by bounds alone, have no part in the latter, as they have none in a row's density.
    """
    values = x.substituted if x.x.ndim == 2 else x.substituted[:, None]
    members = [column for _, column in family.pairs] if isinstance(family, Product) else [family] * values.shape[1]
    both = [parts_of(member).support.straightened(column) for member, column in zip(members, values.T, strict=True)]
    straight = np.stack([y for y, _ in both], axis=1)
    log_slope = np.stack([slope for _, slope in both], axis=1)
    spread, level = np.nanstd(straight, axis=0), np.nanmax(np.abs(straight), axis=0)
    is_constant = spread <= ROUNDING * level  # equal values have a mean that is rounded
    unit = np.where(is_constant, np.where(level > 0, CONSTANT * level, 1.0), spread)
    has_density = ~(np.isnan(x.x.reshape(values.shape)) | np.isnan(straight))
    log_slope = np.where(~has_density, 0.0, log_slope + np.log(unit))
    return (straight - np.nanmean(straight, axis=0)) / unit, log_slope.sum(axis=1)


def _peak(values: np.ndarray) -> float:
    """The highest log density of one Gaussian fitted to standardised data: the yardstick of a spike."""
    if np.isnan(values).any():
        values = np.where(np.isnan(values), np.nanmean(values, axis=0), values)
    scale = values.std(axis=0)
    scale = np.where(scale > CONSTANT * ROUNDING, scale, 1.0)
    correlation = np.cov((values - values.mean(axis=0)) / scale, rowvar=False, ddof=0).reshape(len(scale), len(scale))
    np.fill_diagonal(correlation, 1.0)  # of constant columns too
    log_determinant = np.linalg.slogdet(correlation + 1e-12 * np.eye(len(scale)))[1]
    return float(-np.log(scale).sum() - 0.5 * log_determinant - 0.5 * len(scale) * np.log(2 * np.pi))
