"""The declaration as a graph: what depends on what, and of what there are many."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Ellipse, FancyArrowPatch, FancyBboxPatch

from inference.checks import check_result
from inference.plots.axes import given_or_new
from inference.results import PointFit
from mixtures.errors import ModelError

WIDTH, HEIGHT = 1.5, 0.62
"""Of a node."""
GAP = 1.8
TOP, MIDDLE, BOTTOM = 4.0, 2.1, 0.5
INK, PLATE, SEEN = "0.15", "0.55", "0.85"


def plot_model(fit: PointFit, ax: Axes | None = None) -> Axes:
    """The graph of a mixture: an ellipse for each unknown, a grey one for what is observed, a dashed one for what is summed out, and a frame
    around what there are many of.

    Args:
        fit: a point fit of a mixture, whose sites it has.
        ax: where to draw; None makes a figure.

    Returns:
        The axes.

    Raises:
        ModelError: a fit of a program of one's own, whose text is its best description.
    """
    check_result("fit", fit, "restarts", "PointFit", "fit_map, fit_mle or fit_em")
    mixture = fit.program.mixture
    if mixture is None:
        raise ModelError(
            "fit", got="a program of your own", expected="a mixture", advice="print(fit.program) shows it."
        )
    ax = given_or_new(ax, (7.0, 4.2))
    of_law = [name for name in fit.parameters if name not in mixture.family.priors_by_site]
    many = [name for name in fit.parameters if name not in of_law and "components" in fit.dims[name]]
    shared = [name for name in fit.parameters if name not in of_law and name not in many]
    places = {name: (i * GAP, TOP) for i, name in enumerate([*of_law, *many, *shared])}
    left, middle = _mean(places, of_law), _mean(places, [*many, *shared] or of_law)
    middle = max(middle, left + GAP)
    places |= {"assignment": (left, MIDDLE), "obs": (middle, BOTTOM)}
    arrows = [(name, "assignment") for name in of_law] + [(name, "obs") for name in [*many, *shared, "assignment"]]
    if fit.origin.covariates is not None:
        places["covariates"] = (middle + GAP, BOTTOM)
        arrows.append(("covariates", "assignment" if _has_law_of_covariates(fit) else "obs"))
    rows = [name for name in ("assignment", "obs", "covariates") if name in places]
    if many:
        _plate(ax, [places[name] for name in many], f"components, {len(fit.components)}")
    _plate(ax, [places[name] for name in rows], f"rows, {fit.origin.rows}")
    nodes = {name: _node(ax, name, place) for name, place in places.items()}
    for start, end in arrows:
        _arrow(ax, nodes[start], nodes[end])
    if mixture.assignment.unit == "sequence":  # from a row's assignment to the next one's
        _arrow(ax, nodes["assignment"], nodes["assignment"])
    xs, ys = zip(*places.values(), strict=True)
    ax.set(xlim=(min(xs) - 1.4, max(xs) + 1.4), ylim=(min(ys) - 0.9, max(ys) + 0.9), aspect="equal")
    ax.axis("off")
    return ax


def _has_law_of_covariates(fit: PointFit) -> bool:
    mixture = fit.program.mixture
    return mixture is not None and mixture.assignment.needs_covariates


def _mean(places: dict[str, tuple[float, float]], names: Sequence[str]) -> float:
    return sum(places[name][0] for name in names) / max(len(names), 1)


def _node(ax: Axes, name: str, place: tuple[float, float]) -> Ellipse:
    colour, line = SEEN if name in ("obs", "covariates") else "white", "--" if name == "assignment" else "-"
    node = Ellipse(place, WIDTH, HEIGHT, facecolor=colour, edgecolor=INK, linestyle=line, zorder=3)
    ax.add_patch(node)
    words = name.replace("_", "\n", 1)
    ax.text(*place, words, ha="center", va="center", color=INK, zorder=4, fontsize=7.5 if len(name) > 12 else 9)
    return node


def _arrow(ax: Axes, start: Ellipse, end: Ellipse) -> None:
    """From one node to another; from a node to itself in an arc above it."""
    style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 11, "color": INK, "lw": 0.9, "zorder": 2}
    (x, y), top = start.center, HEIGHT / 2
    if start is end:
        arc = FancyArrowPatch(
            (x - 0.5, y + 0.7 * top), (x + 0.5, y + 0.7 * top), connectionstyle="arc3,rad=-0.9", **style
        )
        ax.add_patch(arc)
    else:
        ax.add_patch(FancyArrowPatch((x, y), end.center, patchA=start, patchB=end, shrinkA=0, shrinkB=2, **style))


def _plate(ax: Axes, places: Sequence[tuple[float, float]], name: str) -> None:
    xs, ys = zip(*places, strict=True)
    left, right, low, high = min(xs) - 0.95, max(xs) + 0.95, min(ys) - 0.62, max(ys) + 0.48
    box = FancyBboxPatch(
        (left, low), right - left, high - low, boxstyle="round,pad=0.05", fill=False, edgecolor=PLATE, lw=0.9
    )
    ax.add_patch(box)
    ax.text(right, low + 0.03, name, ha="right", va="bottom", color=PLATE, fontsize=8)
