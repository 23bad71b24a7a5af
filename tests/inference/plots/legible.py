"""Whether a picture can be read, looked at as it is drawn: nothing blank, cut off at the edge, or written over something else."""

from itertools import combinations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

TOUCH = 1.0
"""Pixels by which boxes may overlap: letters do not fill theirs."""

LEAST_INK = 0.005
"""Of the pixels."""


def check_legible(figure: Figure) -> None:
    """Fail where a reader would."""
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    ink = np.mean((pixels < 250).any(axis=2))
    assert ink > LEAST_INK, f"a blank picture: {ink:.2%} ink"
    texts = _texts(figure)
    boxes = [text.get_window_extent() for text in texts]
    page = figure.bbox.padded(TOUCH)
    for text, box in zip(texts, boxes, strict=True):
        assert page.contains(box.x0, box.y0) and page.contains(box.x1, box.y1), f"{text.get_text()!r} leaves the page"
    for (one, its), (other, others) in combinations(zip(texts, boxes, strict=True), 2):
        assert not its.padded(-TOUCH).overlaps(others.padded(-TOUCH)), f"{one.get_text()!r} over {other.get_text()!r}"
    for ax in figure.axes:
        _check_marks_inside(ax)
    for legend in _legends(figure):
        box = legend.get_window_extent().padded(-TOUCH)
        over = [ax for ax in figure.axes if ax.bbox.overlaps(box)]
        assert not over, f"a legend over the data of {over[0].get_xlabel()!r}"


def _texts(figure: Figure) -> list[Text]:
    """All that is written and seen."""
    found = figure.findobj(
        lambda artist: isinstance(artist, Text) and artist.get_visible() and artist.get_text().strip()
    )
    hidden = {
        text
        for ax in figure.axes
        for axis in (ax.xaxis, ax.yaxis)
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
        for text in (tick.label1, tick.label2)
        if not _is_shown(ax, axis, tick)
    }
    return [text for text in found if text not in hidden]


def _is_shown(ax, axis, tick) -> bool:
    low, high = sorted(axis.get_view_interval())
    room = 1e-9 * (high - low)
    is_within = low - room <= tick.get_loc() <= high + room
    return axis.get_visible() and ax.axison and is_within and tick.label1.get_visible()


def _legends(figure: Figure) -> list:
    parts = [figure, *figure.subfigs, *(inner for part in figure.subfigs for inner in part.subfigs)]
    return [
        *(legend for part in parts for legend in part.legends),
        *(legend for ax in figure.axes if (legend := ax.get_legend())),
    ]


def _check_marks_inside(ax) -> None:
    """Rows and bars are data: none is cut off. (Curves may run out of the axes.)"""
    (left, right), (low, high) = sorted(ax.get_xlim()), sorted(ax.get_ylim())
    wide, tall = 1e-6 * (right - left), 1e-6 * (high - low)
    for line in ax.lines:
        points = line.get_xydata()
        if line.get_linestyle() == "None" and line.get_transform() == ax.transData and len(points):
            points = points[np.isfinite(points).all(axis=1)]
            x, y = points.T
            assert (x >= left - wide).all() and (x <= right + wide).all(), f"marks beyond {ax.get_xlabel()!r}"
            assert (y >= low - tall).all() and (y <= high + tall).all(), f"marks beyond {ax.get_ylabel()!r}"
    for bar in ax.patches:
        if isinstance(bar, Rectangle) and bar.get_transform() == bar.get_patch_transform() + ax.transData:
            box = bar.get_bbox()
            assert box.y1 <= high + tall and box.x0 >= left - wide and box.x1 <= right + wide, (
                f"a bar beyond {ax.get_xlabel()!r}"
            )
