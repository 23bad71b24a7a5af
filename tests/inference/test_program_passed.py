"""A tree whose program cannot be imported again: every verb takes it as `program=`, refuses another, and says so where there is none."""

import numpy as np
import pytest
import xarray as xr

import inference
from mixtures import declare, gaussian_mixture
from mixtures.errors import ModelError, StoredFileError

X = np.concatenate([np.random.default_rng(0).normal(size=12), np.random.default_rng(1).normal(2.5, 1.0, 8)])


def made(width=1.0):
    @declare
    def two_normals(ppl, x):
        with ppl.plate("components", 2):
            loc = ppl.sample("loc", ppl.dist.Normal(1.0, 3.0))
        with ppl.plate("rows", len(x)):
            z = ppl.assign("assignment", ppl.xp.ones(2) / 2)
            ppl.sample("obs", ppl.dist.Normal(loc[z], width), obs=x)

    return two_normals


PROGRAM = made()
VERBS = {
    "relabel": lambda tree, **more: inference.relabel(tree, "ordering", **more)["posterior"]["loc"].values,
    "diagnose_labels": lambda tree, **more: inference.diagnose_labels(tree, **more).switching.possible,
    "similarity": lambda tree, **more: inference.similarity(tree, **more),
    "partition": lambda tree, **more: inference.partition(tree, seed=0, **more).labels,
    "responsibilities": lambda tree, **more: inference.responsibilities(tree, X[:3], **more),
    "log_likelihood": lambda tree, **more: inference.log_likelihood(tree, X[:3], **more),
    "check_posterior": lambda tree, **more: len(inference.check_posterior(tree, **more).warnings),
    "match": lambda tree, **more: inference.match(tree, tree, **more).permutations,
    "align": lambda tree, **more: inference.align(tree, tree, **more)["posterior"]["loc"].values,
}


@pytest.fixture(scope="module")
def here():
    return inference.sample_nuts(
        PROGRAM, X, draws=10, tune=30, chains=2, seed=0, sampler="numpyro", progress=False, log_likelihood=True
    )


@pytest.fixture(scope="module")
def elsewhere(here) -> xr.DataTree:
    """As another process has it: the attribute by which this one knows the program is gone."""
    tree = here.copy(deep=False)
    tree.attrs = {name: value for name, value in here.attrs.items() if name != "program_token"}
    return tree


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_take_the_program(verb, here, elsewhere):
    with pytest.raises(StoredFileError, match="program=" if verb != "x" else ""):
        VERBS[verb](elsewhere)
    np.testing.assert_array_equal(VERBS[verb](elsewhere, program=PROGRAM), VERBS[verb](here))


@pytest.mark.parametrize("verb", VERBS)
def test_another_program_is_refused(verb, here):
    with pytest.raises(StoredFileError, match="program"):
        VERBS[verb](here, program=gaussian_mixture(2))
    with pytest.raises(ModelError, match="program"):
        VERBS[verb](here, program="two_normals")
