"""Tables of estimates, and Wald's tests that classes are alike."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy import stats

COLUMNS = ("estimate", "standard_error", "z", "p", "lower", "upper")
TESTS = ("chi2", "df", "p")

NOTHING = 1e-10
"""Standard errors below this share of a number's unit are rounding."""


def estimates(
    lines: Sequence[tuple[Any, str]],
    values: Float[np.ndarray, " numbers"],
    covariance: Float[np.ndarray, "numbers numbers"],
    unit: Float[np.ndarray, " numbers"],
    level: float,
) -> pd.DataFrame:
    """A line for each number; without a standard error where that would be nothing beside the number's unit: it is on its bound.

    Example:
        >>> estimates([("a", "mean")], np.array([2.0]), np.array([[1.0]]), np.ones(1), 0.95).round(3).to_numpy().tolist()
        [[2.0, 1.0, 2.0, 0.046, 0.04, 3.96]]
    """
    error = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    error = np.where(error > NOTHING * unit, error, np.nan)
    z, width = values / error, stats.norm.isf((1 - level) / 2)
    columns = [values, error, z, 2 * stats.norm.sf(np.abs(z)), values - width * error, values + width * error]
    index = pd.MultiIndex.from_tuples(lines, names=["component", "parameter"])
    return pd.DataFrame(np.stack(columns, axis=1), index=index, columns=list(COLUMNS))


def wald(
    contrasts: Float[np.ndarray, "contrasts numbers"],
    values: Float[np.ndarray, " numbers"],
    covariance: Float[np.ndarray, "numbers numbers"],
) -> tuple[float, int, float]:
    """Wald's test that contrasts are 0: chi-squared, degrees of freedom, p. Contrasts without a variance are left out.

    Source: Wald (1943), Transactions of the American Mathematical Society 54.
    """
    away, spread = contrasts @ values, contrasts @ covariance @ contrasts.T
    unit = 1 / np.sqrt(np.where(np.diag(spread) > 0, np.diag(spread), np.inf))
    scaled = spread * np.outer(unit, unit)
    df = int(np.linalg.matrix_rank(scaled, tol=1e-8, hermitian=True))
    chi2 = float((away * unit) @ np.linalg.pinv(scaled, rcond=1e-8, hermitian=True) @ (away * unit))
    return chi2, df, float(stats.chi2.sf(chi2, df)) if df else np.nan


def tests_of_classes(
    names: Sequence[Any],
    compared: Int[np.ndarray, "classes values"],
    values: Float[np.ndarray, " numbers"],
    covariance: Float[np.ndarray, "numbers numbers"],
) -> pd.DataFrame:
    """Whether all classes are alike in what is compared, and each pair."""
    identity = np.eye(len(values))
    differences = {
        (k, m): identity[compared[k]] - identity[compared[m]] for k, m in combinations(range(len(compared)), 2)
    }
    overall = np.concatenate([differences[0, m] for m in range(1, len(compared))])
    lines = {"all alike": wald(overall, values, covariance)}
    if len(compared) > 2:
        for (k, m), contrast in differences.items():
            lines[f"{names[k]} = {names[m]}"] = wald(contrast, values, covariance)
    return _table(lines)


def tests_of_covariates(
    lines: Sequence[tuple[int, str]],
    values: Float[np.ndarray, " numbers"],
    covariance: Float[np.ndarray, "numbers numbers"],
    left_out: str,
) -> pd.DataFrame:
    """Whether a covariate says nothing of the class: all of its coefficients are 0."""
    identity, terms = np.eye(len(values)), [term for _, term in lines]
    names = [term for term in dict.fromkeys(terms) if term != left_out]
    return _table({name: wald(identity[[t == name for t in terms]], values, covariance) for name in names})


def _table(lines: dict[str, tuple[float, int, float]]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(lines, orient="index", columns=list(TESTS)).rename_axis("test")
