"""The path of the labels is read off the permutations."""

import numpy as np
import pytest

from inference.labels.switching import describe_switching

SWAPPED, PLAIN = [1, 0], [0, 1]


def test_a_known_path_is_described_as_it_is():
    path = np.array([[PLAIN, PLAIN, SWAPPED, SWAPPED, PLAIN], [SWAPPED] * 5])
    found = describe_switching(path, np.ones((2, 5), dtype=bool))
    assert found.labellings.tolist() == [SWAPPED, PLAIN]
    assert found.shares.tolist() == [[0.4, 0.6], [1.0, 0.0]]
    assert found.rates.tolist() == [0.5, 0.0]
    assert found.chains_apart == 1.0
    assert (found.visited, found.possible) == (2, 2)


def test_draws_too_close_to_call_are_left_out():
    path = np.array([[PLAIN, SWAPPED, PLAIN, PLAIN]])
    found = describe_switching(path, np.array([[True, False, True, True]]))
    assert found.visited == 1
    assert found.rates.tolist() == [0.0]
    assert found.unsure == 0.25


def test_a_chain_of_close_calls_alone_is_no_obstacle():
    path = np.array([[PLAIN, SWAPPED], [PLAIN, PLAIN]])
    assert describe_switching(path, np.array([[False, False], [True, True]])).shares.tolist() == [[0.0], [1.0]]
    assert describe_switching(path, np.zeros((2, 2), dtype=bool)).unsure == 1.0


def test_perfect_switching_changes_the_labelling_in_all_but_one_of_k_factorial_steps():
    steps = 20_000
    path = np.random.default_rng(0).permuted(np.tile(np.arange(3), (1, steps, 1)), axis=2)
    found = describe_switching(path, np.ones((1, steps), dtype=bool))
    assert found.visited == 6
    assert abs(found.rates[0] - 5 / 6) < 5 * np.sqrt(5 / 36 / steps)


def test_strays_are_the_draws_of_a_chain_that_leave_its_usual_labelling():
    here, there = [0, 1], [1, 0]
    path = describe_switching(np.array([[here] * 9 + [there], [there] * 10]), sure=np.ones((2, 10), dtype=bool))
    assert path.strays == pytest.approx(0.1)
    assert path.chains_apart == 1
    unsure = describe_switching(np.array([[here] * 3, [there] * 3]), sure=np.array([[True] * 3, [False] * 3]))
    assert unsure.strays == 0
