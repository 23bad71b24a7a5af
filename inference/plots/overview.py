"""One page on a result: the data with the components, their shares, how sure rows are, the parameters."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure, FigureBase, SubFigure

from inference.assignment.classify import classify
from inference.assignment.density import has_moments, noise_of, program_in
from inference.assignment.responsibilities import checked_like, responsibilities
from inference.frames import components_of
from inference.plots.axes import legend_beside, new_figure
from inference.plots.categories import plot_categories
from inference.plots.certainty import draw_certainty
from inference.plots.chains import draw_path, draw_transition
from inference.plots.density import MOST_COLUMNS, plot_columns, plot_density
from inference.plots.intervals import draw_site, family_sites, plot_weights
from inference.plots.kinds import kinds_of, looks_of
from inference.plots.pairs import plot_ellipses, plot_pairs
from inference.plots.profiles import plot_profiles
from inference.plots.style import house_style
from inference.results import PointFit
from mixtures import Observations

MOST_SITES = 5
"""Sites whose parameters are shown."""

MOST_PAIRS = 5
"""Columns up to which every pair of them has a panel on the page."""

LINES = 18
"""Lines of a site's forest on the page."""


def overview(fit: PointFit | xr.DataTree, x: Any) -> Figure:
    """One page that answers: what do the components look like, how large are they, how sure are rows, what are the parameters?

    Every family has its picture: see `plot_density`, `plot_ellipses`, `plot_pairs`, `plot_columns`, `plot_categories`, `plot_profiles`, and
    `plot_path` for a hidden Markov chain of one variable. Of a posterior the page has intervals, that hold 89 % of the draws; relabel first.

    Args:
        fit: a point fit, or draws, of a program with one assignment a row.
        x: the data.

    Returns:
        The figure.

    Raises:
        DataError: other columns than the fit's.
        ModelError: neither a point fit nor draws.
    """
    observations = checked_like(fit, x)
    is_map = set(kinds_of(fit, observations)) <= {"category", "share"} and observations.features is not None
    # of a fit, a map of probabilities says all that its sites do
    sites = [] if is_map and isinstance(fit, PointFit) else list(family_sites(fit).items())[:MOST_SITES]
    page = new_figure((12.0, 8.6), pad=0.08)
    lines = max((drawn.lines for _, drawn in sites), default=0)
    heights = (1.7, min(1.0, 0.35 + 0.07 * lines))
    parts = page.subfigures(2 if sites else 1, 1, height_ratios=heights[: 2 if sites else 1], squeeze=False)[:, 0]
    left, right = parts[0].subfigures(1, 2, width_ratios=(1.9, 1.0))
    with house_style():
        page.suptitle(_title(fit, observations), x=0.01, ha="left")
        _draw_data(left, fit, observations)
        _draw_rows(right, fit, observations)
        axes = parts[-1].subplots(1, len(sites), squeeze=False)[0] if sites else ()
        for ax, (name, drawn) in zip(axes, sites, strict=True):
            draw_site(ax, name, drawn, noise_of(program_in(fit)), LINES, components_of(fit))
        _legend(page, left)
    return page


def _legend(page: Figure, part: SubFigure) -> None:
    """One legend for the whole page, in the place of those of its pictures."""
    found: dict[str, Any] = {}
    for ax in part.axes:
        for legend in filter(None, [ax.get_legend(), *part.legends]):
            texts = [text.get_text() for text in legend.get_texts()]
            found |= dict(zip(texts, legend.legend_handles, strict=True))
            legend.remove()
    if found:
        page.legend(found.values(), found.keys(), loc="outside lower left", ncols=min(len(found), 8), frameon=False)


def _draw_data(part: FigureBase, fit: Any, x: Observations) -> None:
    """The picture of the data, by the kind of their columns."""
    kinds, program = kinds_of(fit, x), program_in(fit)
    count = x.features or 1
    is_chain = program.mixture is not None and program.mixture.assignment.unit == "sequence"
    if x.features is None and is_chain:
        path = classify(fit, x) if isinstance(fit, PointFit) else responsibilities(fit, x).argmax(axis=1)
        above, below = part.subplots(2, 1)
        draw_path(above, x, path, components_of(fit))
        legend_beside(above)
        plot_density(fit, x, below)
    elif x.features is None:
        plot_density(fit, x, part.subplots())
    elif program.mixture is None:  # nothing is known of its columns one by one
        plot_profiles(fit, x, part.subplots())
    elif set(kinds) in ({"category"}, {"share"}):
        plot_categories(fit, x, part.subplots())
    elif count == 2 and has_moments(program):
        plot_ellipses(fit, x, part.subplots(), classes=responsibilities(fit, x).argmax(axis=1))
    elif set(kinds) == {"measurement"} and 1 < count <= MOST_PAIRS:
        plot_pairs(fit, x, part)
    elif count <= MOST_COLUMNS and set(kinds) != {"measurement"}:
        plot_columns(fit, x, part)
    else:
        plot_profiles(fit, x, part.subplots())


def _draw_rows(part: FigureBase, fit: Any, x: Observations) -> None:
    """The components' shares, how sure rows are, and of a chain how states follow one another."""
    transition = _transition(fit)
    axes = part.subplots(
        2 if transition is None else 3, 1, height_ratios=(1.0, 1.4, 1.4)[: 2 if transition is None else 3]
    )
    plot_weights(fit, x, axes[0])
    draw_certainty(axes[1], fit, x, looks_of(fit, x))
    if transition is not None:
        draw_transition(axes[2], transition, components_of(fit) or range(len(transition)))


def _transition(fit: Any) -> np.ndarray | None:
    if isinstance(fit, PointFit):
        return fit.parameters.get("transition")
    group = fit["posterior"].to_dataset()
    return group["transition"].mean(("chain", "draw")).values if "transition" in group else None


def _title(fit: Any, x: Observations) -> str:
    mixture = program_in(fit).mixture
    what = "A program" if mixture is None else f"{mixture.assignment.title} of {mixture.components} components"
    size = f"{len(x):,} rows" if x.features is None else f"{len(x):,} rows of {x.features} columns"
    if isinstance(fit, PointFit):
        return f"{what}; {size}; {fit.status.word}"
    sizes = fit["posterior"].sizes
    return f"{what}; {size}; {sizes['chain']} chain{'s' if sizes['chain'] > 1 else ''} of {sizes['draw']} draws"
