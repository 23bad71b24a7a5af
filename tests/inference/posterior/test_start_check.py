"""Chains that cannot start say so through `sample_nuts`, by each sampler and in our words, before a sampler is called.

A family of one's own says where its components start, and nothing but the density tells whether that is a place to start from.
"""

import pytest

import inference
from mixtures import Mixture, priors
from mixtures.errors import FitError
from mixtures.families import Columns
from tests.oracles import FIVE_POINTS

SAMPLERS = ("numpyro", "nutpie", "pyro")


class Bent(Columns):
    """Normal columns whose scale is what a case says."""

    default_priors = {"loc": priors.Normal(priors.MIDRANGE, priors.RANGE)}  # noqa: RUF012 (as a user would write it)

    def scale(self, ppl, loc):
        raise NotImplementedError

    def cell(self, ppl, parameters):
        return ppl.dist.Normal(parameters["loc"], self.scale(ppl, parameters["loc"]))

    def start(self, x, rows, components):
        return {"loc": x[rows]}


class NoDensity(Bent):
    """Beyond all bounds everywhere: the scale is no number."""

    def scale(self, ppl, loc):
        return ppl.xp.sqrt(-1.0 - loc**2)


class NoGradient(Bent):
    """A root at its end: the density is a number, its slope is none."""

    def scale(self, ppl, loc):
        return 1.0 + ppl.xp.sqrt(0.0 * loc)


class Idle(Bent):
    """A direction that nothing depends on, whose prior is flat."""

    default_priors = {**Bent.default_priors, "idle": priors.UniformAngle()}  # noqa: RUF012

    def scale(self, ppl, loc):
        return 1.0 + 0.0 * loc

    def start(self, x, rows, components):
        return {"loc": x[rows], "idle": 0.0 * x[rows]}


def refused(family, sampler):
    with pytest.raises(FitError) as caught:
        inference.sample_nuts(
            Mixture(2, family), FIVE_POINTS, draws=5, tune=5, chains=2, seed=0, sampler=sampler, progress=False
        )
    assert "init=fit_map(" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_starts_without_a_density_are_named(sampler):
    said = refused(NoDensity(), sampler)
    assert said.startswith(
        "sample_nuts: got starts without a finite log density (chain 0: nan, chain 1: nan); expected starts inside"
    )


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_starts_without_a_gradient_are_named(sampler):
    said = refused(NoGradient(), sampler)
    assert said.startswith("sample_nuts: got starts without a finite gradient (chains 0, 1); expected starts inside")


def test_nutpie_says_that_a_coordinate_has_no_slope():
    said = refused(Idle(), "nutpie")
    assert "starts where the log density does not change along some coordinate (chains 0, 1)" in said


@pytest.mark.quick("numpyro", reason="one code serves both backends")
@pytest.mark.parametrize("sampler", ["numpyro", "pyro"])
def test_the_others_need_no_slope(sampler):
    few = {"draws": 2, "tune": 2, "chains": 1}  # without a slope no trajectory turns back: each is as long as may be
    tree = inference.sample_nuts(Mixture(2, Idle()), FIVE_POINTS, seed=0, sampler=sampler, progress=False, **few)
    assert tree.posterior["idle"].shape == (1, 2, 2)
