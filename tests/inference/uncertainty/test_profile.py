"""Profile intervals against roots of likelihood ratios in closed form, and against a likelihood maximised by scipy with the number held."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq, minimize
from scipy.special import logsumexp
from scipy.stats import chi2, norm

from inference import fit_em, fit_map, profile, standard_errors
from mixtures import Mixture, families, gaussian_mixture, poisson_mixture
from mixtures.errors import ChoiceError, DataError, ModelError

RNG = np.random.default_rng(11)
X = RNG.normal(1.0, 2.0, 25)
OVERLAPPING = np.concatenate([RNG.normal(0.0, 1.0, 60), RNG.normal(3.0, 1.0, 40)])


def test_a_rate_has_the_roots_of_its_likelihood_ratio(backend):
    counts = np.array([2, 0, 3, 1, 4, 2])
    fit = fit_em(poisson_mixture(1), counts, restarts=1, seed=0, backend=backend)
    found = profile(fit, counts, "rate", 0, level=0.9)
    mean, n = counts.mean(), len(counts)

    def ratio(rate):
        return 2 * n * (mean * np.log(mean / rate) - mean + rate) - chi2.ppf(0.9, 1)

    assert found.lower == pytest.approx(brentq(ratio, 1e-6, mean), rel=1e-5)
    assert found.upper == pytest.approx(brentq(ratio, mean, 50), rel=1e-5)


def test_the_mean_of_a_normal_of_unknown_spread(backend):
    """n log(1 + (mean - mu)^2 / s^2) = chi2: the profile of a mean, the spread at its best."""
    fit = fit_em(gaussian_mixture(1), X, restarts=1, seed=0, backend=backend)
    found = profile(fit, X, "loc", 0)
    reach = X.std() * np.sqrt(np.expm1(chi2.ppf(0.95, 1) / len(X)))
    assert found.lower == pytest.approx(X.mean() - reach, rel=1e-5)
    assert found.upper == pytest.approx(X.mean() + reach, rel=1e-5)


def test_overlapping_components_have_scipys_profile():
    fit = fit_em(gaussian_mixture(2, "tied"), OVERLAPPING, restarts=5, seed=0, tolerance=1e-12)
    at = np.array([fit.parameters["loc"][0], fit.parameters["loc"][1], np.log(fit.parameters["scale"])])

    def loss(values, weight):
        logs = np.log([weight, 1 - weight]) + norm.logpdf(OVERLAPPING[:, None], values[:2], np.exp(values[2]))
        return -logsumexp(logs, axis=1).sum()

    def ratio(weight):
        return 2 * (minimize(loss, at, args=(weight,), tol=1e-9).fun + fit.log_likelihood) - chi2.ppf(0.95, 1)

    weight = fit.parameters["weights"][0]
    found = profile(fit, OVERLAPPING, "weights", 0)
    assert found.lower == pytest.approx(brentq(ratio, 0.2, weight), abs=1e-4)
    assert found.upper == pytest.approx(brentq(ratio, weight, 0.95), abs=1e-4)
    wald = standard_errors(fit, OVERLAPPING).table.loc[("weights", 0)]
    assert abs(found.lower - wald["lower"]) > 1e-3  # not the same thing


def test_numbers_are_called_as_in_the_table_of_the_fit():
    frame = pd.DataFrame({"a": X, "b": 0.5 * X + RNG.normal(size=25)})
    fit = fit_em(gaussian_mixture(1), frame, restarts=1, seed=0)
    found = profile(fit, frame, "correlation[a, b]", 0)
    r, n = np.corrcoef(X, frame["b"])[0, 1], 25

    def ratio(rho):  # Lawley's profile of a correlation, all else at its best
        return n * (2 * np.log(1 - r * rho) - np.log(1 - r**2) - np.log(1 - rho**2)) - chi2.ppf(0.95, 1)

    assert found.lower == pytest.approx(brentq(ratio, -0.99, r), abs=1e-4)
    assert found.upper == pytest.approx(brentq(ratio, r, 0.999), abs=1e-4)
    assert str(found).startswith("correlation[a, b] of component 0: ")


def test_a_component_is_called_by_any_integer():
    counts = np.array([2, 0, 3, 1, 4, 2])
    fit = fit_em(poisson_mixture(1), counts, restarts=1, seed=0)
    assert str(profile(fit, counts, "rate", np.int64(0))) == str(profile(fit, counts, "rate", 0))


def test_bad_arguments_are_refused_in_words():
    fit = fit_em(gaussian_mixture(2, "tied"), OVERLAPPING, restarts=2, seed=0)
    with pytest.raises(ChoiceError, match="'loc'"):
        profile(fit, OVERLAPPING, "mean", 0)
    with pytest.raises(ModelError, match="got 2; expected one of 0, 1"):
        profile(fit, OVERLAPPING, "loc", 2)
    with pytest.raises(ModelError, match="components share this number"):
        profile(fit, OVERLAPPING, "scale", 0)
    with pytest.raises(DataError, match="other data"):
        profile(fit, OVERLAPPING[::-1], "loc", 0)
    with pytest.raises(ModelError, match="posterior density"):
        profile(fit_map(poisson_mixture(1), [1, 2, 3], restarts=1, seed=0), [1, 2, 3], "rate", 0)
    items = np.column_stack([np.arange(20) % 4 == 0, np.zeros(20)]).astype(int)
    with pytest.raises(ModelError, match="at an end of its values"):
        profile(fit_em(Mixture(1, families.Bernoulli()), items, restarts=1, seed=0), items, "probs[1]", 0)
