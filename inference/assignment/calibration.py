"""Are the probabilities of classes calibrated? Predicted probabilities beside observed frequencies."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from inference.checks import check_count, check_share
from mixtures.errors import DataError
from mixtures.tables import numbers_in, whole_numbers


@dataclass(frozen=True, eq=False)
class CalibrationTable:
    """Rows binned by predicted probability; NaN in bins without rows.

    Args:
        edges: bounds of the bins.
        counts: rows in each bin.
        predicted: mean predicted probability.
        observed: share of the rows where the prediction came true.
        lower: lower bound of an exact confidence interval for the true frequency.
        upper: its upper bound.
        level: confidence level of the interval.
        expected_calibration_error: mean of `|observed - predicted|` over the bins, weighted by their rows.
    """

    edges: Float[np.ndarray, " edges"]
    counts: Int[np.ndarray, " bins"]
    predicted: Float[np.ndarray, " bins"]
    observed: Float[np.ndarray, " bins"]
    lower: Float[np.ndarray, " bins"]
    upper: Float[np.ndarray, " bins"]
    level: float
    expected_calibration_error: float

    def __str__(self) -> str:
        lines = [f"     bin       rows  predicted  observed  {self.level:.0%} interval"]
        for k in np.flatnonzero(self.counts):
            lines.append(
                f"{self.edges[k]:.2f} - {self.edges[k + 1]:.2f}  {self.counts[k]:>7}  {self.predicted[k]:>9.3f}  "
                f"{self.observed[k]:>8.3f}  {self.lower[k]:.3f} - {self.upper[k]:.3f}"
            )
        return "\n".join([*lines, f"expected calibration error {self.expected_calibration_error:.3f}"])


def calibration_table(
    probabilities: np.ndarray,
    truth: np.ndarray,
    *,
    component: int | None = None,
    bins: int = 10,
    level: float = 0.95,
) -> CalibrationTable:
    """Predicted probabilities against known labels, such as those of simulated data, in bins of equal width.

    One probability a row is judged, so that the rows are independent and the intervals are valid: that of the most
    probable component, or that of `component`.

    Args:
        probabilities: P(assignment | row), (rows, components), numbered as in `truth`.
        truth: the true component of every row.
        component: whose probability to judge; None judges each row's largest.
        bins: the number of bins between 0 and 1.
        level: confidence level of the interval (Clopper & Pearson 1934) of each bin.

    Returns:
        A `CalibrationTable`: a line for each bin with rows in it when printed.

    Raises:
        DataError: rows that do not sum to one, or labels that are no components.
        ModelError: bins < 1, a level outside (0, 1), an unknown component.

    Source: DeGroot & Fienberg (1983), The Statistician 32; Naeini, Cooper & Hauskrecht (2015), AAAI (the error).

    Example:
        >>> import numpy as np
        >>> table = calibration_table(np.array([[0.75, 0.25]] * 4), np.array([0, 0, 0, 1]), bins=2)
        >>> table.counts.tolist(), table.predicted[1].item(), table.observed[1].item()
        ([0, 4], 0.75, 0.75)
    """
    probabilities = checked_probabilities(probabilities)
    rows, components = probabilities.shape
    truth = whole_numbers("truth", truth, rows)
    check_count("bins", bins)
    check_share("level", level)
    if component is not None:
        check_count("component", component, least=0, most=components - 1)
    if truth.max() >= components:
        raise DataError(
            "truth",
            got=f"{truth.max()} at row {truth.argmax()}",
            expected=f"ints from 0 to {components - 1}",
            advice="Align the components with the labels first.",
        )
    judged = probabilities.argmax(axis=1) if component is None else np.full(rows, component)
    predicted, came_true = probabilities[np.arange(rows), judged], truth == judged
    edges = np.linspace(0.0, 1.0, bins + 1)
    # A probability on an edge belongs to the bin above, one of 1 to the last.
    place = np.minimum(np.searchsorted(edges, predicted, side="right") - 1, bins - 1)
    counts = np.bincount(place, minlength=bins)
    hits = np.bincount(place, weights=came_true, minlength=bins)
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN in a bin without rows, as documented
        mean, observed = np.bincount(place, weights=predicted, minlength=bins) / counts, hits / counts
    lower, upper = _clopper_pearson(hits, counts, level)
    error = np.nansum(counts * np.abs(observed - mean)) / rows
    return CalibrationTable(edges, counts, mean, observed, lower, upper, level, float(error))


def _clopper_pearson(
    hits: Float[np.ndarray, " bins"], counts: Int[np.ndarray, " bins"], level: float
) -> tuple[Float[np.ndarray, " bins"], Float[np.ndarray, " bins"]]:
    """Exact binomial interval: quantiles of Beta(h, n - h + 1) and Beta(h + 1, n - h); NaN for n = 0."""
    tail = (1.0 - level) / 2
    misses, some = counts - hits, counts > 0
    # max(., 1) only keeps Beta's arguments legal where the bound is 0 or 1 anyway
    lower = np.where(hits > 0, stats.beta.ppf(tail, np.maximum(hits, 1), misses + 1), 0.0)
    upper = np.where(misses > 0, stats.beta.ppf(1 - tail, hits + 1, np.maximum(misses, 1)), 1.0)
    return np.where(some, lower, np.nan), np.where(some, upper, np.nan)


def checked_probabilities(probabilities: np.ndarray) -> Float[np.ndarray, "rows components"]:
    """The same array in float64, once its rows are known to be probabilities.

    Raises:
        DataError: not two axes, empty, negative, NaN, or rows that do not sum to one.
    """
    array = numbers_in(probabilities, "probabilities").astype(np.float64, copy=False)
    if array.ndim != 2 or 0 in array.shape:
        raise DataError("probabilities", got=f"shape {array.shape}", expected="(rows, components)")
    # `not (...)`: NaN must not pass.
    if not (np.abs(array.sum(axis=1) - 1.0).max() <= 1e-5 and array.min() >= 0):
        row = int(np.argmax(~(np.abs(array.sum(axis=1) - 1.0) <= 1e-5) | ~(array >= 0).all(axis=1)))
        raise DataError(
            "probabilities", got=f"row {row}: {array[row]}", expected="numbers >= 0 that sum to one in each row"
        )
    return array
