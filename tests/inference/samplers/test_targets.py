"""Samplers know a density of one vector, and nothing else: each draws from a plain normal distribution, whose moments are known.

And a sampler is one file: a random walk that nobody here has heard of is registered, and serves `sample_nuts`.
"""

import sys
import types
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import inference
from inference.backends.target import Target
from inference.samplers import choice, jax_targets, smc, variational
from inference.samplers.choice import SAMPLERS, Kind, Sampler
from inference.samplers.options import NutsOptions
from inference.samplers.protocol import Draws, Frame, Starts
from mixtures import gaussian_mixture
from mixtures.errors import BackendError, ChoiceError
from mixtures.seeds import generator

MEAN, SD, RHO = np.array([1.0, -2.0]), np.array([0.5, 3.0]), 0.6
COVARIANCE = np.array([[SD[0] ** 2, RHO * SD[0] * SD[1]], [RHO * SD[0] * SD[1], SD[1] ** 2]])


@dataclass(frozen=True)
class Plain:
    """A correlated normal, all of it likelihood; data bring its numbers."""

    xp: str

    def parts(self, u, data, *frame):
        if frame:
            u = frame[0] + frame[1] * u
        apart = u - data["mean"]
        return -0.5 * apart @ data["precision"] @ apart, 0.0 * u[0]

    def constrain(self, u, data):
        return {"u": u, "first": u[0]}


def target(kind="jax"):
    arrays = {"mean": MEAN, "precision": np.linalg.inv(COVARIANCE)}
    data = {name: torch.tensor(value) for name, value in arrays.items()} if kind == "torch" else arrays
    return Target(Plain(kind), data)


STARTS = Starts(np.array([[1.0, -2.0], [0.0, 0.0], [2.0, -5.0], [1.5, 1.0]]), Frame(np.zeros(2), np.ones(2)))


def check_moments(u):
    """Means and second moments within five standard errors, by the spread of many blocks of the chains: eight would know it badly."""
    blocks = np.concatenate(np.split(u, 8, axis=1))
    for function, right in (
        (lambda v: v.mean(axis=1), MEAN),
        (lambda v: ((v - MEAN) ** 2).mean(axis=1), SD**2),
        (lambda v: np.prod(v - MEAN, axis=2).mean(axis=1)[:, None], COVARIANCE[:1, 1]),
    ):
        each = function(blocks)
        error = each.std(axis=0, ddof=1) / np.sqrt(len(each))
        assert (np.abs(each.mean(axis=0) - right) < 5 * error + 0.02 * np.abs(right)).all()


@pytest.mark.statistical
@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_draws_from_a_plain_normal(name):
    if name == "nutpie":
        pytest.importorskip("nutpie")
    draws = 1000 if name != "pyro" else 400
    sampler = Sampler(name, SAMPLERS[name].backend, "asked for")
    found = sampler.sample(
        target("torch" if name == "pyro" else "jax"),
        STARTS,
        NutsOptions(draws, 300, 0.8, 0),
        progress=False,
        store=None,
        is_stopped=lambda: False,
    )
    assert found.parameters["u"].shape == (4, draws, 2) and found.stats["lp"].shape == (4, draws)
    np.testing.assert_array_equal(found.parameters["first"], found.parameters["u"][..., 0])
    check_moments(found.parameters["u"])


@pytest.mark.statistical
def test_smc_knows_the_evidence_of_a_plain_normal():
    """Prior uniform of no density's own: the integral of exp(-q/2) under a wide normal prior, in closed form."""

    @dataclass(frozen=True)
    class Tempered(Plain):
        def parts(self, u, data, *frame):
            likelihood, _ = super().parts(u, data, *frame)
            return likelihood, -0.5 * jnp.sum((u / 10) ** 2) - jnp.log(2 * jnp.pi * 100)

    cloud = Target(Tempered("jax"), target().data, from_prior=lambda keys: 10 * jax.vmap(_normal)(keys))
    found, evidence = smc.sample(cloud, particles=500, runs=4, moves=5, least_effective=0.5, seed=0, progress=False)
    whole = COVARIANCE + 100 * np.eye(2)
    right = 0.5 * np.linalg.slogdet(COVARIANCE)[1] - 0.5 * np.linalg.slogdet(whole)[1]
    right -= 0.5 * MEAN @ np.linalg.solve(whole, MEAN)
    error = evidence.std(ddof=1) / 2
    assert abs(evidence.mean() - right) < 5 * error + 0.05
    assert found.parameters["u"].shape == (4, 500, 2)


def _normal(key):
    return jax.random.normal(key, (2,))


def test_variational_normals_are_the_normal_itself():
    found = variational.fit(
        target(),
        Frame(np.zeros(2), np.ones(2)),
        family="multivariate",
        steps=500,
        learning_rate=0.05,
        draws=4000,
        seed=0,
    )
    np.testing.assert_allclose(found.parameters["u"].mean(axis=0), MEAN, atol=0.2)
    np.testing.assert_allclose(np.cov(found.parameters["u"].T), COVARIANCE, rtol=0.15, atol=0.1)


def walk(target, starts, options, *, progress, store, is_stopped):
    """Random-walk Metropolis in the units of the frame: a sampler of one file."""
    rng = generator(options.seed, "walk")

    with jax.enable_x64(True):
        data = jax.tree.map(jnp.asarray, target.data)
        height = jax.jit(lambda u: jax_targets.log_density(target.density, u, data))
        chains, stats = [], []
        for at in starts.vectors:
            density, kept, heights = float(height(at)), [], []
            for _ in range(options.tune + options.draws):
                ahead = at + 0.7 * starts.frame.unit * rng.normal(size=len(at))
                new = float(height(ahead))
                if np.log(rng.random()) < new - density:
                    at, density = ahead, new
                kept.append(at)
                heights.append(density)
            chains.append(kept[options.tune :])
            stats.append(heights[options.tune :])
    return Draws(jax_targets.constrained_draws(target, np.array(chains)), {"lp": np.array(stats)})


@pytest.fixture
def random_walk(monkeypatch):
    module = types.ModuleType("a_users_sampler")
    module.sample = walk
    monkeypatch.setitem(sys.modules, "a_users_sampler", module)
    monkeypatch.setitem(choice.SAMPLERS, "walk", Kind("a_users_sampler", "numpyro", method="random walk"))


@pytest.mark.statistical
def test_a_sampler_of_ones_own_draws_from_a_plain_normal(random_walk):
    found = Sampler("walk", "numpyro", "asked for").sample(
        target(),
        Starts(STARTS.vectors, Frame(MEAN, SD)),
        NutsOptions(6000, 500, 0.8, 0),
        progress=False,
        store=None,
        is_stopped=lambda: False,
    )
    check_moments(found.parameters["u"])


def test_a_sampler_of_ones_own_serves_the_verb(random_walk, tmp_path):
    x = np.array([0.0, 0.5, 1.0, 2.0, 2.5, 3.0])
    post = inference.sample_nuts(
        gaussian_mixture(2, "tied"), x, sampler="walk", draws=30, tune=20, chains=2, seed=0, progress=False
    )
    assert post.attrs["sampler"] == "walk random walk" and post["posterior"]["loc"].shape == (2, 30, 2)
    with pytest.raises(BackendError, match="a sampler that works in blocks"):
        inference.sample_nuts(gaussian_mixture(2), x, sampler="walk", seed=0, store=tmp_path / "store")


def test_unknown_samplers_are_refused_with_the_known_ones():
    with pytest.raises(ChoiceError, match="'auto', 'numpyro', 'nutpie', 'pyro'"):
        choice.choose_sampler("gibbs", "numpyro", is_stored=False, is_on_cpu=True)
