"""Pictures of a posterior show the draws of the group that they are asked for, in the colours of their components."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_hex

from inference import plots
from inference.plots.draws import label_of
from mixtures.errors import ChoiceError, DataError


def test_traces_show_every_draw_of_every_chain(posterior):
    for group, title in (("posterior_raw", "as sampled"), ("posterior", "relabelled")):
        ax = plots.plot_traces(posterior, feature=1, group=group)
        draws = posterior[group]["loc"].values[..., 1]
        for line, (component, chain) in zip(ax.lines, np.ndindex(3, 2), strict=False):
            assert np.array_equal(line.get_ydata(), draws[chain, :, component])
            assert np.array_equal(line.get_xdata(), np.arange(50) + 50 * chain)
            assert to_hex(line.get_color()).upper() == plots.colour(component)
        assert ax.get_title(loc="left") == title
        assert ax.get_ylabel() == "loc[weight]"


def test_a_tree_that_is_not_relabelled_says_so(posterior):
    assert (
        plots.plot_traces(posterior.filter(lambda node: node.name != "posterior_raw")).get_title(loc="left")
        == "as sampled"
    )


def test_the_pair_is_a_density_on_equal_axes(posterior):
    ax = plots.plot_location_pair(posterior, components=(2, 0), group="posterior_raw")
    assert ax.get_xlim() == ax.get_ylim()
    assert ax.get_xlim() == plots.plot_location_pair(posterior, components=(0, 1)).get_xlim()  # comparable side by side
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("loc[2, height]", "loc[0, height]")
    mesh = ax.collections[0]
    edges = mesh.get_coordinates()
    cell = np.diff(edges[0, :, 0])[0] * np.diff(edges[:, 0, 1])[0]
    density = mesh.get_array()
    assert density.sum() * cell == pytest.approx(1.0)
    # the densest cell holds as many draws as counting says
    row, column = np.unravel_index(density.argmax(), density.shape)
    x, y = posterior["posterior_raw"]["loc"].values[..., 0].reshape(-1, 3)[:, [2, 0]].T
    inside = (
        (x >= edges[0, column, 0])
        & (x < edges[0, column + 1, 0])
        & (y >= edges[row, 0, 1])
        & (y < edges[row + 1, 0, 1])
    )
    shown = (x > ax.get_xlim()[0]) & (x < ax.get_xlim()[1]) & (y > ax.get_xlim()[0]) & (y < ax.get_xlim()[1])
    assert density.max() == pytest.approx(inside.sum() / shown.sum() / cell)


def test_what_is_not_there_is_refused_by_name(posterior):
    with pytest.raises(ChoiceError, match="'loc', 'scale'"):
        plots.plot_traces(posterior, site="location")
    with pytest.raises(ChoiceError, match="posterior_raw"):
        plots.plot_location_pair(posterior, group="prior")
    with pytest.raises(DataError, match="share"):
        plots.plot_traces(posterior, site="scale")
    with pytest.raises(DataError, match="from 0 to 1"):
        plots.plot_traces(posterior, feature=5)


def test_entries_of_matrices_are_called_by_row_and_column():
    draws = xr.Dataset(
        {"root": (("chain", "draw", "components", "features", "features_bis"), np.zeros((1, 1, 2, 2, 2)))}
    )
    coords = {"features": ["a", "b"], "features_bis": ["a", "b"]}
    tree = xr.DataTree.from_dict({"posterior": draws.assign_coords(coords)})
    assert [label_of(tree, "root", entry) for entry in range(4)] == [
        "root[a, a]",
        "root[a, b]",
        "root[b, a]",
        "root[b, b]",
    ]
