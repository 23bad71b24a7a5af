"""Predicted effects of groups: against the conditional distribution of effects under the dense normal of effects and rows together."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from scipy.stats import norm

import inference
from inference.backends import bind
from inference.posterior.tree import build_tree
from inference.samplers.protocol import Draws
from mixtures import Mixture, Observations, families
from mixtures.assignments import PerGroup
from mixtures.errors import DataError, ModelError
from tests.inference.plots.conftest import point_fit
from tests.inference.test_random_effects import (
    CASES,
    GROUP,
    INTERCEPTS,
    LINES,
    SLOPES,
    VALUES,
    C,
    Y,
    dense,
    effects,
)

SLOPE = families.Regression(random=[1], common=["scale", 0])
SHARED = {name: value for name, value in (VALUES | SLOPES).items() if name not in ("scale", "slope")}
SHARED |= {"scale": np.array(0.8), "slope": VALUES["slope"][:, 1:], "common_slope": np.array([0.3])}


def shares_of(densities):
    """Of groups in components, from log p(x_g | k)."""
    return softmax(np.log(VALUES["weights"]) + densities, axis=1)


def moments(x, values, slopes=(1,), shares=None):
    """E(b_g | x) and E(b_g^2 | x), (groups, effects): normal within each component, and these mixed."""
    if shares is None:
        shares = softmax(np.log(values["weights"]) + dense(x, values, slopes), axis=1)
    found = np.zeros((2, len(x.group_names), len(effects(values, 0))))
    for g, k in np.ndindex(shares.shape):
        rows = (x.group == g) & ~np.isnan(x.x)
        c, d = x.covariates[rows], effects(values, k)
        z = np.column_stack([np.ones(len(c)), c[:, list(slopes)]])[:, : len(d)]
        whole = z @ d @ z.T + values["scale"][k] ** 2 * np.eye(len(c))
        gain = np.linalg.solve(whole, z @ d).T
        mean = gain @ (x.x[rows] - values["intercept"][k] - c @ values["slope"][k])
        found[:, g] += shares[g, k] * np.array([mean, np.diag(d - gain @ z @ d) + mean**2])
    return found


def check(found, right):
    np.testing.assert_allclose(found.mean, right[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.sd, np.sqrt(right[1] - right[0] ** 2), rtol=1e-8)


@pytest.mark.parametrize("case", CASES)
def test_effects_are_those_of_dense_normals(case, backend):
    model, values = CASES[case]
    y = Y.copy()
    y[[0, 7]] = np.nan  # of a group, and a whole one
    x = Observations(y, covariates=C, group=GROUP, missing="allow")
    check(inference.group_effects(point_fit(model, x, values, backend), x), moments(x, values))


def test_what_components_share_is_read_once():
    x = Observations(Y, covariates=C, group=GROUP)
    found = inference.group_effects(point_fit(Mixture(2, SLOPE, PerGroup()), x, SHARED), x)
    alike = (
        VALUES | SLOPES | {"scale": np.array([0.8, 0.8]), "slope": np.column_stack([[0.3, 0.3], VALUES["slope"][:, 1]])}
    )
    check(found, moments(x, alike))


def test_a_group_that_is_known_to_be_of_a_component_has_its_effects():
    x = Observations(Y, covariates=C, group=GROUP, labels=np.where(GROUP == "a", 1, -1))
    right, own = moments(x, VALUES), moments(x, VALUES | {"weights": np.array([1e-300, 1.0])})
    known = x.group_names.tolist().index("a")
    right[:, known] = own[:, known]
    check(inference.group_effects(point_fit(INTERCEPTS, x, VALUES), x), right)


def test_draws_are_mixed_too():
    """Far from 0 as well, where squares have no digits to spare."""
    x = Observations(Y + 1e4, covariates=C, group=GROUP)
    other = {name: value[::-1] for name, value in (VALUES | SLOPES).items()}
    both = [VALUES | SLOPES, other | {"random_intercept_scale": np.array([1e4, 1.0])}]
    draws = {name: np.stack([one[name] for one in both])[None] for name in other}
    tree = build_tree(bind(LINES, x, "numpyro"), Draws(draws, {"lp": np.zeros((1, 2))}), {})
    each = np.mean([moments(x, one) for one in both], axis=0)
    found = inference.group_effects(tree, x)
    np.testing.assert_allclose(found.mean, each[0], rtol=1e-8)
    np.testing.assert_allclose(found.sd, np.sqrt(each[1] - each[0] ** 2), rtol=1e-4)


def test_responses_have_effects_of_their_own(backend):
    """Two columns in parallel: either says of which component a group is, and nothing of the other's effects there."""
    table = pd.DataFrame({"a": Y, "b": Y[::-1] + 0.5, "c": Y**2})
    table.loc[3, "b"] = np.nan
    x = Observations(table, covariates=C, group=GROUP, missing="allow")
    each = {
        "a": families.Regression(random="intercept"),
        "b": families.Regression(random=[1]),
        "c": families.Gaussian(),
    }
    values = {f"a_{site}": value for site, value in VALUES.items()} | {"weights": VALUES["weights"]}
    values |= {f"b_{site}": value for site, value in (VALUES | SLOPES).items()}
    values |= {"c_loc": np.array([1.0, 2.0]), "c_scale": np.array([1.5, 2.5])}
    del values["a_weights"], values["b_weights"]
    alone = [Observations(table[name], covariates=C, group=GROUP, missing="allow") for name in "ab"]
    beside = np.stack(
        [np.bincount(x.group, row) for row in norm([1.0, 2.0], [1.5, 2.5]).logpdf(Y[:, None] ** 2).T], axis=1
    )
    shares = shares_of(dense(alone[0], VALUES) + dense(alone[1], VALUES | SLOPES) + beside)
    right = [moments(alone[0], VALUES, shares=shares), moments(alone[1], VALUES | SLOPES, shares=shares)]
    found = inference.group_effects(point_fit(Mixture(2, families.Product(each), PerGroup()), x, values, backend), x)
    check(found, np.concatenate(right, axis=-1))
    assert found.mean.columns.tolist() == [("a", "intercept"), ("b", "intercept"), ("b", 1)]
    assert found.to_frame().loc[("a", "b", 1), "sd"] == found.sd.loc["a", ("b", 1)]


def test_components_without_effects_have_them_at_0():
    x, none = Observations(Y, covariates=C, group=GROUP), {"random_intercept_scale": np.array([0.8, 0.0])}
    members = families.PerComponent([families.Regression(random="intercept"), families.Regression()])
    values = {f"{site}_{k}": VALUES[site][k] for site in ("intercept", "slope", "scale") for k in range(2)}
    values |= {"weights": VALUES["weights"], "random_intercept_scale_0": np.array(0.8)}
    found = inference.group_effects(point_fit(Mixture(2, members, PerGroup()), x, values), x)
    check(found, moments(x, VALUES | none))
    noise = families.WithNoise(families.Regression(random="intercept"), -4.0, 4.0)
    found = inference.group_effects(point_fit(Mixture(2, noise, PerGroup()), x, VALUES), x)
    densities = np.column_stack([-np.bincount(x.group) * np.log(8.0), dense(x, VALUES)[:, 1]])
    other = VALUES | {"random_intercept_scale": np.array([0.0, 1.7])}
    check(found, moments(x, other, shares=shares_of(densities)))


def test_tables_have_the_names_of_groups_and_covariates():
    table = pd.DataFrame(C, columns=["age", "time"])
    x = Observations(Y, covariates=table, group=GROUP)
    effects_found = inference.group_effects(point_fit(LINES, x, VALUES | SLOPES), x)
    for found in (effects_found.mean, effects_found.sd):
        assert found.index.tolist() == ["b", "a", "c", "d"] and found.columns.tolist() == ["intercept", "time"]
        assert (found.index.name, found.columns.name) == ("group", "effect")
    long = effects_found.to_frame()
    assert long.index.names == ["group", "effect"] and long.columns.tolist() == ["mean", "sd"]
    assert long.loc[("c", "time"), "mean"] == effects_found.mean.loc["c", "time"]
    text = str(effects_found)
    assert text.splitlines()[0] == "Random effects of groups, mean (standard deviation):"
    assert f"{effects_found.mean.loc['c', 'time']:.4g} ({effects_found.sd.loc['c', 'time']:.4g})" in text
    new = Observations([Y[3], np.nan], covariates=table.iloc[[3, 3]], group=["new", "unseen"], missing="allow")
    found = inference.group_effects(point_fit(LINES, x, VALUES | SLOPES), new)
    mean, sd = found.mean, found.sd
    # of a group of which nothing is known effects are as in all groups
    np.testing.assert_allclose(mean.loc["unseen"], 0.0, atol=1e-12)
    prior = sum(VALUES["weights"][k] * np.diag(effects(VALUES | SLOPES, k)) for k in range(2))
    np.testing.assert_allclose(sd.loc["unseen"], np.sqrt(prior), rtol=1e-12)


def test_what_has_no_effects_is_refused():
    x = Observations(Y, covariates=C, group=GROUP)
    values = {name: value for name, value in VALUES.items() if name != "random_intercept_scale"}
    without = point_fit(Mixture(2, families.Regression(), PerGroup()), x, values)
    with pytest.raises(ModelError, match="a model without random effects: Regression"):
        inference.group_effects(without, x)
    with pytest.raises(DataError, match="group: got none"):
        inference.group_effects(point_fit(INTERCEPTS, x, VALUES), Observations(Y, covariates=C))
