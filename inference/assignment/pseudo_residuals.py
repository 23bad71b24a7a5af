"""Does the model describe the rows? Pseudo-residuals: each row's place in the distribution that the model has for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from jaxtyping import Float
from scipy.special import logsumexp, ndtri_exp

from inference.assignment.responsibilities import bound_and_draws, in_blocks
from inference.backends import Bound
from inference.html import InNotebooks
from inference.results import PointFit
from mixtures import Mixture, Observations, Program
from mixtures.assignments import Chain
from mixtures.assignments.law import RowWise
from mixtures.censoring import BOUNDS
from mixtures.checks import check_choice
from mixtures.errors import DataError, ModelError, in_words
from mixtures.families.members import parts_of
from mixtures.observations import OF_ROWS
from mixtures.seeds import check_seed, generator

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("ordinary", "forecast")

HALF = np.log(0.5)

ROUNDING = 1e-11
"""Of probabilities that were computed in two ways."""


@dataclass(frozen=True, eq=False, repr=False)
class PseudoResiduals(InNotebooks):
    """Each row's place in its distribution given the others, or those before it, as a quantile of a standard normal: under the true model
    they are standard normal, and those of kind `"forecast"` independent too.

    Args:
        values: (rows,); NaN where a row was not observed.
        lower: of rows that have an interval, counts and censored ones, its lower end; elsewhere the value.
        upper: likewise.
        kind: `"ordinary"` or `"forecast"`.
        row_names: the rows' names, or None.
    """

    values: Float[np.ndarray, " rows"]
    lower: Float[np.ndarray, " rows"]
    upper: Float[np.ndarray, " rows"]
    kind: str
    row_names: np.ndarray | None = None

    def to_frame(self) -> "pd.DataFrame":
        """A line for each row: the residual, and the interval that it stands in."""
        import pandas as pd

        columns = {"residual": self.values, "lower": self.lower, "upper": self.upper}
        return pd.DataFrame(columns, index=self.row_names)

    def __str__(self) -> str:
        seen = self.values[np.isfinite(self.values)]
        beyond = np.mean(np.abs(seen) > 1.96) if len(seen) else np.nan
        spread = f"mean {seen.mean():.3f}, sd {seen.std():.3f}" if len(seen) else "none is finite"
        return (
            f"{self.kind} pseudo-residuals of {len(self.values)} rows: {spread}, {beyond:.1%} beyond 1.96\n"
            "(of the true model: mean 0, sd 1, 5.0%)"
        )


def pseudo_residuals(
    fit_or_posterior: PointFit | xr.DataTree,
    x: Any,
    kind: str = "ordinary",
    *,
    randomised: int | None = None,
    program: Program | None = None,
) -> PseudoResiduals:
    """Each row's quantile in the distribution that the model has for it, on the scale of a standard normal.

    `"ordinary"`: given all other rows, u_t = P(X_t <= x_t | x_s, s != t): rows far from 0 are outliers. `"forecast"`: given the rows before
    alone, u_t = P(X_t <= x_t | x_1, ..., x_(t-1)): independent under the true model. Where rows are independent both are the mixture's
    distribution function. The residual is the standard normal's quantile of u_t. A count has an interval, from P(X_t < x_t) to
    P(X_t <= x_t), and so has a censored row, from its bounds: the residual is that of the middle, or of a random point.

    Args:
        fit_or_posterior: a point fit, or a tree of draws: of these the probabilities are averaged, each with the parameters of its draw.
        x: rows of one variable, with the columns of the fitted data.
        kind: `"ordinary"` or `"forecast"`.
        randomised: a seed: intervals are represented by a random point of theirs, which is exactly standard normal under the true model;
            None: by the middle, which is not, but the same each time.
        program: the declaration of the draws, where it cannot be imported again: one made inside a function, say.

    Returns:
        `PseudoResiduals`; `plots.plot_pseudo_residuals` draws them.

    Raises:
        DataError: several columns.
        ModelError: a program of one's own, or a family without a distribution function.
        ChoiceError: another kind.

    Source: Zucchini, MacDonald & Langrock (2016), Hidden Markov Models for Time Series, sections 6.2.2 and 6.2.3; Dunn & Smyth (1996), Journal
    of Computational and Graphical Statistics 5, for random points.

    Example:
        >>> from inference import fit_em
        >>> from mixtures import families, hidden_markov, load_dataset
        >>> x = load_dataset("earthquakes")
        >>> fit = fit_em(hidden_markov(2, families.Poisson()), x, restarts=5, seed=0)
        >>> pseudo_residuals(fit, x, "forecast").values.shape
        (107,)
    """
    check_choice("kind", kind, KINDS)
    rng = None if randomised is None else generator(check_seed(randomised), "pseudo_residuals")
    bound, parameters = bound_and_draws(fit_or_posterior, x, program)
    _check_describable(bound)
    below, above = _tails(bound, parameters, kind)
    ends = [_quantile(below[end], above[end]) for end in (0, 1)]
    share = np.full(len(bound.x), 0.5) if rng is None else rng.random(len(bound.x))
    with np.errstate(divide="ignore"):
        parts = np.log1p(-share), np.log(share)
    at = [np.logaddexp(parts[0] + tail[0], parts[1] + tail[1]) for tail in (below, above)]
    values = _quantile(*at)
    is_seen = ~np.isnan(bound.x.substituted)
    values, lower, upper = (np.where(is_seen, one, np.nan) for one in (values, *ends))
    return PseudoResiduals(values, lower, upper, kind, bound.x.row_names)


def _check_describable(bound: Bound) -> None:
    """Check that rows have distribution functions.

    Raises:
        DataError: several columns.
        ModelError: a program of one's own, or a family without a distribution function.
    """
    mixture = bound.program.mixture
    if bound.x.features is not None:
        raise DataError(
            "x",
            got=f"{bound.x.features} columns",
            expected="one variable, shape (rows,)",
            advice="Look at one column at a time, by a fit of that column.",
        )
    if not isinstance(mixture, Mixture):
        raise ModelError(
            "program", got="a program of your own", expected="a Mixture, whose family has distribution functions"
        )
    if not isinstance(mixture.assignment, RowWise | Chain):
        raise ModelError(
            "program",
            got=f"the law {type(mixture.assignment).__name__}",
            expected="rows that are independent, or follow one another in a chain",
        )
    if not parts_of(mixture.family).has_distribution_function(None):
        raise ModelError(
            "family", got=f"{in_words(mixture.family)}, which has no distribution function", expected="one that has"
        )


def _tails(bound: Bound, parameters: Mapping[str, np.ndarray], kind: str) -> tuple[np.ndarray, np.ndarray]:
    """log P(X_t <= ...) and log P(X_t > ...) at the lower and at the upper end of each row's interval, (2, rows) each."""
    x, law, mixture = bound.x, bound.sites.law, bound.program.mixture
    assert law is not None  # a mixture has one
    assert mixture is not None  # the caller has asked
    lower = x.x if x.lower is None else np.where(np.isnan(x.x), x.lower, x.x)
    upper = x.x if x.upper is None else np.where(np.isnan(x.x), x.upper, x.x)
    look = law.left_out if kind == "ordinary" else law.predicted
    bounds = (bound, _with_bounds(bound, upper=upper), _with_bounds(bound, lower=lower))
    each = zip(*(in_blocks(one.emissions, parameters, one) for one in bounds), strict=True)
    found: list[np.ndarray] = []
    for block in each:
        for tables in zip(*block, strict=True):
            values = {name: value[len(found)] for name, value in parameters.items()}
            weights = look(np, values, tables[0], x.rows)
            found.append(np.stack([logsumexp(weights + table, axis=1) for table in tables]))
    # averaged over draws
    exact, until, onward = logsumexp(found, axis=0) - np.log(len(found))
    until, onward = np.minimum(until, 0.0), np.minimum(onward, 0.0)
    is_known, before, after = ~np.isnan(x.x), _rest(onward), _rest(until)
    if bound.sites.observed_is_discrete:
        # where a tail is small, P(X > x) = P(X >= x) - p(x) has digits that 1 - P(X <= x) has not
        before = np.where(is_known & (onward > HALF), _less(until, exact), before)
        after = np.where(is_known & (until > HALF), _less(onward, exact), after)
    else:
        before, after = np.where(is_known, until, before), np.where(is_known, onward, after)
        # a value that has a probability beside densities has an interval
        is_point = is_known & (x.x == parts_of(mixture.family).point)
        before = np.where(is_point, _less(until, exact), before)
        onward = np.where(is_point, np.logaddexp(onward, exact), onward)
    return np.stack([before, until]), np.stack([onward, after])


def _with_bounds(bound: Bound, **bounds: np.ndarray) -> Bound:
    """The problem of rows of which bounds alone are known: their emissions are distribution functions."""
    x = bound.x
    of_rows = {name: getattr(x, name) for name in OF_ROWS if name not in (*BOUNDS, "row_weights")}
    known = Observations(
        np.full(len(x), np.nan), x.feature_names, "allow", group=x.names_of_groups, **of_rows, **bounds
    )
    return bound.on(known)


def _rest(log_p: np.ndarray) -> np.ndarray:
    """log(1 - p)."""
    with np.errstate(divide="ignore"):
        return np.where(log_p > HALF, np.log(-np.expm1(log_p)), np.log1p(-np.exp(log_p)))


def _less(log_p: np.ndarray, log_q: np.ndarray) -> np.ndarray:
    """log(p - q), p >= q; that of 0 where they differ by rounding alone."""
    share = -np.expm1(np.minimum(log_q - log_p, 0.0))
    with np.errstate(divide="ignore"):
        return log_p + np.log(np.where(share > ROUNDING, share, 0.0))


def _quantile(log_below: np.ndarray, log_above: np.ndarray) -> np.ndarray:
    """The standard normal's quantile, from the smaller of the two tails, which has the digits."""
    return np.where(log_below < log_above, ndtri_exp(log_below), -ndtri_exp(log_above))
