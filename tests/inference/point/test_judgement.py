"""How a restart is judged does not depend on units, missing cells or what is known beforehand; and only what is at rest is converged."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

import inference
from inference.status import Status
from mixtures import Mixture, Observations, families, gaussian_mixture, weights

RNG = np.random.default_rng(5)
VERBS = pytest.mark.parametrize("verb", [inference.fit_map, inference.fit_em, inference.fit_mle])


@VERBS
@pytest.mark.parametrize("unit", [1.0, 1e4, 1e-6])
def test_missing_cells_of_large_units_are_no_spikes(verb, unit):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(60, 2)) + np.where(np.arange(60) < 25, 0, 3)[:, None]
    x[rng.random(x.shape) < 0.25] = np.nan
    fit = verb(gaussian_mixture(2, "diag"), Observations(unit * x, missing="allow"), restarts=2, seed=0)
    assert fit.status.is_sound


@pytest.mark.quick("family1-*", reason="of one kind")
@pytest.mark.parametrize(
    ("family", "draw", "fixed", "density"),
    [
        (
            families.Gamma(),
            lambda rng, z: rng.gamma(np.where(z, 2, 8), 1.0),
            {"rate": [1.0, 1.0]},
            lambda x, p, k: stats.gamma(p["concentration"][k]).logpdf(x),
        ),
        (
            families.StudentT(df=10.0),
            lambda rng, z: rng.standard_t(10, size=len(z)) * np.where(z, 1, 4),
            {"loc": [0.0, 0.0]},
            lambda x, p, k: stats.t(10, 0, p["scale"][k]).logpdf(x),
        ),
    ],
)
def test_what_is_known_does_not_make_components_one(family, draw, fixed, density):
    """Starts at rows may differ in the known sites alone; the truth, which EM must beat, tells components apart by the others."""
    rng = np.random.default_rng(3)
    x = draw(rng, rng.random(150) < 0.4)
    fit = inference.fit_em(Mixture(2, family), x, fixed=fixed, restarts=4, seed=0)
    found = fit.parameters
    parts = np.stack([density(x, found, k) for k in (0, 1)], axis=1) + np.log(found["weights"])
    assert fit.log_likelihood == pytest.approx(logsumexp(parts, axis=1).sum(), rel=1e-10)
    one = inference.fit_em(Mixture(1, family), x, fixed={k: v[:1] for k, v in fixed.items()}, restarts=1, seed=0)
    assert fit.log_likelihood > one.log_likelihood + 3
    assert fit.status is Status.CONVERGED


def test_components_that_are_one_are_called_so():
    x = np.random.default_rng(0).gamma(3.0, size=40)
    alike = {"weights": [0.5, 0.5], "concentration": [3.0, 3.0], "rate": [1.0, 1.0]}
    fit = inference.fit_em(Mixture(2, families.Gamma()), x, init=alike, restarts=1, seed=0)
    assert fit.status is Status.DUPLICATE


@pytest.mark.quick("family1", "family3", reason="of two kinds")
@pytest.mark.parametrize(
    "family", [families.Gamma(), families.Weibull(), families.VonMises(), families.StudentT(df=4.0)]
)
def test_rows_of_one_value_have_no_largest_likelihood(family):
    fit = inference.fit_em(Mixture(1, family), np.full(20, 2.5), restarts=2, seed=0)
    assert not fit.status.is_sound


def test_rows_of_one_value_may_have_one():
    fit = inference.fit_em(Mixture(1, families.Exponential()), np.full(20, 2.5), restarts=1, seed=0)
    assert fit.status is Status.CONVERGED
    assert fit.parameters["rate"][0] == pytest.approx(1 / 2.5)


def test_a_spike_in_one_column_of_several_kinds_is_spurious():
    rng = np.random.default_rng(5)
    length = rng.normal(size=80)
    length[:3] = [1.5, 1.5001, 1.5002]
    x = Observations(np.c_[length, rng.poisson(3, 80), rng.integers(0, 2, 80)], ("a", "b", "d"))
    columns = {"a": families.Gaussian(), "b": families.Poisson(), "d": families.Bernoulli()}
    spike = {
        "weights": [0.97, 0.03],
        "a_loc": [0, 1.5001],
        "a_scale": [1, 1e-4],
        "b_rate": [3, 3],
        "d_probs": [0.5, 0.4],
    }
    fit = inference.fit_em(Mixture(2, families.Product(columns)), x, restarts=6, seed=0, init=spike)
    assert fit.restarts["status"][0] is Status.SPURIOUS
    assert fit.status.is_sound
    assert fit.parameters["a_scale"].min() > 1e-2


def test_a_plane_through_a_few_rows_is_spurious():
    """One population; six coefficients and a scale fit some seven rows almost exactly."""
    rng = np.random.default_rng(5)
    c = rng.normal(size=(60, 4))
    y = Observations(c @ [1, 2, 0, -1.0] + rng.normal(size=60), covariates=c)
    fit = inference.fit_em(Mixture(2, families.Regression()), y, restarts=15, seed=0)
    assert (fit.restarts["status"] == Status.SPURIOUS).any()
    assert fit.parameters["scale"].min() > 0.02


@VERBS
def test_that_there_is_no_noise_is_an_answer(verb):
    x = np.random.default_rng(1).normal(size=100)
    fit = verb(Mixture(2, families.WithNoise(families.Gaussian(), -8.0, 8.0)), x, restarts=4, seed=0)
    assert fit.status is Status.CONVERGED
    assert fit.parameters["weights"][0] < 1e-3
    assert fit.parameters["loc"][1] == pytest.approx(x.mean(), abs=0.02)


def test_a_weight_that_runs_to_zero_under_a_prior_that_wants_it_is_no_answer():
    x = np.random.default_rng(1).normal(size=100)
    model = Mixture(2, families.WithNoise(families.Gaussian(), -8.0, 8.0), weights.Dirichlet(0.1))
    assert not inference.fit_map(model, x, restarts=3, seed=0).status.is_sound


def test_rows_that_do_not_count_have_no_component():
    rng = np.random.default_rng(0)
    x, counted = rng.gamma(np.repeat([2.0, 8.0], 60)), np.repeat([1.0, 0.0], 60)
    by_weight = inference.fit_em(Mixture(2, families.Gamma()), x, row_weights=counted, restarts=3, seed=0)
    assert all(sum(occupancy) == pytest.approx(60) for occupancy in by_weight.restarts["occupancy"])
    blank = Observations(np.where(counted > 0, x, np.nan), missing="allow")
    fit = inference.fit_map(Mixture(2, families.Gamma()), blank, restarts=3, seed=0)
    assert sum(fit.restarts["occupancy"][0]) == pytest.approx(60)
