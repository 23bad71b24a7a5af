"""Directions come back on one turn, cut where no draws are, and densities do not tell turns apart."""

import numpy as np
import pytest
from scipy import stats

import inference
from inference.backends import bind
from inference.posterior.circle import on_one_turn, unrolled
from inference.samplers.protocol import Draws
from mixtures import Mixture, Observations, families, priors, simulate

X = Observations(np.random.default_rng(0).vonmises(np.pi, 2.0, size=20))


@pytest.mark.parametrize("centres", [(3.1, -2.0), (0.0, 3.0), (-3.1, 0.5)])
def test_draws_on_any_turn_come_back_together(centres):
    rng = np.random.default_rng(1)
    angles = np.stack([rng.vonmises(centre, 20.0, size=(2, 500)) for centre in centres], axis=2)
    turned = angles + 2 * np.pi * rng.integers(-2, 3, size=angles.shape)
    found = on_one_turn(turned)
    np.testing.assert_allclose(np.exp(1j * found), np.exp(1j * angles), atol=1e-12)
    assert np.ptp(found) <= 2 * np.pi
    for k, centre in enumerate(centres):
        # a component is in one piece: its plain spread is its circular one
        assert found[..., k].std() == pytest.approx(stats.circstd(angles[..., k]), rel=0.02)
        assert np.abs(np.exp(1j * found[..., k].mean()) - np.exp(1j * centre)) < 0.05
    np.testing.assert_array_equal(on_one_turn(np.stack([turned] * 3, axis=3)), np.stack([found] * 3, axis=3))


@pytest.mark.parametrize(
    ("family", "site"),
    [
        (families.VonMises(), "loc"),
        (families.WithNoise(families.VonMises(), -3.0, 3.0), "loc"),
        (families.Product({"wind": families.VonMises()}), "wind_loc"),
        (families.PerComponent([families.VonMises(), families.VonMises()]), "loc_1"),
    ],
)
def test_every_family_with_directions_is_unrolled_and_keeps_its_density(family, site, backend):
    model = Mixture(2, family)
    start = model.start(X, np.random.default_rng(0))
    stacked = {name: np.broadcast_to(value, (1, 4, *np.shape(value))).copy() for name, value in start.items()}
    stacked[site][0, 2:] += 4 * np.pi
    draws = Draws(stacked, {"lp": np.zeros((1, 4))})
    found = unrolled(model, draws).parameters
    np.testing.assert_allclose(found[site][0, 2], found[site][0, 0], atol=1e-12)
    for which in ("log_likelihoods", "log_priors"):
        before, after = (
            getattr(bind(model, X, backend), which)({name: value[0] for name, value in draw.items()})
            for draw in (stacked, found)
        )
        np.testing.assert_allclose(after, before, rtol=1e-12)
    assert np.isfinite(before).all()


def test_a_prior_that_tells_turns_apart_is_heard():
    model = Mixture(2, families.VonMises(priors={"loc": priors.Normal(6.0, 0.5)}))
    draws = Draws({"loc": np.full((1, 3, 2), 6.2)}, {"lp": np.zeros((1, 3))})
    np.testing.assert_array_equal(unrolled(model, draws).parameters["loc"], 6.2)


@pytest.mark.statistical
def test_directions_about_the_seam_are_identified():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.vonmises(np.pi - 0.5, 2.0, 200), rng.vonmises(np.pi + 1.5, 4.0, 200)])
    x = (x + np.pi) % (2 * np.pi) - np.pi
    post = inference.sample_nuts(Mixture(2, families.VonMises()), x, draws=300, tune=300, seed=1, progress=False)
    relabelled = inference.relabel(post).posterior["loc"].values
    for k in range(2):
        assert relabelled[..., k].std() == pytest.approx(stats.circstd(relabelled[..., k]), rel=0.05)
    np.testing.assert_allclose(np.ptp(relabelled.mean(axis=1), axis=0), 0.0, atol=0.3)  # chains agree


@pytest.mark.quick("pyro", reason="one code serves both backends")
@pytest.mark.statistical
def test_directions_are_drawn_from_one_turn(backend):
    drawn = simulate(Mixture(2000, families.VonMises()), 1, seed=0, backend=backend)["loc"]
    assert stats.kstest(drawn, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-6
