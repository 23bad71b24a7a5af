"""Pictures of labels show the draws that they are given, under the labels that they are given, and compute nothing."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from inference.plots.labels import plot_agreement, plot_label_traces, plot_mirrored_modes, plot_point_process
from inference.plots.palette import colour
from mixtures.errors import DataError


@pytest.fixture
def tree() -> xr.DataTree:
    rng = np.random.default_rng(0)
    dims = ("chain", "draw", "components")
    loc = np.array([0.0, 5.0, 9.0]) + rng.normal(size=(2, 50, 3))
    after = xr.Dataset({"loc": (dims, loc), "scale": (dims, rng.gamma(5, size=(2, 50, 3)))})
    after["loc2"] = ((*dims, "features"), rng.normal(size=(2, 50, 3, 2)))
    before = after.assign(loc=(dims, rng.permuted(loc, axis=2)))
    return xr.DataTree.from_dict({"posterior": after, "posterior_raw": before})


def test_traces_show_every_draw_before_and_after(tree):
    axes = plot_label_traces(tree)
    for row, group in enumerate(("posterior_raw", "posterior")):
        draws = tree[group]["loc"].values.reshape(100, 3)
        shown = [line.get_ydata() for line in axes[row, 0].lines[:3]]
        assert np.array_equal(np.column_stack(shown), draws)
        assert axes[row, 0].lines[3].get_xdata()[0] == 50  # the border between the chains


def test_mirrored_modes_show_pairs_of_components(tree):
    ax = plot_mirrored_modes(tree, components=(2, 0))
    raw, after = ax.lines[:2]
    assert np.array_equal(raw.get_xdata(), tree["posterior_raw"]["loc"].values.reshape(100, 3)[:, 2])
    assert np.array_equal(after.get_ydata(), tree["posterior"]["loc"].values.reshape(100, 3)[:, 0])


def test_the_point_process_has_a_colour_for_each_component(tree):
    ax = plot_point_process(tree, x="loc", y="loc2", y_feature=1)
    assert len({line.get_color() for line in ax.lines}) == 3
    assert np.array_equal(ax.lines[1].get_xdata(), tree["posterior"]["loc"].values.reshape(100, 3)[:, 1])
    assert np.array_equal(ax.lines[1].get_ydata(), tree["posterior"]["loc2"].values.reshape(100, 3, 2)[:, 1, 1])


def test_agreement_is_written_into_its_cells():
    names = ["ecr", "pra"]
    shares = xr.DataArray([[1.0, 0.97], [0.97, 1.0]], dims=("one", "other"), coords={"one": names, "other": names})
    report = SimpleNamespace(comparison=SimpleNamespace(agreement=shares))
    ax = plot_agreement(report)
    assert [text.get_text() for text in ax.texts] == ["100.0%", "97.0%", "97.0%", "100.0%"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["ecr", "pra"]


def test_draws_as_sampled_have_no_before(tree):
    with pytest.raises(DataError, match="relabel"):
        plot_label_traces(tree.filter(lambda node: node.name != "posterior_raw"))
    with pytest.raises(DataError, match="relabel"):
        plot_mirrored_modes(tree.filter(lambda node: node.name != "posterior_raw"))


def test_components_have_the_colours_that_they_have_in_every_picture(tree):
    shown = plot_label_traces(tree)[0, 0].lines[:3], plot_point_process(tree, y="scale").lines
    for lines in shown:
        assert [line.get_color() for line in lines] == [colour(component) for component in range(3)]


def test_an_axis_of_what_is_positive_begins_at_zero_at_the_lowest(tree):
    ax = plot_point_process(tree)
    assert ax.get_ylim()[0] >= 0
    assert ax.get_xlim()[0] < 0  # locations are not


def test_given_axes_are_drawn_on(tree):
    figure, axes = plt.subplots(1, 2)
    assert plot_mirrored_modes(tree, axes[0]) is axes[0]
    assert plot_point_process(tree, axes[1]) is axes[1]
    assert plt.get_fignums() == [figure.number]
