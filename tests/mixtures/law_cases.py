"""Every law of the assignment with values, and how probable each joint assignment of five rows then is, by the laws' papers alone."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, softmax

from mixtures.assignments import (
    Assignment,
    Dirichlet,
    Gating,
    GroupClasses,
    GroupWeights,
    Markov,
    MarkovGating,
    PerGroup,
    SparseDirichlet,
    StickBreaking,
)
from mixtures.rows import Rows, first_rows

RNG = np.random.default_rng(0)
K, N = 3, 5
TABLE = RNG.normal(size=(N, K)) - 1.0
"""log p(x_i | assignment_i = k)."""
IMPOSSIBLE = TABLE.copy()
IMPOSSIBLE[[0, 1, 3, 4, 4], [0, 1, 1, 0, 1]] = -np.inf
"""The same where some components cannot produce some rows, nor one class of groups the last one."""
COVARIATES, SEQUENCE, GROUP = RNG.normal(size=(N, 2)), np.array([0, 0, 0, 1, 1]), np.array([0, 1, 0, 2, 1])
ROWS = Rows(RNG.normal(size=N), COVARIATES, SEQUENCE, GROUP, first_rows(GROUP))
PATHS = list(itertools.product(range(K), repeat=N))
CLASSES = list(itertools.product(range(3), repeat=3))
"""Of three groups."""

WEIGHTS, INITIAL = np.array([0.5, 0.2, 0.3]), np.array([0.6, 0.3, 0.1])
MOVES = np.array([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.25, 0.25, 0.5]])
ROUND = np.array([[0.5, 0.5, 0.0], [0.0, 0.4, 0.6], [0.8, 0.0, 0.2]])
"""Moves of which three are impossible."""
STATIONARY = np.linalg.matrix_power(ROUND, 200)[0]
INTERCEPT, SLOPE = RNG.normal(size=K), RNG.normal(size=(K, 2))
MOVE_INTERCEPT, MOVE_SLOPE = RNG.normal(size=(K, K)), RNG.normal(size=(K, K, 2))
EVEN_LESS = np.array([0.7, 0.2, 0.1])
OFFSET, SCALE = RNG.normal(size=(3, K)), 0.7
CLASS_PROBS = np.array([0.45, 0.35, 0.2])
CLASS_WEIGHTS = np.array([[0.6, 0.3, 0.1], [0.2, 0.8, 0.0], [0.1, 0.2, 0.7]])

LogPrior = Callable[[tuple[int, ...]], list[float]]
"""An assignment of all rows -> log P(it and what else is unknown), for each value of that."""


def by_rows(probs: np.ndarray) -> LogPrior:
    probs = np.broadcast_to(probs, (N, K))
    return lambda path: [sum(np.log(probs[row, k]) for row, k in enumerate(path))]


def by_groups(probs: np.ndarray) -> LogPrior:
    """Of (groups, components): the rows of a group share one assignment."""

    def log_prior(path):
        own = [{path[row] for row in range(N) if GROUP[row] == group} for group in range(3)]
        shared = all(len(components) == 1 for components in own)
        return [
            sum(np.log(probs[group, min(components)]) for group, components in enumerate(own)) if shared else -np.inf
        ]

    return log_prior


def by_moves(initial: np.ndarray, moves: np.ndarray) -> LogPrior:
    moves = np.broadcast_to(moves, (N, K, K))
    starts = (0, 3)
    return lambda path: [
        sum(np.log(initial[k] if row in starts else moves[row, path[row - 1], k]) for row, k in enumerate(path))
    ]


def by_classes(path: tuple[int, ...]) -> list[float]:
    return [
        sum(np.log(CLASS_PROBS[c]) for c in classes)
        + sum(np.log(CLASS_WEIGHTS[classes[GROUP[row]], k]) for row, k in enumerate(path))
        for classes in CLASSES
    ]


@dataclass(frozen=True)
class Case:
    law: Assignment
    values: dict[str, np.ndarray]
    log_prior: LogPrior


GATES = {"gating_intercept": INTERCEPT, "gating_slope": SLOPE}
OWN_MOVES = softmax(MOVE_INTERCEPT + np.einsum("kjc,ic->ikj", MOVE_SLOPE, COVARIATES), axis=2)
CASES = {
    "Dirichlet": Case(Dirichlet(), {"weights": WEIGHTS}, by_rows(WEIGHTS)),
    "SparseDirichlet": Case(SparseDirichlet(), {"weights": WEIGHTS, "weight_concentration": np.array(0.5)}, by_rows(WEIGHTS)),
    "StickBreaking": Case(StickBreaking(), {"sticks": np.array([0.5, 0.4])}, by_rows(WEIGHTS)),
    "Gating": Case(Gating(), GATES, by_rows(softmax(INTERCEPT + COVARIATES @ SLOPE.T, axis=1))),
    "GroupWeights": Case(
        GroupWeights(),
        {"weights": WEIGHTS, "group_scale": np.array(SCALE), "group_offset": OFFSET},
        by_rows(softmax(np.log(WEIGHTS) + SCALE * OFFSET, axis=1)[GROUP]),
    ),
    "PerGroup": Case(PerGroup(), {"weights": WEIGHTS}, by_groups(np.tile(WEIGHTS, (3, 1)))),
    "PerGroup(Gating)": Case(
        PerGroup(Gating()), GATES, by_groups(softmax(INTERCEPT + COVARIATES[[0, 1, 3]] @ SLOPE.T, axis=1))
    ),
    "GroupClasses": Case(GroupClasses(3), {"class_probs": CLASS_PROBS, "class_weights": CLASS_WEIGHTS}, by_classes),
    "Markov": Case(Markov(), {"initial": INITIAL, "transition": MOVES}, by_moves(INITIAL, MOVES)),
    "Markov, uniform": Case(Markov(initial="uniform"), {"transition": MOVES}, by_moves(np.full(K, 1 / K), MOVES)),
    "Markov, stationary": Case(Markov(initial="stationary"), {"transition": ROUND}, by_moves(STATIONARY, ROUND)),
    "MarkovGating": Case(
        MarkovGating(),
        {"initial": INITIAL, "transition_intercept": MOVE_INTERCEPT, "transition_slope": MOVE_SLOPE},
        by_moves(INITIAL, OWN_MOVES),
    ),
}  # fmt: skip


def log_joint(prior: np.ndarray, table: np.ndarray) -> np.ndarray:
    return prior + np.array([sum(table[row, k] for row, k in enumerate(path)) for path in PATHS])[:, None]


def of_row(joint: np.ndarray, row: int) -> np.ndarray:
    """log p(x, assignment of the row = k), (components,)."""
    return np.array([logsumexp(joint[[path[row] == k for path in PATHS]]) for k in range(K)])


def without(*rows: int) -> np.ndarray:
    """The table when these rows say nothing."""
    return np.where(np.isin(np.arange(N), rows)[:, None], 0.0, TABLE)
