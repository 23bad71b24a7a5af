"""Every family under every law of the assignment, on five rows: likelihood, probabilities and most probable assignments, summed by hand.

Densities of rows are SciPy's (`tests/family_cases.py`), and the probabilities of all 32 assignments are written out here, law by law.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.special import log_softmax, logsumexp

from inference.backends import engine
from mixtures import Mixture, Observations, assignments
from mixtures.assignments import Dirichlet, Gating
from mixtures.rows import Rows
from tests.family_cases import CASES, GATES, WEIGHTS, covariates

SIZE = 5
EVERY = np.array(list(product((0, 1), repeat=SIZE)))
GROUP = np.array([0, 1, 0, 1, 1])
OFFSETS = np.array([[0.4, -0.3], [-0.9, 0.5]])
INITIAL, MOVES = np.array([0.3, 0.7]), np.array([[0.8, 0.2], [0.35, 0.65]])
MOVE_INTERCEPT = np.array([[0.5, -0.2], [-0.3, 0.4]])
CLASS_PROBS, CLASS_WEIGHTS = np.array([0.4, 0.6]), np.array([[0.75, 0.25], [0.2, 0.8]])
MOVE_SLOPE = np.array([[[0.3, -0.1], [0.0, 0.2]], [[-0.4, 0.1], [0.2, 0.3]]])


def rows_alone(log_weights: np.ndarray) -> np.ndarray:
    """Rows independent, with these log weights, (components,) or (rows, components)."""
    each = np.broadcast_to(log_weights, (SIZE, 2))
    return np.array([each[np.arange(SIZE), z].sum() for z in EVERY])


def path(moves: np.ndarray) -> np.ndarray:
    """One series, by the probabilities of the moves to each row, (rows, from, to)."""
    found = []
    for z in EVERY:
        steps = [np.log(moves[i, z[i - 1], z[i]]) for i in range(1, SIZE)]
        found.append(np.log(INITIAL[z[0]]) + sum(steps))
    return np.array(found)


def groups_alike() -> np.ndarray:
    """All rows of a group in one component."""
    weights, found = np.log(WEIGHTS), []
    for z in EVERY:
        kinds = [set(z[group == GROUP]) for group in (0, 1)]
        found.append(sum(weights[kind.pop()] if len(kind) == 1 else -np.inf for kind in kinds))
    return np.array(found)


def groups_of_classes() -> np.ndarray:
    """Each group in one of two classes: a line for each choice of classes."""
    choices = product((0, 1), repeat=2)
    each = np.log(CLASS_WEIGHTS)
    return np.array([np.log(CLASS_PROBS)[[*c]].sum() + rows_alone(each[np.array(c)[GROUP]]) for c in choices])


def moves_by_covariates() -> np.ndarray:
    # of the row that is moved to
    logits = MOVE_INTERCEPT + np.einsum("jkc,ic->ijk", MOVE_SLOPE, covariates(SIZE))
    return np.exp(log_softmax(logits, axis=2))


@dataclass(frozen=True)
class Law:
    """A law, values of its sites, and log P of every assignment, and of what else is not known, a line for each value of it."""

    law: Any
    values: dict[str, Any]
    log_probs: Callable[[], np.ndarray]


LAWS = {
    "Dirichlet": Law(Dirichlet(), {"weights": WEIGHTS}, lambda: rows_alone(np.log(WEIGHTS))),
    "SparseDirichlet": Law(
        assignments.SparseDirichlet(),
        {"weights": WEIGHTS, "weight_concentration": 0.5},
        lambda: rows_alone(np.log(WEIGHTS)),
    ),
    "StickBreaking": Law(assignments.StickBreaking(1.0), {"sticks": [0.3]}, lambda: rows_alone(np.log([0.3, 0.7]))),
    "Gating": Law(
        Gating(),
        GATES,
        lambda: rows_alone(log_softmax(GATES["gating_intercept"] + covariates(SIZE) @ GATES["gating_slope"].T, axis=1)),
    ),
    "Markov": Law(
        assignments.Markov(),
        {"initial": INITIAL, "transition": MOVES},
        lambda: path(np.broadcast_to(MOVES, (SIZE, 2, 2))),
    ),
    "MarkovGating": Law(
        assignments.MarkovGating(),
        {"initial": INITIAL, "transition_intercept": MOVE_INTERCEPT, "transition_slope": MOVE_SLOPE},
        lambda: path(moves_by_covariates()),
    ),
    "PerGroup": Law(assignments.PerGroup(), {"weights": WEIGHTS}, groups_alike),
    "GroupClasses": Law(
        assignments.GroupClasses(2), {"class_probs": CLASS_PROBS, "class_weights": CLASS_WEIGHTS}, groups_of_classes
    ),
    "GroupWeights": Law(
        assignments.GroupWeights(),
        {"weights": WEIGHTS, "group_scale": 0.7, "group_offset": OFFSETS},
        lambda: rows_alone(log_softmax(np.log(WEIGHTS) + 0.7 * OFFSETS, axis=1)[GROUP]),
    ),
}

FAMILIES = [name for name, case in CASES.items() if not case.gated]

QUICK = {"numpyro": 8, "pyro": 4}
"""One of so many pairs in the quick run: compiling takes longer than all else."""

PAIRS = [
    pytest.param(family, law, backend, marks=() if (i + j) % every == 0 else pytest.mark.slow)
    for backend, every in QUICK.items()
    for i, family in enumerate(FAMILIES)
    for j, law in enumerate(LAWS)
]


@pytest.mark.parametrize(("family", "law", "backend"), PAIRS)
def test_assignments_are_summed_out_rightly(family, law, backend):
    case, one = CASES[family], LAWS[law]
    x = case.data().x[:SIZE]
    observations = Observations(x, covariates=covariates(SIZE), group=GROUP)
    parameters = {site: np.array(value, dtype=float) for site, value in {**case.truth, **one.values}.items()}
    emissions = np.stack([np.atleast_1d(case._component(x, k)) for k in (0, 1)], axis=1)
    joint = np.atleast_2d(one.log_probs() + emissions[np.arange(SIZE), EVERY].sum(axis=1))

    bound = engine(backend).bind(Mixture(2, case.family, one.law), observations)
    draws = {site: value[None] for site, value in parameters.items()}
    assert abs(bound.log_densities(draws)[0][0] - logsumexp(joint)) < 1e-9
    table = bound.log_joint(parameters)
    shares = np.exp(table - logsumexp(table, axis=1, keepdims=True))
    expected = np.exp(joint - logsumexp(joint)).sum(axis=0) @ EVERY
    np.testing.assert_allclose(shares[:, 1], expected, atol=1e-10)

    rows = Rows(x, covariates(SIZE), np.zeros(SIZE, dtype=int), GROUP, np.array([0, 1]))
    found = one.law.mode(np, {site: parameters[site] for site in one.values}, emissions, rows)
    np.testing.assert_array_equal(found, EVERY[np.argmax(joint) % len(EVERY)])
