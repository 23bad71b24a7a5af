"""What a user says of parameters, as known values or starts, must be numbers that the parameters can be; all else is refused in words."""

import numpy as np
import pytest

from inference import fit_em, fit_map, fit_mle
from inference.backends import engine
from inference.point.given import checked_values
from mixtures import Mixture, Observations, declare, families, gaussian_mixture, load_dataset
from mixtures.errors import MixturesError, ModelError

X = np.array([0.0, 0.5, 1.0, 8.0, 9.0])
MODEL = gaussian_mixture(2)
FAITHFUL = load_dataset("faithful").x

BAD = [
    ({"weights": [0.5, 0.6]}, ["weights", "[0.5, 0.6]", "sum to 1"]),
    ({"weights": [-0.5, 1.5]}, ["weights", ">= 0"]),
    ({"scale": -1.0}, ["scale", "-1.0", "numbers > 0"]),
    ({"scale": [1.0, 0.0]}, ["scale", "numbers > 0"]),
    ({"loc": float("nan")}, ["loc", "nan", "finite"]),
    ({"loc": [0.0, np.inf]}, ["loc", "finite"]),
    ({"loc": "a"}, ["loc", "'a'", "numbers"]),
    ({"loc": [True, False]}, ["loc", "numbers"]),
    ({"loc": [[1.0], [1.0, 2.0]]}, ["loc", "(2,)"]),
    ({"loc": [1.0, 2.0, 3.0]}, ["loc", "(3,)", "(2,)"]),
    ({"mean": 1.0}, ["mean", "'loc'"]),
    ([1, 2], ["{site: value}"]),
    (3, ["3", "{site: value}"]),
    ("kmeans", ["'kmeans'", "{site: value}"]),
]


@pytest.mark.parametrize(("given", "words"), BAD)
def test_bad_known_values_are_refused(given, words):
    with pytest.raises(MixturesError) as caught:
        fit_em(MODEL, X, fixed=given, restarts=1, seed=0)
    for word in ["fixed", *words]:
        assert word in str(caught.value)


@pytest.mark.parametrize("fit", [fit_em, fit_map, fit_mle])
@pytest.mark.parametrize(("given", "words"), BAD)
def test_bad_starts_are_refused_by_every_fit(fit, given, words):
    with pytest.raises(MixturesError) as caught:
        fit(MODEL, X, init=given, restarts=1, seed=0)
    # a list is a list of starts: its first is named
    for word in ["init", *(words if given != [1, 2] else ["got 1", "{site: value}"])]:
        assert word in str(caught.value)


def test_a_bad_start_of_a_rule_is_refused():
    with pytest.raises(ModelError, match="numbers > 0"):
        fit_map(MODEL, X, init=lambda x, rng: {"scale": [-1.0, -1.0]}, restarts=1, seed=0)


def test_a_fit_is_a_start_as_its_parameters_are_and_holds_nothing_fixed():
    fit = fit_em(MODEL, X, restarts=2, seed=0)
    for init in (fit, fit.parameters, [fit]):
        again = fit_em(MODEL, X, init=init, restarts=1, seed=0)
        assert again.log_likelihood == pytest.approx(fit.log_likelihood)
    with pytest.raises(ModelError, match=r"fixed=fit\.parameters"):
        fit_em(MODEL, X, fixed=fit, restarts=1, seed=0)


def test_numbers_in_single_precision_pass():
    thirds = np.full(3, 1 / 3, dtype=np.float32)
    fit = fit_em(gaussian_mixture(3), X, fixed={"weights": thirds}, restarts=1, max_steps=2, seed=0)
    np.testing.assert_array_equal(fit.parameters["weights"], thirds.astype(float))


def test_supports_are_known_in_both_backends(backend):
    """Each family's sites, by what their definitions in the documentation allow."""
    expected = {
        gaussian_mixture(2): {
            "weights": "simplex",
            "loc": "real",
            "scale": "positive",
            "correlation_cholesky": "correlation Cholesky",
        },
        Mixture(2, families.Bernoulli()): {"weights": "simplex", "probs": "unit interval"},
        Mixture(2, families.Poisson()): {"weights": "simplex", "rate": "positive"},
        Mixture(2, families.Categorical(3)): {"weights": "simplex", "probs": "simplex"},
    }
    for model, supports in expected.items():
        x = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        sites = engine(backend).sites(model, Observations(x))
        assert {site.name: site.support for site in sites.parameters} == supports


def test_matrices_and_probabilities_are_checked(backend):
    gaussian = engine(backend).sites(MODEL, Observations(FAITHFUL))
    half = np.array([[1.0, 0.0], [0.6, 0.8]])  # the Cholesky factor of correlation 0.6
    kept = checked_values("init", {"correlation_cholesky": np.stack([half, half])}, gaussian)
    np.testing.assert_array_equal(kept["correlation_cholesky"], np.stack([half, half]))
    for bad in [half.T, 2 * half, -half, np.ones((2, 2))]:
        with pytest.raises(ModelError, match="Cholesky factors of correlation matrices"):
            checked_values("init", {"correlation_cholesky": np.stack([half, bad])}, gaussian)
    binary = engine(backend).sites(Mixture(2, families.Bernoulli()), Observations([0.0, 1.0, 1.0]))
    with pytest.raises(ModelError, match="from 0 to 1"):
        checked_values("init", {"probs": [0.5, 1.5]}, binary)


@declare
def bounded(ppl, x):
    weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        loc = ppl.sample("loc", ppl.dist.Uniform(-5.0, 20.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", ppl.dist.Normal(loc[z], 1.0), obs=x)


def test_other_supports_are_checked_for_numbers_only(backend):
    sites = engine(backend).sites(bounded, Observations(X))
    assert {site.name: site.support for site in sites.parameters} == {"weights": "simplex", "loc": "other"}
    with pytest.raises(ModelError, match="finite"):
        checked_values("init", {"loc": [0.0, np.nan]}, sites)
