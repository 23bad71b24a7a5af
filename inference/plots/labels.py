"""Pictures of labels: draws before and after relabelling, mirrored modes, components as a point process, agreement.

They take results and return Axes; the draws come from `relabel`, the agreement from `diagnose_labels`.
"""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

from inference.checks import check_result
from inference.plots.axes import check_pair, entitle, given_or_new, legend_beside, new_figure
from inference.plots.draws import central, component_draws, label_of, labelling_of, looks_in
from inference.plots.palette import DATA, DENSITY, colour
from inference.plots.style import house_style
from mixtures.errors import DataError

if TYPE_CHECKING:  # the report is only read, and a picture of draws has no need of the methods behind it
    from inference.labels.report import LabelReport

MOST_POINTS = 20_000
"""Points a scatter shows at most: more of them only cover one another."""

BOTH = ("posterior_raw", "posterior")
"""Before, after."""


def plot_label_traces(posterior: xr.DataTree, *, site: str = "loc", feature: int = 0) -> np.ndarray:
    """Traces and densities of one site, before relabelling and after, coloured by component; its central 99 %.

    Args:
        posterior: what `relabel` returned.
        site: the variable.
        feature: which of its columns, if it has several.

    Returns:
        The Axes, (before and after, trace and density).

    Raises:
        ChoiceError: no such site.
        DataError: the posterior has not been relabelled, or a site that the components share.
    """
    before, after = (_draws(posterior, site, feature, group) for group in BOTH)
    with house_style():
        axes = new_figure((9.0, 5.0)).subplots(2, 2, sharex="col", sharey="all", width_ratios=(3, 1))
    limits = central(after)
    for (trace, density), draws, group in zip(axes, (before, after), BOTH, strict=True):
        _points_in_order(trace, draws)
        for look, values in zip(looks_in(posterior, draws.shape[2]), _flat(draws).T, strict=True):
            density.hist(
                values, bins=100, range=limits, density=True, orientation="horizontal", histtype="stepfilled",
                facecolor=to_rgba(look.colour, 0.25), edgecolor=look.colour, label=look.label,
            )  # fmt: skip
        trace.set(ylabel=label_of(posterior, site, feature), ylim=limits)
        entitle(trace, labelling_of(posterior, group))
    axes[1, 0].set_xlabel("draw, one chain after the other" if len(after) > 1 else "draw")
    axes[1, 1].set_xlabel("density")
    legend_beside(axes[0, 1])
    return axes


def plot_mirrored_modes(
    posterior: xr.DataTree,
    ax: Axes | None = None,
    *,
    site: str = "loc",
    components: tuple[int, int] = (0, 1),
    feature: int = 0,
) -> Axes:
    """The joint draws of two components' parameters: mirrored at the diagonal as sampled, one mode once relabelled.

    The central 99 % is shown. As sampled, the pairs of all other components are seen as well if labels switch.

    Args:
        posterior: what `relabel` returned.
        ax: where to draw; None makes a figure.
        site: the variable.
        components: which two.
        feature: which of the site's columns, if it has several.

    Returns:
        The axes.

    Raises:
        ChoiceError: no such site.
        DataError: the posterior has not been relabelled, or a site that the components share.
    """
    draws = {group: _draws(posterior, site, feature, group) for group in BOTH}
    chosen = check_pair("components", components, draws["posterior"].shape[2])
    ax = given_or_new(ax, (6.5, 5.0))
    looks = ((DATA, 0.35), (colour(0), 0.5))
    pairs = [_flat(draws[group])[:, chosen] for group in BOTH]
    for points, group, (shade, alpha) in zip(pairs, BOTH, looks, strict=True):
        shown = _thinned(points)
        ax.plot(
            shown[:, 0], shown[:, 1], ".", markersize=3, markeredgewidth=0, alpha=alpha, color=shade,
            label=labelling_of(posterior, group), rasterized=True,
        )  # fmt: skip
    limits = central(np.concatenate(pairs))
    ax.axline((limits[0], limits[0]), slope=1, color=DATA, linewidth=0.8, linestyle="--")
    names = (label_of(posterior, site, feature, component) for component in chosen)
    ax.set(xlim=limits, ylim=limits, aspect="equal", **dict(zip(("xlabel", "ylabel"), names, strict=True)))
    _opaque(legend_beside(ax))
    return ax


def plot_point_process(
    posterior: xr.DataTree,
    ax: Axes | None = None,
    *,
    x: str = "loc",
    y: str = "scale",
    x_feature: int = 0,
    y_feature: int = 0,
    group: str = "posterior",
) -> Axes:
    """The components of all draws as points in the space of their parameters, coloured by label; the central 99 %.

    The cloud does not depend on the labels: the number of its clusters is the number of components that can be told apart
    (Frühwirth-Schnatter 2006, section 3.7.1). The colours show how the labelling divides it.

    Args:
        posterior: draws, relabelled or not.
        ax: where to draw; None makes a figure.
        x: the variable across.
        y: the variable upwards.
        x_feature: which of its columns, if it has several.
        y_feature: the same of y.
        group: `"posterior"`, or `"posterior_raw"` for the draws as sampled of a tree that is relabelled.

    Returns:
        The axes.

    Raises:
        ChoiceError: no such group or site.
        DataError: a site that the components share.
    """
    across, up = (component_draws(posterior, *one, group) for one in ((x, x_feature), (y, y_feature)))
    ax = given_or_new(ax, (6.5, 4.5))
    components = across.shape[2]
    points = _thinned(np.stack([_flat(across), _flat(up)], axis=2), MOST_POINTS // components)
    for component, look in enumerate(looks_in(posterior, components)):
        ax.plot(
            *points[:, component].T, ".", markersize=3, markeredgewidth=0, alpha=0.5, color=look.colour,
            label=look.label, rasterized=True,
        )  # fmt: skip
    ax.set(
        xlabel=label_of(posterior, x, x_feature), ylabel=label_of(posterior, y, y_feature),
        xlim=central(across), ylim=central(up),
    )  # fmt: skip
    entitle(ax, labelling_of(posterior, group))
    _opaque(legend_beside(ax))
    return ax


def plot_agreement(report: "LabelReport", ax: Axes | None = None) -> Axes:
    """The share of draws that each pair of methods labels alike.

    Args:
        report: what `diagnose_labels` returned.
        ax: where to draw; None makes a figure.

    Returns:
        The axes.

    Raises:
        ModelError: not a `LabelReport`.
    """
    check_result("report", report, "comparison", "LabelReport", "diagnose_labels")
    ax = given_or_new(ax, (7.0, 5.2))
    shares, names = report.comparison.agreement.values, report.comparison.agreement["one"].values
    image = ax.imshow(shares, vmin=0, vmax=1, cmap=DENSITY)
    for (i, j), share in np.ndenumerate(shares):
        ax.text(j, i, f"{share:.1%}", ha="center", va="center", fontsize=8, color="white" if share > 0.6 else "black")
    ax.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(names)), names)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.figure.colorbar(image, ax=ax, label="share of draws labelled alike")
    return ax


def _draws(posterior: xr.DataTree, site: str, feature: int, group: str) -> np.ndarray:
    """One column of a site, (chain, draw, components), of a tree that has a before and an after."""
    check_result("posterior", posterior, "children", "tree of draws", "relabel")
    if "posterior_raw" not in posterior.children:
        raise DataError(
            "posterior", got="draws as sampled", expected="relabelled draws", advice="Call relabel(posterior) first."
        )
    return component_draws(posterior, site, feature, group)


def _points_in_order(ax: Axes, draws: np.ndarray) -> None:
    """Draws as dots, for lines between modes would hide them; chain after chain."""
    for component, values in enumerate(_flat(draws).T):
        ax.plot(values, ".", markersize=2, markeredgewidth=0, color=colour(component), rasterized=True)
    for chain in range(1, len(draws)):
        ax.axvline(chain * draws.shape[1], color=DATA, linewidth=0.9, linestyle=":")
    ax.set_xlim(0, draws.shape[0] * draws.shape[1])


def _flat(draws: np.ndarray) -> np.ndarray:
    return draws.reshape(-1, draws.shape[2])


def _thinned(points: np.ndarray, most: int = MOST_POINTS) -> np.ndarray:
    return points[:: -(-len(points) // most)]


def _opaque(legend) -> None:
    """Marks in a legend that can be seen."""
    for handle in legend.legend_handles:
        handle.set(alpha=1.0, markersize=7)
