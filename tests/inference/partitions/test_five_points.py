"""On the points 0, 1, 10, 11, 12 the similarity of a sampled posterior is the exact one, by enumeration and integration."""

import itertools

import numpy as np
import pytest
from arviz_stats.base import array_stats
from scipy import special, stats

import inference
from inference.assignment.responsibilities import draw_responsibilities
from inference.partitions.partition import partition
from inference.partitions.similarity import similarity
from mixtures import gaussian_mixture, priors, weights

X = np.array([0.0, 1.0, 10.0, 11.0, 12.0])


@pytest.fixture(scope="module")
def posterior():
    model = gaussian_mixture(
        2,
        covariance="tied",
        weights=weights.Dirichlet(0.5),
        priors={"loc": priors.Normal(0.0, 10.0), "scale": priors.LogNormal(0.0, 2.0)},
    )
    return inference.sample_nuts(model, X, draws=2000, tune=1000, chains=4, seed=0)


def exact_similarity() -> np.ndarray:
    """P(z_i = z_j | x): locations and weights integrated in closed form, the scale by quadrature, over all 2^5 assignments."""
    log_scale, step = np.linspace(-6, 8, 2801, retstep=True)
    total, evidence = np.zeros((5, 5)), 0.0
    for z in itertools.product(range(2), repeat=5):
        z = np.array(z)
        # P(z) = B(1/2 + n_0, 1/2 + n_1) / B(1/2, 1/2)
        prior = np.exp(special.betaln(0.5 + (z == 0).sum(), 0.5 + (z == 1).sum()) - special.betaln(0.5, 0.5))
        # x | z, scale ~ Normal(0, scale^2 I + 10^2 [z_i = z_j])
        covariance = np.exp(2 * log_scale)[:, None, None] * np.eye(5) + 100.0 * np.equal.outer(z, z)
        quadratic = (X * np.linalg.solve(covariance, np.broadcast_to(X[:, None], (len(log_scale), 5, 1)))[..., 0]).sum(
            1
        )
        log_density = -0.5 * (5 * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1] + quadratic)
        mass = prior * step * (np.exp(log_density) * stats.norm(0, 2).pdf(log_scale)).sum()
        evidence += mass
        total += mass * np.equal.outer(z, z)
    return total / evidence


@pytest.mark.statistical
def test_similarity_within_monte_carlo_error_of_the_exact_one(posterior):
    r = draw_responsibilities(posterior)
    exact, got = exact_similarity(), similarity(posterior)
    np.testing.assert_array_equal(np.diag(got), 1.0)
    for i, j in itertools.combinations(range(5), 2):
        series = (r[:, i] * r[:, j]).sum(axis=1).reshape(4, -1)
        error = float(array_stats.mcse(series, method="mean"))
        assert got[i, j] == pytest.approx(exact[i, j], abs=5 * error + 1e-6), (i, j, error)


@pytest.mark.statistical
@pytest.mark.parametrize("loss", ["vi", "binder", "omari"])
def test_the_partition_is_that_of_the_eye(posterior, loss):
    assert partition(posterior, loss=loss, seed=0).labels.tolist() == [0, 0, 1, 1, 1]
    np.testing.assert_array_equal(
        similarity(posterior, rows=np.array([0, 3])), similarity(posterior)[np.ix_([0, 3], [0, 3])]
    )
