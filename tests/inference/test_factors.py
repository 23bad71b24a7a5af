"""Trees show correlations, and verbs find the Cholesky factors that they are of; neither can come apart from the other without a word."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import inference
import mixtures
from inference.factors import readable, with_factors
from mixtures import Mixture, families
from mixtures.errors import DataError

NAMES = ["a", "b", "c"]


@pytest.fixture(scope="module")
def x():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 1, (30, 3)), rng.normal(1.5, 1, (30, 3)) @ np.tri(3)])
    return mixtures.Observations(values, feature_names=NAMES)


@pytest.fixture(scope="module")
def tree(x):
    model = mixtures.gaussian_mixture(2)
    return inference.sample_nuts(model, x, draws=30, tune=60, chains=2, seed=0, progress=False, predictive=True)


def test_every_pair_has_its_correlation_once(tree):
    shown, root = tree["posterior"]["correlation"], tree["factors"]["correlation_cholesky"].values
    assert shown.dims == ("chain", "draw", "components", "pairs")
    assert shown["pairs"].values.tolist() == ["a, b", "a, c", "b, c"]
    right = root @ root.swapaxes(-1, -2)
    for p, (i, j) in enumerate([(0, 1), (0, 2), (1, 2)]):
        np.testing.assert_allclose(shown.values[..., p], right[..., i, j], atol=1e-12)
    assert (
        "correlation_cholesky" not in tree["posterior"].data_vars
        and "correlation_cholesky" not in tree["prior"].data_vars
    )


def test_nothing_in_the_posterior_is_constant(tree):
    """What ArviZ's tables cannot do anything with."""
    for variable in tree["posterior"].data_vars.values():
        assert (variable.std(["chain", "draw"]) > 0).all()


def test_verbs_find_the_factors(tree, x):
    terms = inference.log_likelihood(tree, x)
    posterior = tree["posterior"]
    root = posterior["scale"].values[..., None] * tree["factors"]["correlation_cholesky"].values
    for c, d in ((0, 0), (1, 29)):
        density = sum(
            posterior["weights"].values[c, d, k]
            * stats.multivariate_normal(posterior["loc"].values[c, d, k], root[c, d, k] @ root[c, d, k].T).pdf(x.x)
            for k in range(2)
        )
        np.testing.assert_allclose(terms[c, d], np.log(density), atol=1e-9)


def test_relabelling_moves_correlations_and_factors_together(tree):
    moved = inference.relabel(tree, method="ordering", by="loc")
    order = moved["relabelling"]["permutation"].values
    for now, then in (("posterior", "posterior_raw"), ("factors", "factors_raw")):
        name = "correlation" if now == "posterior" else "correlation_cholesky"
        raw, new = moved[then][name].values, moved[now][name].values
        right = np.take_along_axis(raw, order.reshape(*order.shape, *[1] * (raw.ndim - 3)), axis=2)
        assert np.array_equal(new, right)


def test_there_and_back(tree):
    back = readable(with_factors(tree))
    assert set(back.children) == set(tree.children)
    for name in ("posterior", "factors"):
        xr.testing.assert_equal(back[name].to_dataset(), tree[name].to_dataset())


def test_cut_and_picked_draws_keep_them_together(tree, x):
    whole = inference.log_likelihood(tree, x)
    some, one = (
        inference.log_likelihood(tree.isel(draw=slice(10, 20)), x),
        inference.log_likelihood(tree.isel(chain=0), x),
    )
    np.testing.assert_allclose(some, whole[:, 10:20], rtol=1e-12)
    np.testing.assert_allclose(one, whole[:1], rtol=1e-12)


def test_draws_without_their_factors_are_refused(tree, x):
    apart = tree.copy()
    apart["posterior"] = tree["posterior"].isel(draw=slice(None, None, -1))
    with pytest.raises(DataError, match="not of the factors in 'factors'"):
        inference.responsibilities(apart, x)


def test_a_tree_that_has_factors_in_its_posterior_is_read_as_well(tree, x):
    """As trees of earlier versions have, and those that a user makes."""
    old = with_factors(tree)
    assert np.array_equal(inference.log_likelihood(old, x), inference.log_likelihood(tree, x))
    assert "correlation[0, a, b]" in inference.summary(old).index


def test_structures_by_volume_and_orientation_are_summed_up_by_what_people_read(x):
    """Standard deviations and correlations of the drawn covariances, by hand from volume, shape and rotation."""
    model = mixtures.gaussian_mixture(2, "VEV")
    tree = inference.sample_nuts(model, x, draws=10, tune=40, chains=2, seed=0, progress=False)
    table, posterior = inference.summary(tree), tree["posterior"]
    assert not [name for name in table.index if name.startswith(("log_volume", "log_shape", "orientation"))]
    means = np.zeros((2, 3, 3))
    for c, d, k in np.ndindex(2, 10, 2):
        values = {name: posterior[name].values[c, d] for name in ("loc", "scale", "log_volume", "orientation")}
        matrix = mixtures.families.Gaussian("VEV").parts().covariances(values, 3)[k]
        scale = np.sqrt(np.diag(matrix))
        means[k] += (matrix / np.outer(scale, scale)) / 20
        means[k][np.diag_indices(3)] += scale / 20 - 1 / 20
    for k, (i, j) in ((0, (0, 1)), (1, (1, 2))):
        assert table.loc[f"correlation[{k}, {NAMES[i]}, {NAMES[j]}]", "mean"] == pytest.approx(means[k, i, j], abs=1e-9)
        assert table.loc[f"scale[{k}, {NAMES[i]}]", "mean"] == pytest.approx(means[k, i, i], abs=1e-9)


@pytest.mark.slow  # correlations come from roots by one code
def test_a_family_for_each_component_shows_the_correlation_of_its_own(x):
    two = mixtures.Observations(x.x[:, :2], feature_names=NAMES[:2])
    model = Mixture(2, families.PerComponent([families.Gaussian("full"), families.Gaussian("diag")]))
    fit = inference.fit_map(model, two, restarts=2, seed=0)
    root = fit.parameters["correlation_cholesky_0"]
    shown = fit.to_frame().loc["correlation_0[a, b]"]
    assert shown[0] == pytest.approx((root @ root.T)[0, 1]) and np.isnan(shown[1])
    tree = inference.sample_nuts(model, two, draws=10, tune=20, chains=1, seed=0, init=fit, progress=False)
    assert list(tree["factors"].data_vars) == ["correlation_cholesky_0"]
    assert "correlation_0[a, b]" in inference.summary(tree).index
    np.testing.assert_allclose(inference.log_likelihood(tree, two), tree["log_likelihood"]["obs"], atol=1e-9)
