"""Pictures of assignments show each row's class, draw and probabilities where the row lies."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from inference import plots
from mixtures import Observations
from mixtures.errors import DataError


def colours(artists):
    return [
        to_hex(artist.get_facecolor() if hasattr(artist, "get_facecolor") else artist.get_color()).upper()
        for artist in artists
    ]


def test_classes_are_tints_between_half_way_borders_and_probabilities_are_lines():
    x = np.array([4.0, 0.0, 1.0, 5.0])  # in any order
    probabilities = np.array([[0.2, 0.8], [1.0, 0.0], [0.7, 0.3], [0.1, 0.9]])
    ax = plots.plot_classes(x, probabilities.argmax(axis=1), probabilities)
    tints = ax.patches
    assert [(tint.get_x(), tint.get_x() + tint.get_width()) for tint in tints] == [(0.0, 2.5), (2.5, 5.0)]
    assert colours(tints) == [plots.colour(0), plots.colour(1)]
    assert np.array_equal(ax.lines[1].get_xdata(), [0.0, 1.0, 4.0, 5.0])
    assert np.array_equal(ax.lines[1].get_ydata(), [0.0, 0.3, 0.8, 0.9])


def test_rows_that_were_not_observed_have_no_place_in_the_picture():
    x = Observations([4.0, np.nan, 0.0, 1.0, 5.0], missing="allow")
    probabilities = np.array([[0.2, 0.8], [0.5, 0.5], [1.0, 0.0], [0.7, 0.3], [0.1, 0.9]])
    seen = ~np.isnan(x.x)
    with_gap = plots.plot_classes(x, probabilities.argmax(axis=1), probabilities)
    without = plots.plot_classes(x.x[seen], probabilities.argmax(axis=1)[seen], probabilities[seen])
    for one, other in zip(with_gap.lines, without.lines, strict=True):
        np.testing.assert_array_equal(one.get_xydata(), other.get_xydata())
    assert [tint.get_bbox().bounds for tint in with_gap.patches] == [tint.get_bbox().bounds for tint in without.patches]
    assert with_gap.get_xlim() == (0.0, 5.0)
    blank = Observations([np.nan, np.nan], missing="allow")
    with pytest.raises(DataError, match="missing cells only"):
        plots.plot_classes(blank, np.array([0, 1]), np.eye(2))


def test_one_class_everywhere_is_one_tint():
    ax = plots.plot_classes([0.0, 1.0], np.zeros(2, dtype=int), np.ones((2, 1)))
    assert [(tint.get_x(), tint.get_width()) for tint in ax.patches] == [(0.0, 1.0)]


def test_random_assignments_are_marks_at_their_component():
    ax = plots.plot_random_assignments([5.5, 5.6, 5.7], np.array([1, 0, 1]), components=3)
    assert [line.get_xydata().tolist() for line in ax.lines] == [[[5.6, 0.0]], [[5.5, 1.0], [5.7, 1.0]], []]
    assert colours(ax.lines) == [plots.colour(component) for component in range(3)]
    assert ax.get_yticks().tolist() == [0, 1, 2]


def test_the_guide_is_shown_along_the_variable_or_row_by_row(five, guide):
    _, x = five
    ax = plots.plot_guide(guide, x)
    assert np.array_equal(ax.lines[1].get_xydata(), np.column_stack([x, guide.assignment_probs[:, 1]]))
    ax = plots.plot_guide(guide, np.zeros((5, 2)))
    assert np.array_equal(ax.lines[0].get_xdata(), np.arange(5))
    assert ax.get_xlabel() == "row"


def test_a_guide_with_several_assignments_shows_the_chosen_one(five, guide):
    _, x = five
    both = {"first": guide.assignment_probs, "second": guide.assignment_probs[:, ::-1]}
    object.__setattr__(guide, "assignment_probs", both)
    assert np.array_equal(plots.plot_guide(guide, x, site="second").lines[0].get_ydata(), both["first"][:, 1])


def test_other_rows_than_the_result_has_are_refused(guide):
    with pytest.raises(DataError, match="5, as the result has"):
        plots.plot_guide(guide, [0.0, 1.0])
    with pytest.raises(DataError, match="as the result has"):
        plots.plot_random_assignments([0.0, 1.0], np.zeros(3, dtype=int))
    with pytest.raises(DataError, match="plot_ellipses"):
        plots.plot_classes(np.zeros((2, 2)), np.zeros(2, dtype=int), np.ones((2, 1)))
