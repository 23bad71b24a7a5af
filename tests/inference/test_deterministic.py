"""`ppl.deterministic` keeps a function of the parameters: in every tree, under its dims, relabelled like a parameter.

Expectations are computed from the draws themselves, by hand.
"""

import numpy as np
import numpyro
import pyro
import pytest
import torch

import inference
from inference.backends import bind, engine
from mixtures import Observations, declare
from mixtures.errors import ModelError

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.normal(0.0, 1.0, 15), RNG.normal(2.0, 1.0, 15)])


@declare
def by_sticks(ppl, x=None, size=None):
    """Weights by breaking a stick; a precision of each component; a contrast; and something of each row, which is of its assignment."""
    sticks = ppl.sample("sticks", ppl.dist.Beta(ppl.xp.ones(1), ppl.xp.ones(1)).to_event(1), dims=("breaks",))
    rest = ppl.xp.concatenate if hasattr(ppl.xp, "concatenate") else ppl.xp.concat
    weights = ppl.deterministic("weights", rest([sticks, 1 - sticks]), dims=("components",))
    with ppl.plate("components", 2):
        loc = ppl.sample("loc", ppl.dist.Normal(0.0, 3.0))
        scale = ppl.sample("scale", ppl.dist.LogNormal(0.0, 0.3))
        ppl.deterministic("precision", 1 / scale**2)
        ppl.deterministic("quantiles", ppl.xp.stack([loc - scale, loc + scale], -1), dims=("ends",))
    ppl.deterministic("apart", ppl.xp.abs(loc[0] - loc[1]))
    with ppl.plate("rows", len(x) if x is not None else size):
        z = ppl.assign("assignment", weights)
        ppl.deterministic("row_mean", loc[z])
        return ppl.sample("obs", ppl.dist.Normal(loc[z], scale[z]), obs=x)


OPTIONS = {"draws": 8, "tune": 20, "chains": 2, "seed": 0, "progress": False}


@pytest.fixture(scope="module", params=["numpyro", "pyro"])
def post(request):
    return inference.sample_nuts(by_sticks, X, backend=request.param, **OPTIONS)


def check(draws):
    stick = draws["sticks"].values[..., 0]
    np.testing.assert_allclose(draws["weights"], np.stack([stick, 1 - stick], -1), rtol=1e-12)
    np.testing.assert_allclose(draws["precision"], draws["scale"].values ** -2, rtol=1e-12)
    ends = np.stack([draws["loc"] - draws["scale"], draws["loc"] + draws["scale"]], -1)
    np.testing.assert_allclose(draws["quantiles"], ends, rtol=1e-12)
    np.testing.assert_allclose(draws["apart"], np.abs(np.diff(draws["loc"].values, axis=-1))[..., 0], rtol=1e-12)


@pytest.mark.quick("numpyro", reason="one code serves both backends")
def test_trees_have_them_with_their_dims(post):
    draws = post["posterior"].to_dataset()
    check(draws)
    dims = {name: draws[name].dims[2:] for name in ("weights", "precision", "quantiles", "apart")}
    assert dims == {
        "weights": ("components",),
        "precision": ("components",),
        "quantiles": ("components", "ends"),
        "apart": (),
    }
    assert "row_mean" not in draws  # of the assignments, which are summed out


@pytest.mark.quick("fit_laplace", reason="draws of all go through one code")
@pytest.mark.parametrize("verb", ["sample_smc", "fit_laplace", "fit_vi"])
def test_every_sampler_keeps_them(verb):
    options = {"sample_smc": {"particles": 20, "runs": 1, "progress": False}, "fit_vi": {"steps": 50, "draws": 10}}
    check(getattr(inference, verb)(by_sticks, X, seed=0, **options.get(verb, {"draws": 10}))["posterior"].to_dataset())


def test_relabelling_permutes_them_with_their_components(post):
    after = inference.relabel(post, method="ordering", by="loc")
    before, draws = post["posterior"].to_dataset(), after["posterior"].to_dataset()
    permutation = after["relabelling"]["permutation"].values
    for name in ("precision", "loc"):
        np.testing.assert_array_equal(draws[name], np.take_along_axis(before[name].values, permutation, -1))
    np.testing.assert_allclose(draws["precision"], draws["scale"].values ** -2, rtol=1e-12)
    np.testing.assert_array_equal(draws["apart"], before["apart"])


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_densities_do_not_know_of_them(backend):
    @declare
    def without(ppl, x):
        sticks = ppl.sample("sticks", ppl.dist.Beta(ppl.xp.ones(1), ppl.xp.ones(1)).to_event(1))
        rest = ppl.xp.concatenate if hasattr(ppl.xp, "concatenate") else ppl.xp.concat
        weights = rest([sticks, 1 - sticks])
        with ppl.plate("components", 2):
            loc = ppl.sample("loc", ppl.dist.Normal(0.0, 3.0))
            scale = ppl.sample("scale", ppl.dist.LogNormal(0.0, 0.3))
        with ppl.plate("rows", len(x)):
            z = ppl.assign("assignment", weights)
            ppl.sample("obs", ppl.dist.Normal(loc[z], scale[z]), obs=x)

    values = {"sticks": np.array([[0.3]]), "loc": np.array([[0.1, 1.7]]), "scale": np.array([[0.9, 1.2]])}
    for ask in ("log_likelihoods", "log_priors"):
        with_them, plain = (
            getattr(bind(program, Observations(X), backend), ask)(values) for program in (by_sticks, without)
        )
        np.testing.assert_allclose(with_them, plain, rtol=1e-12)
    assert engine(backend).sites(by_sticks, Observations(X)).free_parameters == 5


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_other_verbs_leave_them_alone(backend):
    fit = inference.fit_map(by_sticks, X, restarts=2, steps=50, seed=0, backend=backend)
    assert set(fit.parameters) == {"sticks", "loc", "scale"}
    assert inference.classify(fit, X).shape == (30,)
    inference.fit_guide(fit, X, steps=3, seed=0)


def test_native_models_record_them():
    seeded = numpyro.handlers.seed(by_sticks.numpyro, 0)
    trace = numpyro.handlers.trace(seeded).get_trace(X.astype(np.float32))
    assert trace["precision"]["type"] == "deterministic"
    nodes = pyro.poutine.trace(by_sticks.pyro).get_trace(torch.tensor(X)).nodes
    np.testing.assert_allclose(nodes["precision"]["value"], nodes["scale"]["value"] ** -2, rtol=1e-6)


def test_a_new_function_of_the_same_parameters_is_seen():
    """A closure that only a kept value reads: the density is the same, the kept value is not."""
    power = [1.0]

    @declare
    def powers(ppl, x):
        with ppl.plate("components", 2):
            scale = ppl.sample("scale", ppl.dist.LogNormal(0.0, 0.3))
            ppl.deterministic("power", scale ** power[0])
        with ppl.plate("rows", len(x)):
            z = ppl.assign("assignment", ppl.xp.ones(2) / 2)
            ppl.sample("obs", ppl.dist.Normal(0.0, scale[z]), obs=x)

    values = {"scale": np.array([[0.5, 2.0]])}
    for power[0] in (1.0, 3.0):
        found = engine("numpyro").bind(powers, Observations(X)).deterministic(values)["power"]
        np.testing.assert_allclose(found, values["scale"] ** power[0], rtol=1e-12)


def test_axes_without_names_are_refused_inside_a_plate(backend):
    @declare
    def unnamed(ppl, x):
        with ppl.plate("components", 2):
            loc = ppl.sample("loc", ppl.dist.Normal(0.0, 3.0))
            ppl.deterministic("both", ppl.xp.stack([loc, loc], -1))
        with ppl.plate("rows", len(x)):
            z = ppl.assign("assignment", ppl.xp.ones(2) / 2)
            ppl.sample("obs", ppl.dist.Normal(loc[z], 1.0), obs=x)

    with pytest.raises(ModelError, match="a name for each axis right of those of its plates"):
        engine(backend).sites(unnamed, Observations(X))
