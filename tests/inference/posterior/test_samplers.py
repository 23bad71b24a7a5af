"""The choice of a sampler is said and explained; nutpie keeps what the other samplers promise."""

import os
import signal

import numpy as np
import pytest
import xarray as xr
from pyro.infer import NUTS

import inference
import mixtures
from inference.samplers import choice
from inference.samplers import nutpie as nutpie_sampler
from inference.samplers.choice import choose_sampler
from mixtures.errors import BackendError
from tests.oracles import FIVE_POINTS


def test_auto_prefers_nutpie_on_a_cpu():
    assert choose_sampler("auto", "numpyro", is_stored=False, is_on_cpu=True).name == "nutpie"


@pytest.mark.parametrize(
    ("options", "name", "reason"),
    [
        ({"is_stored": True}, "numpyro", "store"),
        ({"is_on_cpu": False}, "numpyro", "accelerator"),
        ({"is_single": True}, "numpyro", "single precision"),
        ({"is_on_cpu": False, "is_meshed": True}, "nutpie", "rows on a mesh"),
        ({"is_of_some": True}, "numpyro", "some of the rows"),
        ({"backend": "pyro"}, "pyro", "the backend's own"),
        ({"asked": "pyro"}, "pyro", "asked for"),
    ],
)
def test_auto_says_why_it_takes_another(options, name, reason):
    chosen = choose_sampler(**{"asked": "auto", "backend": "numpyro", "is_stored": False, "is_on_cpu": True} | options)
    assert chosen.name == name
    assert reason in chosen.reason


def test_nutpie_has_no_single_precision():
    with pytest.raises(BackendError, match="sampler='numpyro'"):
        choose_sampler("nutpie", "numpyro", is_stored=False, is_on_cpu=True, is_single=True)


def test_without_nutpie(monkeypatch):
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    chosen = choose_sampler("auto", "numpyro", is_stored=False, is_on_cpu=True)
    assert chosen.name == "numpyro" and "not installed" in chosen.reason
    with pytest.raises(BackendError, match=r"pip install 'bayes-mixtures\[nutpie\]'"):
        choose_sampler("nutpie", "numpyro", is_stored=False, is_on_cpu=True)


@pytest.fixture(scope="module")
def model():
    return mixtures.gaussian_mixture(2, "tied")


@pytest.fixture(scope="module")
def by_nutpie(model):
    options = {"draws": 60, "tune": 60, "chains": 3, "seed": 0, "progress": False}
    return inference.sample_nuts(model, FIVE_POINTS, sampler="nutpie", **options)


def test_nutpies_statistics_have_arvizs_names(by_nutpie):
    stats = by_nutpie["sample_stats"].to_dataset()
    assert {"lp", "energy", "diverging", "n_steps", "tree_depth", "step_size", "acceptance_rate"} <= set(stats)
    assert by_nutpie.attrs["sampler"] == "nutpie NUTS" and by_nutpie.attrs["sampler_reason"] == "asked for"
    assert dict(by_nutpie["posterior"]["loc"].sizes) == {"chain": 3, "draw": 60, "components": 2}
    assert by_nutpie["posterior"]["loc"].dtype == np.float64


def test_nutpies_log_density_is_the_models(by_nutpie, model):
    """In float64: lp differs from the log posterior density by the Jacobians alone, written out here."""
    stats, draws = by_nutpie["sample_stats"].to_dataset(), by_nutpie["posterior"].to_dataset()
    weights, scale = draws["weights"], draws["scale"]
    # scale = exp(u): log scale; (w, 1 - w) by stick breaking, w = expit(u): log w + log (1 - w)
    jacobian = np.log(scale) + np.log(weights).sum("components")
    np.testing.assert_allclose(stats["lp"], stats["log_posterior"] + jacobian, rtol=1e-10)


def test_starts_at_which_a_derivative_vanishes_are_taken(model):
    """Symmetric data and equal weights: the gradient is zero in the weights' coordinate."""
    x = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])
    tree = inference.sample_nuts(model, x, draws=20, tune=50, chains=2, seed=0, sampler="nutpie", progress=False)
    assert np.isfinite(tree["sample_stats"]["lp"]).all()


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_chains_that_take_turns_give_the_same_draws(model, by_nutpie, monkeypatch, at_once):
    monkeypatch.setattr(nutpie_sampler, "_useful_at_once", lambda *_: at_once)
    monkeypatch.setattr(nutpie_sampler, "TURN", 0.002)
    options = {"draws": 60, "tune": 60, "chains": 3, "seed": 0, "progress": False}
    tree = inference.sample_nuts(model, FIVE_POINTS, sampler="nutpie", **options)
    xr.testing.assert_equal(tree["posterior"].to_dataset(), by_nutpie["posterior"].to_dataset())


def test_ctrl_c_stops_nutpie_with_the_draws_so_far(model, by_nutpie, monkeypatch):
    expand, far = nutpie_sampler._Chain._expand, []

    def interrupted(chain, u):
        if chain.drawn == 500:
            far.append(chain)
            if len(far) == 3:
                os.kill(os.getpid(), signal.SIGINT)
        return expand(chain, u)

    monkeypatch.setattr(nutpie_sampler._Chain, "_expand", interrupted)
    found = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        tree = inference.sample_nuts(
            model, FIVE_POINTS, draws=1_000_000, tune=60, chains=3, seed=0, sampler="nutpie", progress=False
        )
    finally:
        signal.signal(signal.SIGINT, found)
    assert tree.attrs["complete"] == 0
    assert 440 <= tree["posterior"].sizes["draw"] < 1_000_000


@pytest.mark.quick("40-1-40", "95-2-45", reason="in warm-up of one chain, and among draws of two")
@pytest.mark.parametrize(("after", "chains", "draws"), [(40, 1, 40), (70, 1, 50), (95, 2, 45), (200, 3, 50)])
def test_ctrl_c_stops_pyro_with_most_of_the_draws_so_far(model, monkeypatch, after, chains, draws):
    """Chains run one after the other: of an unfinished one the draws are kept only if that loses fewer of the others'."""
    seen, sample = [], NUTS.sample

    def interrupted(kernel, params):
        found = sample(kernel, params)
        if kernel._t > 10:  # warm-up is over
            seen.append(kernel)
        if len(seen) == after:
            os.kill(os.getpid(), signal.SIGINT)
        return found

    monkeypatch.setattr(NUTS, "sample", interrupted)
    found = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        tree = inference.sample_nuts(
            model, FIVE_POINTS, draws=50, tune=10, chains=3, seed=0, sampler="pyro", progress=False
        )
    finally:
        signal.signal(signal.SIGINT, found)
    assert tree.attrs["complete"] == (after == 200)
    assert dict(tree["posterior"]["weights"].sizes) == {"chain": chains, "draw": draws, "components": 2}
