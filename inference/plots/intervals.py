"""Parameters with their intervals, and the components' shares of the rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float
from matplotlib.axes import Axes

from inference.assignment.density import component_shares, noise_of, program_in
from inference.assignment.responsibilities import checked_like, responsibilities
from inference.axis_names import names_along, places
from inference.checks import check_choice
from inference.draws import program_of, whole
from inference.factor_names import shown_name
from inference.factors import readable
from inference.frames import components_of
from inference.interval import tails
from inference.plots.axes import given_or_new, legend_beside, shortened
from inference.plots.kinds import looks_of
from inference.plots.palette import WHOLE, looks
from inference.results import PointFit
from mixtures.errors import ModelError
from mixtures.families import PerComponent

HALF = 0.5
"""The share of draws within the thick line."""

MOST_LINES = 40
"""Lines of the forest: of a site with more columns the first are shown, and the axis says how many there are."""

FEW = 4
"""Components up to which values are written beside their marks, in up to three times as many lines."""

TOO_WIDE = 10.0
"""How many times as wide as a column's own values an axis may be; else each column has a scale of its own."""

MOST_SHARES = 12
"""Components up to which each share is written at its bar."""

ALL = 4_000
"""Draws that intervals are made of, at most."""


@dataclass(frozen=True)
class SiteDraws:
    """One site's draws, by component and column.

    Args:
        values: (draws, components, columns); one component of a site that they share.
        components: their numbers; None of a site that they share.
        columns: what each is called; one empty name where there is one number a component.
    """

    values: Float[np.ndarray, "draws components columns"]
    components: list[int] | None
    columns: list[str]

    @property
    def lines(self) -> int:
        """How many lines its forest has, all of its columns shown."""
        return len(self.columns) * len(self.components or [None])


def plot_intervals(fit: PointFit | xr.DataTree, ax: Axes | None = None, *, site: str | None = None) -> Axes:
    """The forest of one site: each component's values, column by column; a thick line holds 50 % of the draws, a thin one 89 %.

    Of a point fit the values alone are shown. Noise has no parameters and is left out.

    Args:
        fit: draws, relabelled where labels switch, or a point fit.
        ax: where to draw; None makes a figure.
        site: which parameter; None: the first of the family.

    Returns:
        The axes.

    Raises:
        ModelError: neither a point fit nor draws.
        ChoiceError: no such site.
    """
    sites = sites_of(fit)
    first = next(iter([*family_sites(fit), *sites]), None)  # the family's own come first
    chosen = check_choice("site", first if site is None else site, sites)
    drawn = sites[chosen]
    ax = given_or_new(ax, (5.5, 0.9 + 0.24 * min(drawn.lines, MOST_LINES)))
    draw_site(ax, chosen, drawn, noise_of(program_in(fit)), names=components_of(fit))
    if drawn.components is not None:
        legend_beside(ax)
    return ax


def plot_weights(fit: PointFit | xr.DataTree, x: Any, ax: Axes | None = None) -> Axes:
    """Each component's share of the rows, or of groups that share one component; of a posterior with the interval that holds 89 % of the draws.

    Of a hidden Markov chain these are shares in the long run, of weights that depend on covariates means over the rows. A program of one's
    own declares no weights: its rows' mean probabilities are shown.

    Args:
        fit: a point fit, or draws, of a program with one assignment a row.
        x: the data.
        ax: where to draw; None makes a figure.

    Returns:
        The axes.

    Raises:
        DataError: other columns than the fit's.
        ModelError: neither a point fit nor draws.
    """
    observations = checked_like(fit, x)
    known = looks_of(fit, observations)
    mixture = program_in(fit).mixture
    law = None if mixture is None else mixture.assignment
    is_of_groups = law is not None and law.shares_assignment and not law.needs_covariates  # else means over rows
    shares = component_shares(fit, observations) if law else responsibilities(fit, observations).mean(axis=0)[None]
    ax = given_or_new(ax, (5.0, 0.9 + 0.3 * len(known)))
    place, mean = np.arange(len(known)), shares.mean(axis=0)
    ax.barh(place, mean, 0.7, color=[f"{look.colour}B0" for look in known], linewidth=0)
    ends = mean
    if len(shares) > 1:
        low, ends = np.quantile(shares, tails(), axis=0)
        ax.hlines(place, low, ends, color=WHOLE, linewidth=1.2)
    for k, share in enumerate(mean) if len(mean) <= MOST_SHARES else ():
        ax.text(ends[k], k, f"  {share:.0%}", va="center", fontsize=ax.xaxis.label.get_fontsize())
    ax.set(
        xlabel=f"share of the {'groups' if is_of_groups else 'rows'}",
        ylabel="component",
        yticks=place[:: -(-len(place) // MOST_SHARES)],
        xlim=(0, 1.18 * max(ends)),
    )
    names = components_of(fit)
    if names and all(isinstance(name, str) for name in names):
        ax.set_yticks(place, [shortened(look.label) for look in known])
    ax.set_ylim(max(len(known), 3) - 0.5, -0.5)  # two components are no two walls
    ax.tick_params(axis="y", length=0)
    return ax


def draw_site(
    ax: Axes,
    site: str,
    drawn: SiteDraws,
    noise: frozenset[int] = frozenset(),
    most: int = MOST_LINES,
    names: Sequence[object] = (),
) -> None:
    """Draw the forest of one site; `names` are the components'."""
    numbers = drawn.components
    known = [0] if numbers is None else [place for place, k in enumerate(numbers) if k not in noise]
    shown = drawn.columns[: max(1, most // max(1, len(known)))]
    values = drawn.values[:, known, : len(shown)]
    places, is_own = _on_own_scales(values)
    has_numbers = (is_own or len(values) == 1) and len(known) <= FEW and values[0].size <= 3 * FEW
    for line, index in enumerate(known):
        look = None if numbers is None else looks(numbers[index] + 1, noise, names)[-1]
        shade, marker, label = (WHOLE, "o", None) if look is None else (look.colour, look.marker, look.label)
        at, y = places[:, line], np.arange(len(shown)) + 0.7 * ((line + 0.5) / len(known) - 0.5)
        if len(values) > 1:
            ax.hlines(y, *np.quantile(at, tails(), axis=0), color=shade, linewidth=1.0)
            ax.hlines(y, *np.quantile(at, tails(HALF), axis=0), color=shade, linewidth=2.8)
        middle = np.median(at, axis=0)
        ax.plot(middle, y, marker, color=shade, markersize=5, linestyle="", label=label)
        for place, height, value in zip(middle, y, np.median(values[:, line], axis=0), strict=True):
            if has_numbers:
                above = (0, 4) if len(values) > 1 else (6, 0)
                ax.annotate(
                    f"{value:.3g}", (place, height), above, textcoords="offset points", fontsize=7,
                    ha="center" if len(values) > 1 else "left", va="bottom" if len(values) > 1 else "center",
                )  # fmt: skip
    for border in range(len(shown) - 1):
        ax.axhline(border + 0.5, color="black", linewidth=0.3, alpha=0.4)
    more = f", first {len(shown)} of {len(drawn.columns)}" if len(shown) < len(drawn.columns) else ""
    own = ", each line on a scale of its own" if is_own else ""
    ax.set_yticks(range(len(shown)), map(shortened, shown))
    ax.set(xlabel=f"{site}{more}{own}", ylim=(len(shown) - 0.4, -0.6))
    ax.tick_params(axis="y", length=0)
    ax.ticklabel_format(axis="x", scilimits=(-3, 4), useOffset=False)
    ax.margins(x=0.2 if has_numbers else 0.08)
    if is_own:
        ax.set_xticks([])


def _on_own_scales(values: Float[np.ndarray, "draws components columns"]) -> tuple[np.ndarray, bool]:
    """Where values are drawn; whether each column has a scale of its own, since some would be points on that of others."""
    low, high = np.quantile(values, tails(), axis=0)
    low, high = low.min(axis=0), high.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    is_share = low.min() >= 0 and high.max() <= 1  # probabilities are of one scale
    is_own = len(span) > 1 and not is_share and bool((high.max() - low.min()) > TOO_WIDE * span.min())
    return ((values - low) / span, True) if is_own else (values, False)


def family_sites(fit: Any) -> dict[str, SiteDraws]:
    """The sites of the family, with at most one axis beside that of the components: matrices are no forest."""
    program = program_in(fit)
    law = () if program.mixture is None else program.mixture.assignment.sites
    return {name: drawn for name, drawn in sites_of(fit).items() if name not in law}


def sites_of(fit: Any) -> dict[str, SiteDraws]:
    """Every site's draws, by name; those with two axes or more beside that of the components are left out.

    Raises:
        ModelError: neither a point fit nor draws.
    """
    if isinstance(fit, xr.DataTree):
        known, tree = _numbered(program_of(fit)), readable(whole(fit))
        group = tree["posterior"].to_dataset()
        made = {name: _of_array(group[name]) for name in map(shown_name, tree.attrs["parameters"].split(","))}
    elif isinstance(fit, PointFit):
        known = _numbered(fit.program)
        made = {name: _of_values(fit, name, value) for name, value in fit.parameters.items()}
    else:
        raise ModelError("fit", got=type(fit).__name__, expected="a point fit, or a tree of draws")
    found = {name: drawn for name, drawn in made.items() if drawn is not None}
    for name, k in known.items():
        if name in found:
            found[name] = SiteDraws(found[name].values, [k], found[name].columns)
    return found


def _numbered(program: Any) -> dict[str, int]:
    """The component of each site of a family with a member for each component."""
    family = None if program.mixture is None else program.mixture.family
    if not isinstance(family, PerComponent):
        return {}
    return {shown_name(name): k for name, k in family.component_of.items()}


def _of_array(array: xr.DataArray) -> SiteDraws | None:
    inner = [dim for dim in array.dims if dim not in ("chain", "draw", "components")]
    if len(inner) > 1:
        return None
    has_components = "components" in array.dims
    order = ["chain", "draw", *(["components"] if has_components else []), *inner]
    values = array.transpose(*order).values
    values = values.reshape(
        -1, array.sizes["components"] if has_components else 1, array.sizes[inner[0]] if inner else 1
    )
    names = [""]
    if inner:
        names = _called(str(inner[0]), array[inner[0]].values.tolist())
    return SiteDraws(values[:: -(-len(values) // ALL)], list(range(values.shape[1])) if has_components else None, names)


def _of_values(fit: PointFit, name: str, value: np.ndarray) -> SiteDraws | None:
    axis = fit.component_axis.get(name)
    table = np.moveaxis(np.asarray(value), axis, 0) if axis is not None else np.asarray(value)[None]
    if table.ndim > 2:
        return None
    columns = table.shape[1] if table.ndim == 2 else 1
    names = [""]
    if table.ndim == 2:
        (dim,) = [dim for dim in fit.dims[name] if dim != "components"]
        names = _called(dim, (names_along(fit.origin, dim) and places(fit.origin, dim, columns)) or range(columns))
    values = table.reshape(1, len(table), columns)
    return SiteDraws(values, list(range(len(table))) if axis is not None else None, names)


def _called(dim: str, names: Sequence[object]) -> list[str]:
    """What the columns of a site are called along an axis; numbers have a word with them."""
    unnamed = {"features": "x[{}]", "covariates": "covariate {}"}.get(dim, "{}")
    return [name if isinstance(name, str) else unnamed.format(name) for name in names]
