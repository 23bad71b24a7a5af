"""Radius and bounds of the credible ball are what their definitions say, checked over every partition of five rows."""

import numpy as np
import pytest

from inference.partitions.credible_ball import credible_ball
from inference.partitions.sampled import SampledPartitions
from mixtures.errors import ModelError
from tests.inference.partitions import oracle


@pytest.mark.parametrize("distance", ["vi", "binder"])
@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_ball_by_definition(distance, level):
    partitions = oracle.all_partitions(5)
    rng = np.random.default_rng(0)
    draws = partitions[rng.choice(len(partitions), size=150, p=rng.dirichlet(np.full(len(partitions), 0.3)))]
    centre = partitions[17]
    ball = credible_ball(centre, SampledPartitions.of(draws), distance=distance, level=level)

    far = np.array([oracle.BETWEEN[distance](centre, z) for z in draws])
    # Wade & Ghahramani (2018): the smallest radius whose ball holds the level
    radius = next(e for e in np.sort(far) if np.mean(far <= e + 1e-9) >= level - 1e-12)
    assert ball.radius == pytest.approx(radius, abs=1e-9)
    inside = draws[far <= radius + 1e-9]
    assert ball.mass == pytest.approx(len(inside) / 150)
    clusters = np.array([len(set(z)) for z in inside])
    for bound, group in {
        "horizontal": inside,
        "upper": inside[clusters == clusters.min()],
        "lower": inside[clusters == clusters.max()],
    }.items():
        distances = np.array([oracle.BETWEEN[distance](centre, z) for z in group])
        farthest = {tuple(z) for z in group[distances >= distances.max() - 1e-9]}
        assert {tuple(z) for z in getattr(ball, bound)} == farthest


def test_a_ball_says_how_far_it_reaches():
    ball = credible_ball(np.array([0, 0, 1]), SampledPartitions.of(np.array([[0, 0, 1], [0, 0, 0], [0, 1, 2]])))
    # all in one is H(1/3, 2/3) = 0.918 bits away
    expected = (
        "credible ball: 100% of the posterior is within vi 0.918 of this partition, in partitions of 1 to 3 clusters"
    )
    assert str(ball) == expected
    one = credible_ball(np.array([0, 0, 0]), SampledPartitions.of(np.zeros((2, 3), dtype=int)))
    assert str(one).endswith("within vi 0 of this partition, in partitions of 1 cluster")


def test_a_sure_posterior_has_a_ball_of_radius_zero():
    ball = credible_ball(np.array([0, 0, 1]), SampledPartitions.of(np.tile([1, 1, 0], (10, 1))))
    assert ball.radius == 0
    assert ball.horizontal.tolist() == ball.upper.tolist() == ball.lower.tolist() == [[0, 0, 1]]


@pytest.mark.parametrize("wrong", [{"level": 1.0}, {"level": float("nan")}, {"distance": "omari"}])
def test_a_bad_level_or_distance_is_an_error(wrong):
    with pytest.raises(ModelError, match="expected"):
        credible_ball(np.array([0, 1]), SampledPartitions.of(np.array([[0, 1]])), **wrong)
