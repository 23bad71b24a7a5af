"""Parameters given a partition are the closed forms of a posterior whose assignments are known."""

import numpy as np
import pytest

import inference
from inference.partitions.parameters import cluster_parameters
from mixtures import Mixture, Observations, families, poisson_mixture, priors, weights
from mixtures.errors import DataError, ModelError

COUNTS = np.random.default_rng(0).poisson(np.repeat([1.5, 4.0], [25, 15])).astype(float)


def posterior(model, x):
    return inference.sample_nuts(model, x, draws=30, tune=50, chains=1, seed=0, progress=False)


@pytest.fixture(scope="module")
def counts():
    model = poisson_mixture(3, priors={"rate": priors.Gamma(2.0, 0.5)}, weights=weights.Dirichlet(1.5))
    return posterior(model, COUNTS)


def test_rates_and_weights_are_the_conjugate_modes(counts):
    found = inference.partition(counts, seed=0)
    labels = np.where(COUNTS > 2, 1, 0) if found.clusters < 2 else found.labels
    fit = cluster_parameters(counts, labels, seed=0)
    for k in range(labels.max() + 1):
        rows = COUNTS[labels == k]
        # mode of Gamma(2 + sum, 0.5 + n), and of Dirichlet(1.5 + n)
        assert fit.parameters["rate"][k] == pytest.approx((1 + rows.sum()) / (0.5 + len(rows)), rel=1e-6)
        expected = (0.5 + len(rows)) / (len(COUNTS) + 0.5 * (labels.max() + 1))
        assert fit.parameters["weights"][k] == pytest.approx(expected, rel=1e-6)
    assert fit.status.is_sound


def test_a_cluster_of_one_row_has_parameters_too(counts):
    labels = np.zeros(len(COUNTS), dtype=int)
    labels[0] = 7  # any names
    fit = cluster_parameters(counts, labels, seed=0)
    assert fit.parameters["rate"][1] == pytest.approx((1 + COUNTS[0]) / 1.5, rel=1e-6)


@pytest.mark.slow  # its fits are those of every climb by gradient
def test_a_family_without_closed_form_and_with_covariates():
    rng = np.random.default_rng(1)
    c = rng.normal(size=40)
    labels = np.repeat([1, 0], 20)
    y = np.where(labels == 1, 1 + 2 * c, -1 - c) + rng.normal(size=40)
    flat = {"intercept": priors.Normal(0.0, 1e4), "slope": priors.Normal(0.0, 1e4), "scale": priors.LogNormal(0.0, 1e4)}
    model = Mixture(2, families.Regression("gaussian", priors=flat))
    fit = cluster_parameters(posterior(model, Observations(y, covariates=c)), labels, seed=0)
    for k in range(2):
        rows = labels == k
        slope, intercept = np.polyfit(c[rows], y[rows], 1)
        assert fit.parameters["slope"][k, 0] == pytest.approx(slope, abs=1e-4)
        assert fit.parameters["intercept"][k] == pytest.approx(intercept, abs=1e-4)


def test_what_cannot_be_a_component_is_said(counts):
    with pytest.raises(DataError, match=r"shape \(3,\).*each of the posterior's 40 rows"):
        cluster_parameters(counts, np.array([0, 1, 1]), seed=0)
    noisy = posterior(Mixture(2, families.WithNoise(families.Poisson(), 0, 9)), COUNTS)
    with pytest.raises(ModelError, match="not alike.*which cluster is which"):
        cluster_parameters(noisy, np.zeros(40, dtype=int), seed=0)
