"""Pictures of a posterior: two components' parameters against each other, and traces by component.

Both take the draws as sampled or relabelled (`group`), so that the two can stand side by side.
"""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm

from inference.plots.axes import check_pair, entitle, given_or_new, legend_beside
from inference.plots.draws import central, component_draws, label_of, labelling_of, looks_in
from inference.plots.palette import DATA, DENSITY

FEWEST_BINS, MOST_BINS = 20, 80


def plot_location_pair(
    posterior: xr.DataTree,
    ax: Axes | None = None,
    *,
    site: str = "loc",
    components: tuple[int, int] = (0, 1),
    feature: int = 0,
    group: str = "posterior",
) -> Axes:
    """The joint posterior of two components' locations, as a density.

    The posterior is the same under every labelling, so that as sampled every mode has a mirror image across the diagonal (dashed), if the
    chains found both. The axes hold the central 99 % of all components; colours follow the square root of the density, so that a minor
    mode stays visible.

    Args:
        posterior: draws, relabelled or not.
        ax: where to draw; None makes a figure.
        site: the variable.
        components: which two.
        feature: which of the site's columns, if it has several.
        group: `"posterior"`, or `"posterior_raw"` for the draws as sampled of a tree that is relabelled.

    Returns:
        The axes.

    Raises:
        ChoiceError: no such group or site.
        DataError: a site that the components share.
    """
    draws = component_draws(posterior, site, feature, group)
    one, other = check_pair("components", components, draws.shape[2])
    ax = given_or_new(ax, (5.5, 4.6))
    pairs = draws.reshape(-1, draws.shape[2])[:, [one, other]]
    limits = central(draws)  # of all components, so that the axes are the same before and after relabelling
    bins = int(np.clip(np.sqrt(len(pairs)), FEWEST_BINS, MOST_BINS))
    *_, image = ax.hist2d(
        pairs[:, 0], pairs[:, 1], bins=bins, range=(limits, limits), density=True, cmap=DENSITY,
        norm=PowerNorm(0.5, vmin=0), rasterized=True,
    )  # fmt: skip
    ax.axline((limits[0], limits[0]), slope=1, color=DATA, linewidth=0.8, linestyle="--")
    ax.set(
        xlabel=label_of(posterior, site, feature, one),
        ylabel=label_of(posterior, site, feature, other),
        aspect="equal",
    )
    entitle(ax, labelling_of(posterior, group))
    ax.figure.colorbar(image, ax=ax, label="posterior density")
    return ax


def plot_traces(
    posterior: xr.DataTree,
    ax: Axes | None = None,
    *,
    site: str = "loc",
    feature: int = 0,
    group: str = "posterior",
) -> Axes:
    """The trace of one site, one colour for each component, chain after chain; its central 99 %.

    Args:
        posterior: draws, relabelled or not.
        ax: where to draw; None makes a figure.
        site: the variable.
        feature: which of its columns, if it has several.
        group: `"posterior"`, or `"posterior_raw"` for the draws as sampled of a tree that is relabelled.

    Returns:
        The axes.

    Raises:
        ChoiceError: no such group or site.
        DataError: a site that the components share.
    """
    draws = component_draws(posterior, site, feature, group)
    ax = given_or_new(ax, (8.0, 3.0))
    chains, length, components = draws.shape
    for component, look in enumerate(looks_in(posterior, components)):
        for chain in range(chains):
            steps = np.arange(length) + chain * length
            label = look.label if chain == 0 else None
            ax.plot(steps, draws[chain, :, component], color=look.colour, linewidth=0.7, label=label)
    for chain in range(1, chains):
        ax.axvline(chain * length, color=DATA, linewidth=0.9, linestyle=":")
    ax.set(
        xlabel="draw, one chain after the other" if chains > 1 else "draw",
        ylabel=label_of(posterior, site, feature),
        xlim=(0, chains * length),
        ylim=central(draws),
    )
    entitle(ax, labelling_of(posterior, group))
    for line in legend_beside(ax).get_lines():
        line.set_linewidth(2.0)
    return ax
