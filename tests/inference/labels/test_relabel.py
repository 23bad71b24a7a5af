"""relabel gives all draws of a tree one labelling, in every variable that has components, and loses nothing."""

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from inference.labels.align import align
from inference.labels.diagnose import diagnose_labels
from inference.labels.evidence import raw_tree
from inference.labels.relabel import METHODS, choose_rows, relabel
from mixtures.errors import ChoiceError, DataError, ModelError, SeedError
from tests.inference.labels.planted import planted_draws, scrambles
from tests.inference.labels.trees import gaussian_tree, planted_tree


@pytest.fixture
def draws():
    return planted_draws(scrambles(40, 4))


@pytest.fixture
def tree(draws):
    return planted_tree(draws)


def found(tree: xr.DataTree) -> np.ndarray:
    return tree["relabelling"]["permutation"].values.reshape(-1, tree["posterior"].sizes["components"])


def same(one: xr.DataTree, other: xr.DataTree) -> bool:
    return all(one[name].to_dataset().identical(other[name].to_dataset()) for name in one.children)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_undoes_the_planted_permutations(method, draws, tree):
    assert np.array_equal(found(relabel(tree, method, pivot=0)), draws.answer)


@pytest.mark.parametrize("method", METHODS)
def test_after_relabelling_every_chain_has_the_same_means(method, tree):
    after = relabel(tree, method)["posterior"]
    for name in ("loc", "scale"):
        means = after[name].mean("draw")
        assert np.abs(means - means.mean("chain")).max() < 0.15


def test_all_variables_move_together_and_the_rest_stays(draws):
    tree = planted_tree(draws, sampled=True)
    posterior = tree["posterior"].to_dataset()
    loc = posterior["loc"].values
    posterior["loc2"] = (("chain", "features", "draw", "components"), np.stack([loc, -loc], axis=1))
    posterior["tied"] = (("chain", "draw"), np.arange(40.0).reshape(2, 20))
    tree["posterior"] = xr.DataTree(posterior)
    after = relabel(tree, "stephens", pivot=0)
    clean = np.take_along_axis(draws.parameters, draws.answer[..., None], axis=1).reshape(2, 20, 4, 3)
    assert np.array_equal(after["posterior"]["weights"], clean[..., 0])
    assert np.array_equal(after["posterior"]["loc"], clean[..., 1])
    assert np.array_equal(after["posterior"]["scale"], np.exp(clean[..., 2]))
    assert after["posterior"]["loc2"].dims == ("chain", "features", "draw", "components")
    assert np.array_equal(after["posterior"]["loc2"][:, 1], -clean[..., 1])
    assert after["posterior"]["tied"].identical(posterior["tied"])
    z = np.stack([np.argsort(s)[z] for s, z in zip(draws.answer, draws.z, strict=True)]).reshape(2, 20, -1)
    assert np.array_equal(after["posterior"]["assignment"], z)
    for group in ("log_likelihood", "sample_stats", "observed_data"):
        assert after[group].to_dataset().identical(tree[group].to_dataset())


def test_the_raw_draws_are_kept_and_the_input_is_not_modified(tree):
    before = tree.copy(deep=True)
    after = relabel(tree)
    assert same(tree, before)
    assert set(tree.children) == set(before.children)
    assert after["posterior_raw"].to_dataset().identical(before["posterior"].to_dataset())


@pytest.mark.parametrize("method", METHODS)
def test_relabelling_twice_is_relabelling_once(method, tree):
    once = relabel(tree, method)
    assert same(relabel(once, method), once)


def test_another_method_starts_from_the_raw_draws(tree):
    assert same(relabel(relabel(tree, "ordering"), "pra"), relabel(tree, "pra"))


def test_the_default_pivot_is_the_draw_of_highest_log_density(tree):
    best = int(tree["sample_stats"]["log_posterior"].values.argmax())
    assert same(relabel(tree), relabel(tree, pivot=best))
    assert found(relabel(tree))[best].tolist() == [0, 1, 2, 3]


def test_a_clustering_or_a_point_fit_names_the_labels(draws, tree):
    """Labels in the order of location, whatever the draws call them."""
    truth = {"weights": np.full(4, 0.25), "loc": np.array([0.0, 5.0, 10.0, 15.0]), "scale": np.ones(4)}
    fit = SimpleNamespace(parameters=truth)
    clustering = np.arange(len(draws.x)) % 4
    for method in METHODS:
        for pivot in (fit, clustering):
            loc = relabel(tree, method, pivot=pivot)["posterior"]["loc"]
            assert (loc.diff("components") > 0).all(), (method, pivot)


def test_ordering_finds_the_site_that_tells_components_apart(tree):
    assert (relabel(tree, "ordering")["posterior"]["loc"].diff("components") > 0).all()
    assert (relabel(tree, "ordering", by="scale")["posterior"]["scale"].diff("components") >= 0).all()
    with pytest.raises(ChoiceError, match="'weights', 'loc', 'scale'"):
        relabel(tree, "ordering", by="location")


def test_one_component_has_nothing_to_relabel():
    tree = planted_tree(planted_draws(scrambles(10, 1)))
    for method in METHODS:
        after = relabel(tree, method)
        assert after["posterior"].to_dataset().identical(tree["posterior"].to_dataset())
        assert np.isinf(after["relabelling"]["margin"]).all()


def test_equal_components_are_a_tie_and_say_so():
    parameters = np.tile([0.5, 0.0, 0.0], (2, 10, 2, 1))
    after = relabel(gaussian_tree(parameters, np.random.default_rng(0).normal(size=30)))
    assert np.allclose(after["relabelling"]["margin"], 0.0)


@pytest.mark.parametrize("method", METHODS)
def test_a_subset_of_rows_gives_the_same_labels_and_states_its_error(method, draws, tree):
    after = relabel(tree, method, pivot=0, max_rows=60, seed=0)
    assert np.array_equal(found(after), draws.answer)
    assert after["relabelling"].attrs["rows_used"] == 60
    assert after["relabelling"].attrs["subset_error"] == 0.0


def test_rows_beyond_what_memory_holds_are_left_out_and_that_is_said(tree, draws, monkeypatch):
    monkeypatch.setattr("inference.labels.relabel.MOST_MEMORY", 8 * 40 * 4 * 50)
    after = relabel(tree, "stephens", pivot=0, seed=0)
    assert np.array_equal(found(after), draws.answer)
    assert after["relabelling"].attrs["rows_used"] == 50
    with pytest.raises(SeedError, match="a random subset of 50 of the 120 rows"):
        relabel(tree, "stephens", pivot=0)
    monkeypatch.setattr("inference.labels.relabel.MOST_MEMORY", 0)
    least = (relabel(tree, seed=0), relabel(tree, max_rows=2, seed=0))
    assert [after["relabelling"].attrs["rows_used"] for after in least] == [2, 2]


def test_a_subset_of_all_rows_is_all_rows(tree):
    assert relabel(tree, max_rows=120)["relabelling"].identical(relabel(tree)["relabelling"])


def test_a_subset_has_each_row_once(tree):
    rows = choose_rows(tree, 100, 0)
    assert len(np.unique(rows)) == 100 and rows.min() >= 0 and rows.max() < 120


def test_components_of_known_rows_stay_where_they_are_and_the_others_move(draws, tree):
    """By name; and there is nothing to note where some may move."""
    labels = np.where(np.arange(120) == 5, 0, -1)
    tree["constant_data"] = xr.DataTree(xr.Dataset({"labels_of_rows": ("rows", labels)}))
    tree["posterior"] = xr.DataTree(tree["posterior"].to_dataset().assign_coords(components=list("abcd")))
    after = relabel(tree, "ordering", by="loc")
    kept = after["relabelling"]
    assert kept["exchangeable"].values.tolist() == [False, True, True, True] and "note" not in kept.attrs
    assert kept["components"].values.tolist() == list("abcd")
    loc, raw = (after[group]["loc"].values for group in ("posterior", "posterior_raw"))
    np.testing.assert_array_equal(loc[..., 0], raw[..., 0])
    np.testing.assert_array_equal(loc[..., 1:], np.sort(raw[..., 1:], axis=-1))


def test_too_few_rows_to_tell_have_a_large_stated_error():
    tree = planted_tree(planted_draws(scrambles(200, 4), gap=0.7))
    assert 0.2 < relabel(tree, max_rows=4, seed=0)["relabelling"].attrs["subset_error"] <= 1.0


def test_the_result_can_be_saved(tree, tmp_path):
    relabel(tree).to_netcdf(tmp_path / "draws.nc", engine="h5netcdf")
    with xr.open_datatree(tmp_path / "draws.nc", engine="h5netcdf") as back:
        assert back["relabelling"].attrs["method"] == "ecr"


@pytest.mark.parametrize("verb", [relabel, diagnose_labels])
@pytest.mark.parametrize("rows", [-1, 0, 1, 10.0, "all", True])
def test_a_number_of_rows_that_is_none_is_refused(verb, rows, tree):
    with pytest.raises(ModelError, match=r"max_rows: got .*; expected an int >= 2"):
        verb(tree, max_rows=rows, seed=0)


@pytest.mark.parametrize("verb", [relabel, diagnose_labels])
@pytest.mark.parametrize("given", [None, np.zeros((3, 2)), "draws.nc", xr.Dataset(), xr.DataTree()])
def test_what_is_no_tree_of_draws_is_refused(verb, given):
    with pytest.raises(DataError, match=r"posterior: got .*; expected an xarray\.DataTree"):
        verb(given)


def test_what_has_no_components_cannot_be_aligned(tree):
    for result in ("xx", b"xx", None, 3, ["xx"]):
        with pytest.raises(DataError, match="result: got .*; expected a PointFit or a posterior"):
            align(result, to=tree)
    with pytest.raises(DataError, match="to: got str; expected a PointFit or a posterior"):
        align(tree, to="xx")


def test_what_is_wrong_is_said(tree):
    with pytest.raises(ChoiceError, match="method: got 'erc'; expected one of 'ecr'"):
        relabel(tree, "erc")
    with pytest.raises(DataError, match=r"xarray\.DataTree"):
        raw_tree(tree["posterior"].to_dataset())
    with pytest.raises(DataError, match=r"xarray\.DataTree"):
        relabel(xr.DataTree())
    with pytest.raises(DataError, match="dim 'components'"):
        relabel(xr.DataTree.from_dict({**tree, "posterior": xr.Dataset({"a": (("chain", "draw"), np.ones((2, 3)))})}))
    with pytest.raises(DataError, match=r"pivot: got 40; expected a draw's index in \[0, 40\)"):
        relabel(tree, pivot=40)
    with pytest.raises(DataError, match=r"a label in 0, \.\.\., 3 for each of 120 rows"):
        relabel(tree, pivot=np.array([0, 1, 5]))
    with pytest.raises(DataError, match=r"pivot: got 4 at row 119; expected a label in 0, \.\.\., 3"):
        relabel(tree, pivot=np.repeat([0, 4], [119, 1]))
    with pytest.raises(DataError, match="without loc, scale"):
        relabel(tree, pivot=SimpleNamespace(parameters={"weights": np.ones(4) / 4}))
    without = xr.DataTree.from_dict({name: tree[name].to_dataset() for name in ("posterior", "observed_data")})
    with pytest.raises(DataError, match="pivot="):
        relabel(without)
    with pytest.raises(ModelError, match="at most 6"):
        relabel(planted_tree(planted_draws(scrambles(10, 7))), "sjw")
