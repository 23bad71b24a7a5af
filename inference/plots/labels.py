"""Pictures of labels: draws before and after relabelling, mirrored modes, components as a point process, agreement.

They take results and return Axes; the draws come from `relabel`, the agreement from `diagnose_labels`.
"""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

from mixtures.errors import DataError

MOST_POINTS = 20_000
"""Points a scatter shows at most: more of them only cover one another."""


def plot_label_traces(posterior: xr.DataTree, site: str = "loc", feature: int = 0) -> np.ndarray:
    """Traces and densities of one site, before relabelling and after, coloured by component; its central 99 %.

    Args:
        posterior: what `relabel` returned.
        site: the variable.
        feature: which of its columns, if it has several.

    Returns:
        The Axes, (before and after, trace and density).

    Raises:
        DataError: the posterior has not been relabelled.
    """
    figure, axes = plt.subplots(
        2, 2, figsize=(9, 5), sharex="col", sharey="all", width_ratios=(3, 1), layout="constrained"
    )
    limits = _limits(_columns(posterior, "posterior", site, feature))
    for row, group, title in ((axes[0], "posterior_raw", "as sampled"), (axes[1], "posterior", "relabelled")):
        draws = _columns(posterior, group, site, feature)
        flat = draws.reshape(-1, draws.shape[2])
        for component, values in enumerate(flat.T):
            row[0].plot(values, ".", markersize=2, color=f"C{component}", rasterized=True)
            row[1].hist(
                values, bins=100, range=limits, density=True, orientation="horizontal", histtype="stepfilled",
                facecolor=to_rgba(f"C{component}", 0.25), edgecolor=f"C{component}",
            )  # fmt: skip
        for chain in range(1, len(draws)):
            row[0].axvline(chain * draws.shape[1], color="0.6", linewidth=0.8)
        row[0].set(ylabel=f"{site}, {title}", xlim=(0, len(flat)), ylim=limits)
    axes[1, 0].set_xlabel("draw, one chain after the other")
    axes[1, 1].set_xlabel("density")
    _legend(figure, flat.shape[1])
    return axes


def plot_mirrored_modes(
    posterior: xr.DataTree,
    site: str = "loc",
    components: tuple[int, int] = (0, 1),
    feature: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """The joint draws of two components' parameters: mirrored at the diagonal as sampled, one mode once relabelled.

    Args:
        posterior: what `relabel` returned.
        site: the variable.
        components: which two.
        feature: which of the site's columns, if it has several.
        ax: where to draw.

    Raises:
        DataError: the posterior has not been relabelled.
    """
    ax = ax or plt.subplots(figsize=(6.5, 5), layout="constrained")[1]
    for group, colour, label in (("posterior_raw", "0.6", "as sampled"), ("posterior", "C0", "relabelled")):
        draws = _columns(posterior, group, site, feature)
        pairs = _thinned(draws.reshape(-1, draws.shape[2])[:, list(components)])
        ax.plot(pairs[:, 0], pairs[:, 1], ".", markersize=3, alpha=0.5, color=colour, label=label, rasterized=True)
    ax.axline((pairs[0].mean(), pairs[0].mean()), slope=1, color="0.3", linewidth=0.8, linestyle="--")
    ax.set(xlabel=f"{site}[{components[0]}]", ylabel=f"{site}[{components[1]}]", aspect="equal", adjustable="datalim")
    ax.legend(frameon=False, markerscale=4, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def plot_point_process(
    posterior: xr.DataTree,
    x: str = "loc",
    y: str = "scale",
    x_feature: int = 0,
    y_feature: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """The components of all draws as points in the space of their parameters, coloured by label; the central 99 %.

    The cloud does not depend on the labels: as many clusters as it has, so many components can be told apart
    (Frühwirth-Schnatter 2006, section 3.7.1). The colours show how the labelling divides it.

    Args:
        posterior: draws, relabelled or not.
        x: the variable across.
        y: the variable upwards.
        x_feature: which of its columns, if it has several.
        y_feature: the same of y.
        ax: where to draw.
    """
    ax = ax or plt.subplots(figsize=(6, 4.5), layout="constrained")[1]
    across, up = _columns(posterior, "posterior", x, x_feature), _columns(posterior, "posterior", y, y_feature)
    components = across.shape[2]
    points = _thinned(np.stack([across, up], axis=3).reshape(-1, components, 2), MOST_POINTS // components)
    for component in range(components):
        ax.plot(
            points[:, component, 0], points[:, component, 1], ".",
            markersize=3, alpha=0.4, color=f"C{component}", label=f"component {component}", rasterized=True,
        )  # fmt: skip
    ax.set(xlabel=x, ylabel=y, xlim=_limits(across), ylim=_limits(up))
    ax.legend(frameon=False, markerscale=4, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def plot_agreement(report, ax: Axes | None = None) -> Axes:
    """The share of draws that each pair of methods labels alike.

    Args:
        report: what `diagnose_labels` returned.
        ax: where to draw.
    """
    ax = ax or plt.subplots(figsize=(6, 5), layout="constrained")[1]
    shares, names = report.comparison.agreement.values, report.comparison.agreement["one"].values
    image = ax.imshow(shares, vmin=0, vmax=1, cmap="Blues")
    for (i, j), share in np.ndenumerate(shares):
        ax.text(j, i, f"{share:.1%}", ha="center", va="center", fontsize=8, color="white" if share > 0.6 else "black")
    ax.set_xticks(range(len(names)), names, rotation=40, ha="right")
    ax.set_yticks(range(len(names)), names)
    ax.figure.colorbar(image, ax=ax, label="share of draws labelled alike")
    return ax


def _columns(posterior: xr.DataTree, group: str, site: str, feature: int) -> np.ndarray:
    """One column of a site, (chain, draw, components)."""
    if group not in posterior.children:
        raise DataError(
            "posterior", got="draws as sampled", expected="relabelled draws", advice="Call relabel(posterior) first."
        )
    values = posterior[group].to_dataset()[site].transpose("chain", "draw", "components", ...).values
    return values.reshape(*values.shape[:3], -1)[..., feature]


def _thinned(points: np.ndarray, most: int = MOST_POINTS) -> np.ndarray:
    return points[:: -(-len(points) // most)]


def _limits(values: np.ndarray) -> tuple[float, float]:
    """Where the central 99 % lie, and a little more: one far draw should not press all others into a line."""
    low, high = np.quantile(values, [0.005, 0.995])
    margin = 0.1 * (high - low) or 1.0
    return float(low - margin), float(high + margin)


def _legend(figure, components: int) -> None:
    handles = [plt.Line2D([], [], marker="o", linestyle="", color=f"C{k}", label=str(k)) for k in range(components)]
    figure.legend(handles=handles, loc="outside right upper", title="component", frameon=False)
