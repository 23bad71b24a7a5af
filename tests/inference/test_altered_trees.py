"""Trees that were altered since they were made: read rightly, or refused in words, by every verb that takes one."""

from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import inference
import mixtures
from inference.partitions.credible_ball import credible_ball
from inference.partitions.sampled import SampledPartitions
from inference.partitions.summaries import cluster_summary
from mixtures.errors import DataError, MixturesError, ModelError

RNG = np.random.default_rng(0)
X = pd.DataFrame(np.r_[RNG.normal(0, 1, (15, 2)), RNG.normal(3, 1, (15, 2))], columns=["a", "b"])


@pytest.fixture(scope="module")
def post():
    model = mixtures.gaussian_mixture(2, "diag")
    return inference.sample_nuts(model, X, draws=30, tune=50, chains=2, seed=0, sampler="numpyro", progress=False)


@pytest.fixture(scope="module")
def relabelled(post):
    return inference.relabel(post)


VERBS = {
    "responsibilities": lambda tree: inference.responsibilities(tree, X),
    "interval": lambda tree: inference.responsibilities(tree, X, interval=0.9),
    "log_likelihood": lambda tree: inference.log_likelihood(tree, X),
    "similarity": inference.similarity,
    "partition": lambda tree: inference.partition(tree, restarts=1, seed=0),
    "relabel": inference.relabel,
    "ordering": lambda tree: inference.relabel(tree, "ordering"),
    "diagnose_labels": lambda tree: str(inference.diagnose_labels(tree)),
    "check_posterior": lambda tree: str(inference.check_posterior(tree)),
    "classify": lambda tree: inference.classify(tree, X),
    "align": lambda tree: inference.align(tree, tree),
    "cluster_parameters": lambda tree: inference.cluster_parameters(tree, np.arange(30) % 2, seed=0),
}


def changed(name, change):
    """An alteration of one group."""

    def alter(tree):
        altered = tree.copy(deep=False)
        altered[name] = xr.DataTree(change(tree[name].to_dataset()))
        return altered

    return alter


def renamed(name, new):
    """An alteration of a group's name; None drops it."""

    def alter(tree):
        groups = {(new if key == name else key): node.to_dataset() for key, node in tree.children.items()}
        groups.pop(None, None)
        altered = xr.DataTree.from_dict(groups)
        altered.attrs = dict(tree.attrs)
        return altered

    return alter


def told(**attrs):
    """An alteration of attributes; None drops one."""

    def alter(tree):
        altered = tree.copy(deep=False)
        altered.attrs = {key: value for key, value in {**tree.attrs, **attrs}.items() if value is not None}
        return altered

    return alter


def picked(**indices):
    return lambda tree: tree.isel(indices, missing_dims="ignore")


SAME = {
    "dims in another order": lambda tree: tree.map_over_datasets(
        lambda group: group.transpose(*reversed(list(group.dims)))
    ),
    "components before chains": changed("posterior", lambda group: group.transpose(..., "components", "chain", "draw")),
    "data the other way round": changed("observed_data", lambda group: group.transpose()),
    "no list of parameters": told(parameters=None),
    "another list of parameters": told(parameters=7),
    "something added": changed("posterior", lambda group: group.assign(more=("z", np.zeros(3)))),
    "chains in a list": picked(chain=[0, 1]),
}


@pytest.mark.parametrize("name", SAME)
def test_what_changes_nothing_changes_nothing(name, post):
    altered = SAME[name](post)
    for verb in ("responsibilities", "log_likelihood", "similarity"):
        np.testing.assert_array_equal(VERBS[verb](altered), VERBS[verb](post))
    np.testing.assert_array_equal(
        inference.relabel(altered)["relabelling"]["permutation"], inference.relabel(post)["relabelling"]["permutation"]
    )


@pytest.mark.parametrize("indices", [{"chain": 1}, {"chain": [1]}, {"draw": slice(3, 20)}, {"chain": 0, "draw": 4}])
def test_some_of_the_draws_are_those_draws(indices, post):
    every = inference.log_likelihood(post, X)
    chains, draws = indices.get("chain", slice(None)), indices.get("draw", slice(None))
    some = np.atleast_1d(np.arange(2)[chains]), np.atleast_1d(np.arange(30)[draws])
    altered = picked(**indices)(post)
    np.testing.assert_allclose(inference.log_likelihood(altered, X), every[np.ix_(*some)], rtol=1e-12)
    assert inference.relabel(altered)["relabelling"]["cost"].shape == tuple(map(len, some))


BROKEN = {
    "no loc": changed("posterior", lambda group: group.drop_vars("loc")),
    "no chain": changed("posterior", lambda group: group.isel(chain=0, drop=True)),
    "stacked": changed("posterior", lambda group: group.stack(sample=("chain", "draw"))),
    "no draws": picked(draw=slice(0, 0)),
    "fewer draws in one group": changed("posterior", lambda group: group.isel(draw=slice(3, 20))),
    "means": changed("posterior", lambda group: group.mean(("chain", "draw"))),
    "one component": changed("posterior", lambda group: group.isel(components=[0])),
    "a component": changed("posterior", lambda group: group.isel(components=0)),
    "another name of components": changed("posterior", lambda group: group.rename(components="component")),
    "one feature": picked(features=[0]),
    "text": changed("posterior", lambda group: group.assign(loc=group["loc"].astype(str))),
    "complex": changed("posterior", lambda group: group.assign(loc=group["loc"].astype(complex))),
    "empty": changed("posterior", lambda group: xr.Dataset()),
    "no posterior": renamed("posterior", None),
    "posterior of another name": renamed("posterior", "draws"),
    "no data": renamed("observed_data", None),
    "empty data": changed("observed_data", lambda group: xr.Dataset()),
    "data of another name": changed("observed_data", lambda group: group.rename(obs="y")),
    "data as text": changed("observed_data", lambda group: group.assign(obs=group["obs"].astype(str))),
    "no backend": told(backend=None),
    "another backend": told(backend="stan"),
    "a number for a program": told(program=7, program_token=None),
    "another program": told(program="[]", program_token=None),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_refused_by_every_verb(name, post):
    altered = BROKEN[name](post)
    for verb in VERBS.values():
        with pytest.raises(MixturesError, match="; expected"):
            verb(altered)


HARMLESS = {
    "no statistics": renamed("sample_stats", None),
    "empty statistics": changed("sample_stats", lambda group: xr.Dataset()),
    "no pointwise likelihood": renamed("log_likelihood", None),
    "empty pointwise likelihood": changed("log_likelihood", lambda group: xr.Dataset()),
    "no constants": renamed("constant_data", None),
    "fewer rows": picked(rows=slice(0, 20)),
    "NaN": changed("posterior", lambda group: group.where(group["draw"] != 3)),
    "no attributes": lambda tree: told(**dict.fromkeys(tree.attrs))(tree),
    "no program": told(program=None, program_token=None),
    "names in an array": told(has_feature_names=np.arange(3)),
    "text beside draws": changed(
        "posterior", lambda group: group.assign(more=(("chain", "draw", "components"), np.full((2, 30, 2), "a")))
    ),
}
OF_RELABELLED = {
    "transposed permutation": changed("relabelling", lambda group: group.transpose()),
    "no permutation": changed("relabelling", lambda group: group.drop_vars("permutation")),
    "half a permutation": changed("relabelling", lambda group: group.assign(permutation=group["permutation"] / 2)),
    "no cost": changed("relabelling", lambda group: group.drop_vars("cost")),
    "no method": changed("relabelling", lambda group: group.drop_attrs()),
    "no raw draws": renamed("posterior_raw", None),
    "fewer raw draws": changed("posterior_raw", lambda group: group.isel(draw=slice(3, 20))),
}


@pytest.mark.parametrize("name", [*HARMLESS, *OF_RELABELLED])
@pytest.mark.filterwarnings("ignore:invalid value|Degrees of freedom|All-NaN")
def test_nothing_ends_in_an_error_of_others(name, post, relabelled):
    altered = HARMLESS[name](post) if name in HARMLESS else OF_RELABELLED[name](relabelled)
    for verb in VERBS.values():
        with suppress(MixturesError):
            verb(altered)


def test_a_transposed_permutation_is_the_same(relabelled):
    altered = OF_RELABELLED["transposed permutation"](relabelled)
    assert str(inference.diagnose_labels(altered)) == str(inference.diagnose_labels(relabelled))


@pytest.mark.parametrize("attrs", [{"mine": object()}, {"mine": {"a": 1}}, {"mine": None}, {"mine": [1, "a", None]}])
def test_what_netcdf_has_no_words_for_is_refused(attrs, post, tmp_path):
    altered = post.copy(deep=False)
    altered.attrs = {**post.attrs, **attrs}
    with pytest.raises(ModelError, match="something that cannot be written"):
        inference.save(altered, tmp_path / "tree.nc")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("alter", [*SAME.values(), picked(chain=0), BROKEN["no data"], BROKEN["stacked"]])
def test_altered_trees_are_saved_as_they_are_or_refused(alter, post, tmp_path):
    altered = alter(post)
    try:
        back = inference.load(inference.save(altered, tmp_path / "tree.nc"))
    except ModelError:  # netCDF has no stacked dims
        assert not list(tmp_path.iterdir())
        return
    xr.testing.assert_identical(back["posterior"].to_dataset(), altered["posterior"].to_dataset())


CLUSTERS = [
    np.full(30, 0.5),
    np.arange(30) - 1,
    np.full(30, 30),
    np.full(30, "a"),
    np.full((2, 30), 1),
    [[0], [0, 1]],
    None,
]


@pytest.mark.parametrize("labels", CLUSTERS)
def test_labels_that_are_no_clusters_are_refused(labels, post):
    with pytest.raises(DataError, match="; expected"):
        inference.cluster_parameters(post, labels, seed=0)
    if labels is not None:
        with pytest.raises(DataError, match="; expected"):
            inference.relabel(post, pivot=labels)
    with pytest.raises(DataError, match="; expected"):
        cluster_summary(X, labels)
    if isinstance(labels, np.ndarray) and labels.dtype.kind == "i" and labels.ndim == 1:
        with pytest.raises(DataError, match="number of each row's cluster"):
            credible_ball(labels, SampledPartitions.of(np.zeros((2, 30), dtype=int)))
