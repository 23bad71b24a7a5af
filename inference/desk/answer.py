"""What was found, and whether it can be trusted, in two paragraphs: what a report begins with."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from inference.assignment.responsibilities import probabilities
from inference.axis_names import names_along
from inference.frames import components_of
from inference.interval import INTERVAL, tails
from inference.labels.diagnose import diagnose_labels
from inference.parameter_table import heading
from inference.plots.kinds import Kind, kinds_of
from inference.point.restarts import best_restart
from inference.posterior.warnings import check_posterior
from inference.results import SURE, PointFit
from mixtures import Observations
from mixtures.among import COVARIATES
from mixtures.categories import Names

MOST_COLUMNS = 3
"""How many columns a sentence names: those in which the components differ most."""
MOST_COMPONENTS = 6
OF_LINE = {
    **dict.fromkeys(("poisson", "negative_binomial", "gamma"), "log mean "),
    **dict.fromkeys(("bernoulli", "binomial", "ordinal"), "log odds "),
}
"""What a line says of a response, by the kind of the regression, where that is not its mean."""

COUNTED = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Answer:
    """What a reader wants to know first.

    Args:
        found: what was found, in sentences.
        trust: whether it can be trusted, and why, in a sentence or two.
        is_sound: whether nothing speaks against it.
    """

    found: str
    trust: str
    is_sound: bool

    def __str__(self) -> str:
        return f"{self.found}\n{self.trust}"


def answer(fit: PointFit, x: Observations, posterior: xr.DataTree | None = None) -> Answer:
    """The answer of a fit, or of a fit and relabelled draws.

    Args:
        fit: a point fit.
        x: the data.
        posterior: draws under one labelling, or None.
    """
    table = np.asarray(probabilities(fit if posterior is None else posterior, x))
    trust, is_sound = _trust_of_fit(fit) if posterior is None else _trust_of_draws(posterior, fit)
    return Answer(f"{_found(fit, x, table, posterior)} {_sure(table)}", trust, is_sound)


def _found(fit: PointFit, x: Observations, table: np.ndarray, posterior: xr.DataTree | None) -> str:
    names = components_of(fit)
    count = COUNTED[len(names)] if len(names) < len(COUNTED) else str(len(names))
    head = (
        f"{count.capitalize()} component{'s' if len(names) != 1 else ''} in {len(x):,} row{'s' if len(x) != 1 else ''}"
    )
    order = np.argsort(-table.sum(axis=0))[:MOST_COMPONENTS]
    kinds = kinds_of(fit, x)
    parts = [
        f"{heading(names[k])} with {table[:, k].mean():.0%} of the rows{_share(posterior, k)}"
        f"{_columns(x, kinds, table, k)}{_slopes(fit, posterior, x, k)}"
        for k in order
    ]
    left = len(names) - len(parts)
    return f"{head}: {'; '.join(parts)}{f'; and {left} smaller ones' if left else ''}."


def _columns(x: Observations, kinds: list[Kind], table: np.ndarray, component: int) -> str:
    """What a component's rows look like in the columns that tell components apart."""
    weights = table[:, component]
    if weights.sum() < 1:
        return ""
    values = x.x.reshape(len(x), -1)
    names = x.feature_names or tuple(f"column {j}" if values.shape[1] > 1 else "x" for j in range(values.shape[1]))
    return ", around " + ", ".join(
        f"{names[j]} {_typical(kinds[j], values[:, j], weights, x.categories and x.categories[j])}"
        for j in _telling(values, table)
    )


def _typical(kind: Kind, values: np.ndarray, weights: np.ndarray, categories: Names | None = None) -> str:
    """The mean of a column, over the cells that were observed; of categories the most frequent one, of angles their direction."""
    is_seen = ~np.isnan(values)
    values, weights = values[is_seen], weights[is_seen]
    if kind == "category":
        found, place = np.unique(values, return_inverse=True)
        shares = np.bincount(place, weights) / weights.sum()
        value = found[shares.argmax()]
        return f"{categories[int(value)] if categories else f'{value:g}'} ({shares.max():.0%})"
    if kind == "direction":
        return f"{np.angle(weights @ np.exp(1j * values)):.3g}"
    return f"{weights @ values / weights.sum():.3g}"


def _slopes(fit: PointFit, posterior: xr.DataTree | None, x: Observations, component: int) -> str:
    """By how much a response changes with each covariate, on the scale of its line, in a regression of one response."""
    dims = fit.dims.get("slope", ())
    if len(dims) != 2 or not dims[1].startswith(COVARIATES):
        return ""
    means = fit.parameters if posterior is None else posterior["posterior"].to_dataset().mean(["chain", "draw"])
    slopes = np.asarray(means["slope"])
    names = names_along(x, dims[1]) or tuple(f"covariate {j}" for j in range(slopes.shape[1]))
    changes = (f"{slope:+.3g} a unit of {name}" for name, slope in zip(names, slopes[component], strict=True))
    return f", {_of_line(fit)}{', '.join(list(changes)[:MOST_COLUMNS])}"


def _of_line(fit: PointFit) -> str:
    family: Any = None if fit.program.mixture is None else fit.program.mixture.family
    while hasattr(family, "family"):  # noise beside it, say
        family = family.family
    return OF_LINE.get(getattr(family, "kind", ""), "")


def _telling(values: np.ndarray, table: np.ndarray) -> np.ndarray:
    """The columns in which the components' means differ most, in units of the column's spread."""
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = _means(values, table).std(axis=0) / np.nanstd(values, axis=0)
    return np.sort(np.argsort(-np.nan_to_num(apart), kind="stable")[:MOST_COLUMNS])


def _means(values: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Each component's mean of each column, (components, columns), over the cells that were observed."""
    is_seen = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (table.T @ np.nan_to_num(values)) / (table.T @ is_seen)


def _share(posterior: xr.DataTree | None, component: int) -> str:
    """The interval of a weight, where there are draws of it."""
    draws = xr.Dataset() if posterior is None else posterior["posterior"].to_dataset()
    if "weights" not in draws:
        return ""
    weights = draws["weights"]
    if weights.dims[2:] != ("components",):
        return ""
    low, high = np.quantile(weights.values[..., component], tails())
    return f" ({INTERVAL:.0%} interval of the weight {low:.0%} to {high:.0%})"


def _sure(table: np.ndarray) -> str:
    sure = int((table.max(axis=1) > SURE).sum())
    return f"{sure:,} of {len(table):,} rows are assigned with a probability above {SURE:.0%}."


def _trust_of_fit(fit: PointFit) -> tuple[str, bool]:
    if not fit.status.is_sound:
        reason = f" {fit.reason}" if fit.reason else ""
        return f"Do not trust it: {fit.status.value}.{reason}", False
    more = f" Read with it: {fit.reason}." if fit.reason else ""
    return f"The fit converged{_of_starts(fit)}.{more}", True


def _of_starts(fit: PointFit) -> str:
    """How many starts came to the fit."""
    table = fit.restarts
    if len(table) == 1:
        return ", from one start only: more restarts would show whether there is a better optimum"
    best = table.at[best_restart(table), "objective"]
    same = int((table["optimum"] == 0).sum()) if "optimum" in table else int(np.isclose(table["objective"], best).sum())
    if same == 1:
        return f", but only 1 of {len(table)} starts came to it: more restarts may find a better one"
    return f", and {same} of {len(table)} starts came to it, none to a better one"


def _trust_of_draws(posterior: xr.DataTree, fit: PointFit) -> tuple[str, bool]:
    report, labels = check_posterior(posterior), diagnose_labels(posterior, reference_fit=fit)
    if report.is_sound and labels.verdict.is_readable:
        return f"Nothing was found that speaks against the draws. Labels: {labels.verdict.value}.", True
    reasons = [str(warning) for warning in report.warnings[:1]]
    if not labels.verdict.is_readable:
        reasons.append(f"labels: {labels.verdict.value}.")
    return f"Read it with care. {' '.join(reasons)}", False
