"""SJW weighs every permutation of every draw by its complete likelihood, and refuses more than it can weigh."""

from itertools import permutations as all_permutations

import numpy as np
import pytest
from scipy.special import logsumexp

from inference.labels.permutations import identity
from inference.labels.sjw import expected_permutations, sjw
from mixtures.errors import ModelError
from tests.inference.labels.planted import planted_draws, scrambles


def test_the_e_step_is_the_mean_over_all_permutations():
    costs = np.random.default_rng(0).normal(size=(10, 3, 3))
    permuted = np.array(list(all_permutations(range(3))))
    matrices, total = expected_permutations(costs, permuted)
    for t in range(10):
        log_weights = np.array([-costs[t, s, np.arange(3)].sum() for s in permuted])
        weights = np.exp(log_weights - logsumexp(log_weights))
        mean = sum(weight * np.eye(3)[s] for weight, s in zip(weights, permuted, strict=True))
        assert np.allclose(matrices[t], mean)
    totals = [logsumexp([-costs[t, s, np.arange(3)].sum() for s in permuted]) for t in range(10)]
    assert np.isclose(total, -sum(totals))


def test_the_margin_is_the_log_odds_of_best_to_second_best():
    draws = planted_draws(scrambles(10, 3), gap=2.0)
    result = sjw(draws.p, draws.parameters, draws.log_joint, draws.answer, max_iterations=1)
    estimate = np.mean([theta[s] for theta, s in zip(draws.parameters, draws.answer, strict=True)], axis=0)
    joint = draws.log_joint(estimate)
    for t in range(10):
        log_weights = sorted((draws.p[t][:, list(s)] * joint).sum() for s in all_permutations(range(3)))
        assert np.isclose(result.margin[t], log_weights[-1] - log_weights[-2])


def test_more_than_six_components_are_refused_with_advice():
    draws = planted_draws(scrambles(3, 7))
    with pytest.raises(ModelError, match=r"at most 6.*stephens"):
        sjw(draws.p, draws.parameters, draws.log_joint, identity(3, 7))


def test_an_impossible_row_is_no_obstacle():
    draws = planted_draws(scrambles(5, 2))

    def log_joint(theta):
        joint = draws.log_joint(theta)
        joint[0] = -np.inf
        return joint

    assert np.isfinite(sjw(draws.p, draws.parameters, log_joint, draws.answer).cost).all()


@pytest.mark.parametrize("max_iterations", [1, 2, 60])
def test_it_is_em_over_all_permutations(max_iterations):
    """By itself, from the paper, draw by draw: until minus the log likelihood no longer falls."""
    draws = planted_draws(scrambles(8, 3), rows=12, gap=1.0, noise=0.5)
    start, permuted = identity(8, 3), [list(s) for s in all_permutations(range(3))]
    estimate, totals, best = np.mean(draws.parameters, axis=0), [np.inf], None
    for _ in range(max_iterations):
        joint = draws.log_joint(estimate)
        log_weights = np.array([[(p[:, s] * joint).sum() for s in permuted] for p in draws.p])
        total = -logsumexp(log_weights, axis=1).sum()
        if totals[-1] - total <= 1e-9 * abs(total):
            break
        totals.append(total)
        best = -log_weights.max(axis=1)
        shares = np.exp(log_weights - logsumexp(log_weights, axis=1)[:, None])
        moved = np.array([[theta[s] for s in permuted] for theta in draws.parameters])
        estimate = np.einsum("ts,tskj->kj", shares, moved) / 8
    result = sjw(draws.p, draws.parameters, draws.log_joint, start, max_iterations)
    np.testing.assert_allclose(result.total_costs, totals[1:], rtol=1e-10)
    np.testing.assert_allclose(result.cost, best, rtol=1e-10)
    assert max_iterations < 60 or 2 < len(totals) < 60


def test_six_components_are_not_too_many():
    draws = planted_draws(scrambles(3, 6))
    assert np.array_equal(sjw(draws.p, draws.parameters, draws.log_joint, draws.answer).permutations, draws.answer)
