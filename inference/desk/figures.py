"""The pictures of a run: which there are, what is drawn, and what to say of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from inference import plots
from inference.plots.intervals import family_sites
from inference.plots.kinds import kinds_of
from inference.results import PointFit
from inference.selection.components import Selection
from mixtures import Observations

MODEL = "model"
"""The name of the graph's files."""

MOST_PAIRS, LEAST_PROFILES = 8, 3
"""From so many, and up to so many columns, pictures of pairs are readable; profiles say something from the other number on."""

MOST_TRACED = 3
"""How many columns of a parameter are traced side by side."""

MOST_CHECKED = 4
"""How many columns a predictive check shows."""


@dataclass(frozen=True)
class Picture:
    """A picture to be made.

    Args:
        name: of its files.
        caption: what it shows, and how to read it.
        alternative: the text in its place, for who does not see it.
        make: makes the figure.
    """

    name: str
    caption: str
    alternative: str
    make: Callable[[], Figure]


def pictures_of_fit(fit: PointFit, x: Observations) -> Iterator[Picture]:
    """The pictures of a point fit."""
    yield Picture(
        "overview",
        "The fit on one page: the data by component, the weights, how surely rows are assigned, and the parameters.",
        "Four panels: data coloured by component, weights of the components, probabilities of the rows' assignments, parameters.",
        lambda: plots.overview(fit, x),
    )
    yield from _of_columns(fit, x)


def pictures_of_draws(posterior: xr.DataTree, x: Observations) -> Iterator[Picture]:
    """The pictures of relabelled draws."""
    yield Picture(
        "overview",
        "The posterior on one page: the data by component, the weights, how surely rows are assigned, and the parameters, with "
        "intervals that hold 89% of the draws.",
        "Four panels: data with the posterior's components, weights, certainty of assignments and parameters with intervals.",
        lambda: plots.overview(posterior, x),
    )
    yield from _of_columns(posterior, x)
    site = _site_of_components(posterior)
    if "posterior_raw" in posterior.children and site:
        yield Picture(
            "labels",
            "Draws of each component, by chain, before and after relabelling. Lines that cross or jump above are labels that switch; "
            "below, each component keeps to its place.",
            "Traces of the components' draws in every chain, raw above and relabelled below.",
            lambda: _traces(posterior, site),
        )
    yield Picture(
        "predictive",
        "A posterior predictive check: the data beside what the model would draw anew"
        f"{f', of the first {MOST_CHECKED} columns' if (x.features or 1) > MOST_CHECKED else ''}. "
        "Data outside of the band are not accounted for.",
        "The distribution of each column of the data over a band of distributions drawn from the posterior.",
        lambda: _predictive(posterior, x),
    )


def pictures_of_model(fit: PointFit) -> Iterator[Picture]:
    """The graph of the declaration; a program of a user's own has none."""
    if fit.program.mixture is not None:
        yield Picture(
            MODEL,
            "The model as a graph: grey is observed, dashed is summed out, a frame holds what there are many of.",
            f"Graph: {', '.join(fit.parameters)} and the assignments lead to the observations.",
            lambda: _single(lambda ax: plots.plot_model(fit, ax), (7.0, 3.6)),
        )


def picture_of_selection(selection: Selection) -> Picture:
    """The criterion over numbers of components."""
    return Picture(
        "selection",
        f"{selection.criterion.upper()} of every number of components; smaller is better, the circle marks the best.",
        "Lines of the criterion over the number of components.",
        lambda: _single(lambda ax: plots.plot_selection(selection, ax), (7.0, 4.0)),
    )


def _of_columns(result: PointFit | xr.DataTree, x: Observations) -> Iterator[Picture]:
    columns, kinds = x.features or 1, set(kinds_of(result, x))
    if kinds == {"category"}:
        yield Picture(
            "categories",
            "The probability of each category given each component, beside its share of the data.",
            "A map of probabilities, a line for each category and a column for each component.",
            lambda: _single(lambda ax: plots.plot_categories(result, x, ax), (7.0, 5.0)),
        )
    elif 2 < columns <= MOST_PAIRS and "share" not in kinds:
        yield Picture(
            "pairs",
            "Every pair of columns; on the diagonal the density of each column, and of each component in it.",
            "A grid of scatter plots of all pairs of columns, coloured by component.",
            lambda: _pairs(result, x, columns),
        )
    if columns >= LEAST_PROFILES and not _has_names(x):
        yield Picture(
            "profiles",
            "Profiles: where each component lies in every column, in standard deviations from the mean of all rows.",
            "A line for each component over the columns, with its spread.",
            lambda: _single(lambda ax: plots.plot_profiles(result, x, ax), (max(6.0, 0.7 * columns), 4.0)),
        )


def _has_names(x: Observations) -> bool:
    """Whether a column has more than two names: the mean of their numbers says nothing."""
    return any(names is not None and len(names) > 2 for names in x.categories or ())


def _pairs(result: PointFit | xr.DataTree, x: Observations, columns: int) -> Figure:
    with plots.house_style():
        figure = Figure(figsize=(2.2 * columns, 2.2 * columns), layout="constrained")
        plots.plot_pairs(result, x, figure)
    return figure


def _site_of_components(posterior: xr.DataTree) -> str:
    """A site of which each component has its own value, the weights last; none where components share all."""
    draws = posterior["posterior"].to_dataset()
    names = [name for name in family_sites(posterior) if "components" in draws[name].dims]
    return min(names, key=lambda name: name == "weights", default="")


def _traces(posterior: xr.DataTree, site: str) -> Figure:
    with plots.house_style():
        columns = _columns_of(posterior, site)
        figure = Figure(figsize=(4.0 + 4.5 * columns, 5.0), layout="constrained")
        axes = figure.subplots(2, columns, squeeze=False)
        for (row, feature), ax in np.ndenumerate(axes):
            plots.plot_traces(posterior, ax, site=site, feature=feature, group=("posterior_raw", "posterior")[row])
            if feature < columns - 1:
                ax.get_legend().remove()
            if feature:
                ax.set_title("")
    return figure


def _columns_of(posterior: xr.DataTree, site: str) -> int:
    """How many columns of a site are traced side by side."""
    sizes = posterior["posterior"].to_dataset()[site].sizes
    inner = [size for dim, size in sizes.items() if dim not in ("chain", "draw", "components")]
    return min(MOST_TRACED, inner[0]) if len(inner) == 1 else 1


def _predictive(posterior: xr.DataTree, x: Observations) -> Figure:
    columns = min(x.features or 1, MOST_CHECKED)
    with plots.house_style():
        figure = Figure(figsize=(7.5, 2.6 * columns + 1.0), layout="constrained")
        for feature, ax in enumerate(figure.subplots(columns, 1, squeeze=False)[:, 0]):
            plots.plot_predictive(posterior, x, ax, feature=feature)
    return figure


def _single(draw: Callable, size: tuple[float, float]) -> Figure:
    with plots.house_style():
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots())
    return figure
