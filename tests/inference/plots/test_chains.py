"""Pictures of chains show what they are given: a tint for each stretch of a state, probabilities that add up, numbers in their cells."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from inference import plots
from mixtures import Observations
from mixtures.errors import DataError, ModelError

X, PATH = np.array([1.0, 2.0, np.nan, 5.0, 6.0]), [0, 0, 1, 1, 0]


def test_every_stretch_of_a_state_has_its_tint():
    ax = plots.plot_path(Observations(X, missing="allow", sequence=["a", "a", "a", "b", "b"]), PATH)
    tints = [patch for patch in ax.patches if patch.get_alpha() == 0.25]
    assert [(tint.get_x(), tint.get_x() + tint.get_width()) for tint in tints] == [(-0.5, 1.5), (1.5, 3.5), (3.5, 4.5)]
    assert [tint.get_facecolor() for tint in tints] == [to_rgba(plots.colour(state), 0.25) for state in (0, 1, 0)]
    np.testing.assert_array_equal(ax.lines[-1].get_ydata(), X)
    assert [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == ":"] == [2.5]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["state 0", "state 1"]


def test_probabilities_are_stacked():
    table = np.array([[0.2, 0.8], [0.5, 0.5], [1.0, 0.0]])
    ax = plots.plot_state_probabilities(table)
    tops = [area.get_paths()[0].vertices[:, 1].max() for area in ax.collections]
    assert tops == [1.0, 1.0]
    assert ax.get_ylim() == (0, 1)


def test_a_transition_matrix_is_written_out():
    ax = plots.plot_transition([[0.9, 0.1], [0.3, 0.7]])
    assert [text.get_text() for text in ax.texts] == ["0.90", "0.10", "0.30", "0.70"]
    with pytest.raises(ModelError, match="expected a square matrix whose rows add up to 1"):
        plots.plot_transition([[0.9, 0.3], [0.3, 0.7]])


def test_stays_are_counted_without_those_that_are_cut_off():
    """Of the path 0 0 1 1 1 0 1 | 0 0 0 1, the last stay of each series is cut off."""
    path, series = [0, 0, 1, 1, 1, 0, 1, 0, 0, 0, 1], ["a"] * 7 + ["b"] * 4
    ax = plots.plot_dwell_times(path, [[0.75, 0.25], [0.5, 0.5]], sequence=series)
    zero, one = ([bar.get_height() for bar in bars] for bars in ax.containers)
    np.testing.assert_allclose(zero, [1 / 3, 1 / 3, 1 / 3])
    np.testing.assert_allclose(one, [0, 0, 1])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [0.25, 0.75 * 0.25, 0.75**2 * 0.25])
    with pytest.raises(DataError, match="state 2"):
        plots.plot_dwell_times([0, 2], np.full((2, 2), 0.5))


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(DataError, match="one variable"):
        plots.plot_path(np.ones((3, 2)), [0, 0, 0])
    with pytest.raises(DataError, match="path"):
        plots.plot_path([1.0, 2.0], [0, 0, 1])
