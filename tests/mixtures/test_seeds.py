"""A seed becomes other random numbers for every purpose, and no two seeds share any."""

import itertools

import numpy as np
import pytest

from mixtures.errors import SeedError
from mixtures.seeds import check_seed, derived, generator, restart_seed, restart_seeds, sequence

SEEDS = (0, 1, 2, 7, 2**31, 2**32 - 1)
PURPOSES = ((), ("a",), ("b",), ("a", 0), ("a", 1), ("a", 0, 0), (0,), (1,), ("a", "b"), ("b", "a"))


def test_streams_of_all_seeds_and_purposes_differ():
    """Forty words of each: independent streams have one in common with probability 2e-4."""
    words = [
        sequence(seed, *purpose).generate_state(40) for seed, purpose in itertools.product(SEEDS, PURPOSES) if purpose
    ]
    assert len(np.unique(words)) == 40 * len(words)


def test_streams_are_uncorrelated():
    """Neighbouring seeds and chains; a correlation of 10,000 independent pairs lies within 5 / sqrt(10,000)."""
    draws = np.array([generator(seed, "chain", chain).normal(size=10_000) for seed in range(4) for chain in range(4)])
    assert np.abs(np.corrcoef(draws) - np.eye(16)).max() < 0.05


def test_a_stream_is_numpys_spawned_one():
    """A purpose of one number is that child of the seed, by NumPy's own `spawn`."""
    children = np.random.SeedSequence(5).spawn(3)
    for index, child in enumerate(children):
        assert np.array_equal(child.generate_state(8), sequence(5, index).generate_state(8))


def test_derived_seeds_are_seeds():
    found = {derived(seed, "restart", index) for seed in range(20) for index in range(20)}
    assert len(found) == 400
    assert all(check_seed(seed) == seed for seed in found)


def test_restarts_have_the_same_seeds_whatever_their_number():
    many = restart_seeds(3, 50)
    assert many.dtype == np.int64 and len(np.unique(many)) == 50
    assert np.array_equal(many[:7], restart_seeds(3, 7))
    assert many[0] == 3 and many[4] == restart_seed(3, 4)


def test_restarts_of_other_seeds_have_other_seeds():
    every = np.concatenate([restart_seeds(seed, 100) for seed in range(100, 120)])
    assert len(np.unique(every)) == len(every)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, True, None, "1", np.float64(1)])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(SeedError, match=r"an int in \[0, 2\*\*32\)"):
        check_seed(seed)
