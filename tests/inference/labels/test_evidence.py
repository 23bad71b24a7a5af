"""Evidence sees the draws as the program has them, in any order of dims, and puts values back where they belong."""

import numpy as np
import pytest
import xarray as xr

from inference.labels.evidence import Evidence, permutations_of, raw_tree
from mixtures.errors import DataError
from tests.inference.labels import trees
from tests.inference.labels.planted import planted_draws, scrambles


@pytest.fixture
def evidence() -> Evidence:
    tree = trees.planted_tree(planted_draws(scrambles(20, 3)))
    posterior = tree["posterior"].to_dataset()
    rng = np.random.default_rng(0)
    posterior["table"] = (("chain", "draw", "features", "components"), rng.normal(size=(2, 10, 4, 3)))
    posterior["tied"] = (("chain", "draw"), rng.normal(size=(2, 10)))
    tree["posterior"] = xr.DataTree(posterior)
    return Evidence(raw_tree(tree))


def values_of(evidence: Evidence, draw: int) -> dict[str, np.ndarray]:
    return {
        str(name): variable.values.reshape(-1, *variable.shape[2:])[draw]
        for name, variable in evidence.draws.items()
        if "components" in variable.dims
    }


def test_columns_at_a_draws_values_are_that_draws_columns(evidence):
    assert evidence.parameters.shape == (20, 3, 1 + 1 + 1 + 4)
    for draw in (0, 13):
        assert np.array_equal(evidence.columns_at(values_of(evidence, draw)), evidence.parameters[draw])


def test_the_log_joint_at_a_draws_parameters_is_that_draws_log_joint(evidence):
    assert np.allclose(evidence.log_joint(evidence.parameters[13]), trees.draw_log_joint(evidence.tree)[13])


def test_values_go_back_to_the_dims_that_the_program_has_and_shared_sites_to_their_mean(evidence):
    values = values_of(evidence, 5)
    one = evidence.at(values)["posterior"]
    assert one["table"].dims == ("chain", "draw", "features", "components")
    assert np.array_equal(one["table"][0, 0], values["table"])
    assert np.isclose(one["tied"], evidence.draws["tied"].mean())


def test_chosen_rows_are_those_of_all_rows(evidence):
    rows = np.array([7, 3, 11])
    some = Evidence(evidence.tree, rows)
    assert np.array_equal(some.responsibilities, evidence.responsibilities[:, rows])
    assert np.array_equal(some.observations, evidence.observations[rows])
    assert np.array_equal(some.assignments, evidence.assignments[:, rows])


def test_the_density_comparable_with_a_fits_is_preferred(evidence):
    stats = evidence.tree["sample_stats"].to_dataset()
    both = evidence.tree.copy(deep=False)
    both["sample_stats"] = xr.DataTree(stats.assign(lp=stats["log_posterior"] + 1))
    assert np.array_equal(Evidence(both).log_density, evidence.log_density)
    only = evidence.tree.copy(deep=False)
    only["sample_stats"] = xr.DataTree(stats.rename(log_posterior="lp"))
    assert np.array_equal(Evidence(only).log_density, evidence.log_density)


def test_assignments_are_the_most_probable_labels_where_none_were_sampled(evidence):
    assert np.array_equal(evidence.assignments, trees.draw_log_joint(evidence.tree).argmax(axis=2))


def with_permutations(table, dims=("chain", "draw", "components")) -> xr.DataTree:
    return xr.DataTree.from_dict({"relabelling": xr.Dataset({"permutation": (dims, table)})})


def test_kept_permutations_are_read_in_any_order_of_dims():
    table = scrambles(20, 3)
    turned = with_permutations(table.reshape(2, 10, 3).transpose(2, 0, 1), ("components", "chain", "draw"))
    assert np.array_equal(permutations_of(turned, 3), table)


@pytest.mark.parametrize(
    "kept",
    [
        with_permutations(np.tile([0, 0, 2], (2, 5, 1))),
        with_permutations(np.tile([1, 0], (2, 5, 1))),
        with_permutations(np.tile([0.0, 1.0, 2.0], (2, 5, 1))),
        with_permutations(np.tile([0, 1, 2], (5, 1)), ("draw", "components")),
        xr.DataTree.from_dict({"relabelling": xr.Dataset({"cost": 1.0})}),
    ],
    ids=["twice", "fewer components", "no integers", "no chains", "none"],
)
def test_what_are_no_permutations_is_refused_in_words(kept):
    with pytest.raises(DataError, match="without a permutation of the components.*relabel again"):
        permutations_of(kept, 3)
