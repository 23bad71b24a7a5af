"""Does a latent class model describe a table of counts? G2 and X2 of all its cells, and of every pair of columns."""

from dataclasses import dataclass
from itertools import combinations, product
from math import prod
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import xlogy
from scipy.stats import chi2

from inference.assignment.responsibilities import bound_like
from inference.backends import Bound
from inference.checks import check_result
from inference.html import InNotebooks
from inference.parameter_table import number, plain
from inference.results import PointFit
from mixtures import Observations
from mixtures.errors import DataError, ModelError
from mixtures.families.by_column import families_by_column
from mixtures.families.members import parts_of


@dataclass(frozen=True, eq=False, repr=False)
class GoodnessOfFit(InNotebooks):
    """How well a latent class model describes a table of counts.

    Args:
        g2: the likelihood-ratio statistic, 2 sum O log(O / E) over cells.
        x2: Pearson's, sum (O - E)^2 / E.
        df: cells - 1 - free parameters.
        g2_p_value: P(chi-squared > G2); NaN where df is not positive. Where many cells expect few rows no such distribution holds:
            `bootstrap_test` needs none.
        x2_p_value: likewise of X2.
        cells: how many cells the table has.
        bivariate: Pearson's statistic of each pair of columns by its degrees of freedom, (C_j - 1)(C_l - 1): above about 4 the two are more
            dependent within classes than the model says; NaN on the diagonal.
    """

    g2: float
    x2: float
    df: int
    g2_p_value: float
    x2_p_value: float
    cells: int
    bivariate: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """The bivariate residuals."""
        return self.bivariate

    def __str__(self) -> str:
        head = [
            f"{self.cells} cells, {self.df} degrees of freedom: G2 {number(self.g2)} (p {number(self.g2_p_value)}), "
            f"X2 {number(self.x2)} (p {number(self.x2_p_value)})"
        ]
        return "\n".join(
            [
                *head,
                "",
                "Bivariate residuals, X2 of a pair by its degrees of freedom:",
                plain(self.bivariate.map(number)),
            ]
        )


def goodness_of_fit(fit: PointFit, x: Any) -> GoodnessOfFit:
    """G2, X2 and bivariate residuals of a model of categorical columns.

    Cells are all combinations of the columns' categories; those that no row has have their part in X2 too.

    Args:
        fit: a point fit to columns of categories, `latent_class` say.
        x: the data that it was fitted to, nothing missing.

    Returns:
        A `GoodnessOfFit`.

    Raises:
        DataError: missing cells, or other columns than the model was fitted to.
        ModelError: columns that are no categories; rows that differ beside their cells, or are not independent.

    Source: Agresti (2002), Categorical Data Analysis, section 13.1; Linzer & Lewis (2011), Journal of Statistical Software 42(10), as in
        poLCA; Vermunt & Magidson (2005), Latent GOLD 4.0, for bivariate residuals.

    Example:
        >>> from inference import fit_em
        >>> from mixtures import latent_class
        >>> x = [[0, 0], [0, 1], [1, 1], [1, 0]] * 5
        >>> goodness_of_fit(fit_em(latent_class(1, 2), x, restarts=1, seed=0), x).df
        1
    """
    check_result("fit", fit, "restarts", "PointFit", "fit_map, fit_mle or fit_em")
    bound = bound_like(fit, x)
    sizes = _sizes(bound)
    times, values = bound.x.times, bound.x.x
    patterns, place = np.unique(values, axis=0, return_inverse=True)
    observed, rows = np.bincount(place.ravel(), times), float(times.sum())
    expected = rows * _probabilities(bound, fit, patterns)
    # a cell that no row has adds its E to X2, and all E sum to n
    x2 = float(((observed - expected) ** 2 / expected).sum() + max(0.0, rows - expected.sum()))
    g2 = float(2 * (xlogy(observed, observed) - xlogy(observed, expected)).sum())
    cells = prod(sizes)  # Python's integers have no end
    df = cells - 1 - fit.free_parameters
    g2_p_value, x2_p_value = (float(chi2.sf(statistic, float(df))) if df > 0 else np.nan for statistic in (g2, x2))
    return GoodnessOfFit(g2, x2, df, g2_p_value, x2_p_value, cells, _bivariate(bound, fit, sizes))


def _probabilities(bound: Bound, fit: PointFit, cells: np.ndarray) -> np.ndarray:
    """P(x = cell) of cells (cells, columns), NaN where a column may be anything."""
    rows = Observations(cells, bound.x.feature_names, "allow", categories=bound.x.categories)
    return np.exp(bound.on(rows).pointwise({name: value[None] for name, value in fit.parameters.items()})[0])


def _bivariate(bound: Bound, fit: PointFit, sizes: list[int]) -> pd.DataFrame:
    names = list(bound.x.feature_names or range(len(sizes)))
    found = pd.DataFrame(np.nan, index=names, columns=names)
    values, times = bound.x.x.astype(int), bound.x.times
    for j, k in combinations(range(len(sizes)), 2):
        cells = np.full((sizes[j] * sizes[k], len(sizes)), np.nan)
        cells[:, [j, k]] = list(product(range(sizes[j]), range(sizes[k])))
        expected = times.sum() * _probabilities(bound, fit, cells)
        observed = np.bincount(values[:, j] * sizes[k] + values[:, k], times, len(cells))
        pearson = ((observed - expected) ** 2 / np.maximum(expected, np.finfo(float).tiny)).sum()
        found.iloc[j, k] = found.iloc[k, j] = pearson / ((sizes[j] - 1) * (sizes[k] - 1))
    return found


def _sizes(bound: Bound) -> list[int]:
    """How many categories each column has.

    Raises:
        ModelError: a column that has none; rows that differ beside their cells, or are not independent.
        DataError: missing cells.
    """
    mixture, x = bound.program.mixture, bound.x
    families = [] if mixture is None or x.features is None else families_by_column(mixture.family, x.features)
    sizes = [parts_of(family).support.categories or 0 for family in families]
    if not sizes or min(sizes) < 2:
        raise ModelError(
            "fit",
            got="columns that are no categories",
            expected="a model of several columns of categories, whose combinations are the cells of a table",
            advice="latent_class(2, table) is one.",
        )
    if mixture is not None and (mixture.needs_covariates or not bound.sites.is_row_wise):
        raise ModelError(
            "fit",
            got="rows that depend on covariates, or on each other",
            expected="rows that are alike and independent, so that they can be counted",
        )
    if np.isnan(x.x).any():
        raise DataError(
            "x",
            got="missing cells",
            expected="rows whose cell in the table is known",
            advice="impute(fit, x) fills them.",
        )
    return sizes
