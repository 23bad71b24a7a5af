"""What does not depend on labels has the numbers of scipy and of counting; what is told of chains those of ArviZ."""

from itertools import pairwise

import arviz_stats
import numpy as np
import xarray as xr
from scipy.stats import entropy

from inference.labels.convergence import convergence
from inference.labels.evidence import Evidence, raw_tree
from inference.labels.invariants import invariants
from tests.inference.labels.trees import draw_responsibilities, gaussian_tree


def test_invariants_are_those_of_each_draws_table():
    rng = np.random.default_rng(0)
    parameters = np.stack([rng.dirichlet(np.ones(3), (2, 5)), *rng.normal(size=(2, 2, 5, 3))], axis=-1)
    tree = gaussian_tree(parameters, rng.normal(size=9))
    found, p, x = invariants(Evidence(raw_tree(tree))), draw_responsibilities(tree), tree["observed_data"]["obs"].values
    flat = {name: values.values.reshape(10, -1) for name, values in found.items()}
    np.testing.assert_allclose(flat["entropy"][:, 0], entropy(p, axis=2).mean(axis=1), rtol=1e-12)
    assert flat["occupied_components"][:, 0].tolist() == [len(set(one.argmax(axis=1))) for one in p]
    np.testing.assert_array_equal(flat["sorted_weights"], np.sort(parameters[..., 0].reshape(10, 3))[:, ::-1])
    np.testing.assert_array_equal(flat["log_density"][:, 0], tree["sample_stats"]["log_posterior"].values.ravel())
    ranked = np.argsort(x)[[0, 2, 4, 6, 8]]  # of nine rows those at 5%, 25%, 50%, 75% and 95%
    together = [[one[i] @ one[j] for i, j in pairwise(ranked)] for one in p]
    np.testing.assert_allclose(flat["similarity"], together, rtol=1e-12)

    del tree["sample_stats"], tree["posterior"]["weights"]
    without = Evidence(raw_tree(tree))
    vars(without)["responsibilities"] = p
    assert set(invariants(without)) == set(found) - {"log_density", "sorted_weights"}


def test_chains_are_told_of_as_arviz_does_and_a_lone_one_by_its_halves():
    rng = np.random.default_rng(1)
    walk = rng.normal(size=(2, 41, 3)).cumsum(axis=1)
    dims = ("chain", "draw", "components")
    draws = xr.Dataset(
        {"loc": (dims, walk), "noted": (dims, walk > 0), "lp": (dims[:2], walk[..., 0])},
        {"components": ["a", "b", "c"]},
    )
    for some, compared in ((draws, walk), (draws.isel(chain=[0]), np.stack([walk[0, :20], walk[0, 20:40]]))):
        table = convergence(some, "raw")
        assert table["quantity"].values.tolist() == ["loc[a]", "loc[b]", "loc[c]", "lp"]
        assert table["site"].values.tolist() == ["loc"] * 3 + ["lp"] and set(table["kind"].values) == {"raw"}
        for k in range(3):
            assert np.isclose(table["r_hat"][k], arviz_stats.rhat(compared[..., k]))
            own = some[["loc"]].isel(components=k)
            for method in ("bulk", "tail"):
                assert np.isclose(table[f"ess_{method}"][k], arviz_stats.ess(own, method=method)["loc"])
