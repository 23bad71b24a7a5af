"""Standard errors of a point fit: from the curvature of what it maximised, from scores, or from both, which holds under a wrong model too."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import ndtri

from inference.checks import check_choice, check_share
from inference.html import InNotebooks
from inference.parameter_table import number, plain
from inference.point.constraints import Equal
from inference.results import PointFit
from inference.uncertainty.clusters import clusters_of, meat_of
from inference.uncertainty.information import Information
from inference.uncertainty.optimum import Optimum
from inference.uncertainty.readable import Numbers, numbers_at
from inference.uncertainty.scales import interval
from inference.uncertainty.units import Units, units_at
from mixtures import Observations
from mixtures.errors import ModelError

WORDS = {
    "information": "by the observed information",
    "sandwich": "by the sandwich of observed information and scores",
    "opg": "by the outer product of scores",
}


@dataclass(frozen=True, eq=False, repr=False)
class StandardErrors(InNotebooks):
    """How sure a point fit is of its numbers.

    Args:
        table: a line for each number, (parameter, component) as its index: estimate, standard_error, lower, upper. NaN where there is none,
            of which `findings` say why.
        covariance: of all numbers, under the same names; NaN likewise.
        method: `"information"`, `"sandwich"` or `"opg"`.
        level: of the intervals.
        findings: what a reader should know, sentences.
        backend: the backend that ran.
    """

    table: pd.DataFrame
    covariance: pd.DataFrame
    method: str
    level: float
    findings: tuple[str, ...]
    backend: str

    def to_frame(self) -> pd.DataFrame:
        """The table."""
        return self.table

    def __str__(self) -> str:
        shown = self.table.map(number)
        shown.columns = pd.Index(["estimate", "std. error", f"{self.level:.0%} from", "to"])
        title = f"Standard errors {WORDS[self.method]}:"
        return "\n".join(
            [title, "", plain(shown.reset_index(), index=False), *(["", *self.findings] if self.findings else [])]
        )


def standard_errors(
    fit: PointFit,
    x: Any,
    *,
    method: Literal["information", "sandwich", "opg"] = "information",
    clusters: Any = None,
    level: float = 0.95,
    fixed: Iterable[str] | None = None,
    equal: Equal | None = None,
) -> StandardErrors:
    """Standard errors, intervals and the covariance of a fit's numbers, as if they were normal about the fit.

    Of a fit that maximised the likelihood they are those of maximum likelihood; of one that maximised the posterior density the
    posterior's standard deviations, by Laplace's approximation. Components that overlap much, or have few rows, are not normal at such
    sample sizes: `bootstrap` and `profile` do not suppose it (Basford, Greenway, McLachlan & Peel 1997).

    Correlations are given in place of Cholesky factors; intervals of numbers with ends (weights, scales, correlations) are symmetric on
    their logit, log or Fisher's z, and stay within the ends.

    A parameter at an end of its values, such as a probability of 0, has no standard error (NaN) and is held there for the others; what the
    data do not tell has none either; `findings` name both. Coefficients of gating sum to zero over components, as in the fit.

    Args:
        fit: a point fit at rest at a maximum.
        x: the data that it was fitted to, with their labels and row weights.
        method: `"information"`: the inverse A^-1 of minus the second derivatives. `"sandwich"`: A^-1 B A^-1 with B the sum of s_g s_g', scores
            of what is independent (rows; groups whose rows hang together; series of a chain), which holds too where the model is not
            the truth. `"opg"`: B^-1.
        clusters: for the sandwich, a number or name for each row, shape (rows,): rows of one cluster may depend on each other. None:
            `x.group`, where there is one, else units by themselves. Row weights count rows; of weights that say how rows were sampled,
            give each row a cluster of its own.
        level: of the intervals.
        fixed: the sites that were known, as in `fit_em(fixed=...)`: their names, or the mapping itself, as in `fit_mle(fixed=...)` with NaN for
            what was free. What was known has no error (NaN).
        equal: what components shared, as in `fit_mle(equal=...)`.

    Returns:
        A `StandardErrors`.

    Raises:
        FitError: the fit is unsound, or not at rest.
        DataError: other data than the fit's; bad clusters.
        ModelError, ChoiceError: bad arguments; scores of a program whose rows have none, or of one series, group or cluster alone.

    Source: Louis (1982) for mixtures; Huber (1967), White (1982), Econometrica 50, equation 3.2, for the sandwich; Liang & Zeger (1986) for
        clusters; Berndt, Hall, Hall & Hausman (1974) for the outer product.

    Example:
        >>> from inference import fit_em
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 2.0, 3.0]
        >>> errors = standard_errors(fit_em(gaussian_mixture(1), x, restarts=1, seed=0), x)
        >>> errors.table.loc[("loc", 0)].round(4).tolist()
        [1.5, 0.559, 0.4043, 2.5957]
    """
    check_choice("method", method, WORDS)
    level, optimum = check_share("level", level), Optimum.of(fit, x, fixed, equal)
    bound = optimum.bound
    units = None if method == "information" else units_at(bound, optimum.u)
    cluster = _checked_clusters(clusters, bound.x, units, method)
    few = "" if units is None else _few(_independent(units, cluster, method), bound.sites.free_parameters, method)
    information = optimum.information(units.information() if units is not None and method == "opg" else None)
    covariance = information.root @ information.root.T
    if units is not None and method == "sandwich":
        covariance = information.sandwich(meat_of(units, cluster))
    numbers = numbers_at(fit, bound, optimum.u)
    is_lost, findings = _lost(information, numbers)
    findings += [few] if few else []
    if cluster is not None:
        findings.append(f"Rows of one cluster may depend on each other: there are {cluster.max() + 1} clusters.")
    if optimum.is_posterior:
        findings.insert(
            0, "Of the posterior density, prior and data together: standard deviations by Laplace's approximation."
        )
    return StandardErrors(*_tables(numbers, covariance, is_lost, level), method, level, tuple(findings), fit.backend)


def _tables(
    numbers: Numbers, covariance: np.ndarray, is_lost: np.ndarray, level: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of numbers, and their covariance, by the delta method."""
    # Cov(t) = T V T', T = dt / du
    slopes = np.where(is_lost[:, None], np.nan, numbers.slopes)
    of_numbers = slopes @ covariance @ slopes.T
    error = np.sqrt(np.diag(of_numbers))
    ends = interval(numbers.values, error, numbers.supports, float(ndtri((1 + level) / 2)))
    columns = {"estimate": numbers.values, "standard_error": error, "lower": ends[0], "upper": ends[1]}
    named = pd.DataFrame(of_numbers, index=numbers.names, columns=numbers.names)
    return pd.DataFrame(columns, index=numbers.names), named


def _lost(information: Information, numbers: Numbers) -> tuple[np.ndarray, list[str]]:
    """Which numbers have no standard error, and why not."""
    if not information.is_curved:
        said = (
            "The density is not curved downwards in every direction at the fit, which is no maximum of it: there are no "
            "standard errors. Fit again with more restarts."
        )
        return np.ones(len(numbers.values), dtype=bool), [said]
    slopes = numbers.on_line
    at_ends, not_told = information.at_ends(slopes), information.not_told(slopes)
    findings = []
    if at_ends.any():
        findings.append(
            f"At an end of their values, held there and without a standard error: {numbers.called(at_ends)}."
        )
    if not_told.any():
        findings.append(
            f"The information is singular: the data do not tell these by themselves, which have no standard error: {numbers.called(not_told)}."
        )
    return at_ends | not_told | information.constant(slopes), findings


def _independent(units: Units, cluster: np.ndarray | None, method: str) -> int:
    """How many scores there are; that of one unit alone is zero at a maximum, whatever the data.

    Raises:
        ModelError: one alone.
    """
    count = len(units.times) if cluster is None else int(cluster.max()) + 1
    if count < 2:
        raise ModelError(
            "method",
            got=f"{method!r}, and one {units.unit if cluster is None else 'cluster'}",
            expected="several that are independent, whose scores vary",
            advice='Ask for method="information".',
        )
    return count


def _few(count: int, free: int, method: str) -> str:
    """What to know of a sum of so many outer products, where it has not the rank of all parameters."""
    if count > free:
        return ""
    return (
        f"{count} independent scores cannot tell {free} parameters: standard errors by {method!r} are too small, or there are none. "
        'Ask for method="information".'
    )


def _checked_clusters(given: Any, x: Observations, units: Units | None, method: str) -> np.ndarray | None:
    if units is not None and method == "sandwich":
        return clusters_of(given, x, units)
    if given is not None:
        raise ModelError(
            "clusters", got=f"clusters, and method={method!r}", expected="method='sandwich', which asks for them"
        )
    return None
