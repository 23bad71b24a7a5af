"""A component has collapsed when it is a spike on the line that goes with its support; data of many orders of magnitude are no spike."""

import numpy as np
import pytest

import inference
from inference.backends import bind
from inference.backends.ascent import Ascent
from inference.point.judgement import Judge
from inference.point.restarts import judged
from inference.status import Status
from mixtures import Mixture, Observations, families

WIDE = np.exp(np.random.default_rng(0).normal(np.repeat([-6.0, 12.0], 100), 6.0))
"""Two overlapping log-normal components over some thirty orders of magnitude."""


def status_of(model, x, parameters):
    """What is said of a restart that ended at these parameters, at rest."""
    observations = Observations(x)
    bound = bind(model, observations, "numpyro")
    ends = {name: np.array(value, dtype=float)[None] for name, value in parameters.items()}
    ascent = Ascent(ends, np.zeros((1, 2)), {name: np.zeros((1, 1)) for name in ends})
    return judged(Judge(bound), bound, ascent, np.zeros(1)).at[0, "status"]


@pytest.mark.parametrize("family", [families.LogNormal(), families.Gamma()])
def test_many_orders_of_magnitude_are_no_collapse(family):
    fit = inference.fit_map(Mixture(2, family), WIDE, restarts=3, seed=0)
    assert fit.status.is_sound


@pytest.mark.parametrize(("width", "is_sound"), [(1.0, True), (1e-8, False)])
def test_a_spike_is_one_whatever_the_axis(width, is_sound):
    weights = [0.5, 0.5]
    on_log = {"weights": weights, "loc": [np.log(WIDE[0]), 6.0], "scale": [width, 8.0]}
    assert status_of(Mixture(2, families.LogNormal()), WIDE, on_log).is_sound == is_sound
    product = families.Product({"size": families.LogNormal(), "length": families.Gaussian()})
    table = np.column_stack([WIDE, np.random.default_rng(1).normal(size=200)])
    both = {"weights": weights, "size_loc": on_log["loc"], "size_scale": on_log["scale"]}
    both |= {"length_loc": [0.0, 0.5], "length_scale": [1.0, 1.0]}
    assert status_of(Mixture(2, product), table, both).is_sound == is_sound


@pytest.mark.parametrize(("trials", "is_sound"), [(4.0, True), (1e16, False)])
def test_shares_of_nearly_nothing_are_no_spike_but_a_peak_at_one_of_them_is(trials, is_sound):
    shares = np.maximum(np.random.default_rng(2).beta(0.05, 3.0, size=200), 1e-12)
    largest = shares.max()
    # mean at the largest share, and as narrow as that of so many trials
    peaked = {"concentration1": [trials * largest, 0.05], "concentration0": [trials * (1 - largest), 3.0]}
    assert status_of(Mixture(2, families.Beta()), shares, {"weights": [0.5, 0.5], **peaked}).is_sound == is_sound


def test_a_waiting_time_of_zero_can_be_a_spike():
    x = np.r_[np.zeros(3), np.random.default_rng(0).exponential(size=40)]
    model = Mixture(2, families.Exponential())
    assert status_of(model, x, {"weights": [0.1, 0.9], "rate": [1e9, 1.0]}) is Status.COLLAPSED
    assert status_of(model, x, {"weights": [0.1, 0.9], "rate": [2.0, 1.0]}).is_sound
