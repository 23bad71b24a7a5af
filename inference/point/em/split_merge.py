"""New starts from a good fit: two of its components are merged and a third is split, or one more is split off; EM itself never does either.

Source: Ueda, Nakano, Ghahramani & Hinton (2000), "SMEM algorithm for mixture models".
"""

import numpy as np

from inference.point.em.closed_form import State
from inference.point.em.initial_partitions import Partition
from inference.point.em.problem import EMProblem
from mixtures.seeds import generator

FEWEST_COMPONENTS = 3
"""With two components there is nothing to merge that would not be split again."""


def split_and_merge(problem: EMProblem, state: State, rows: np.ndarray, seeds: np.ndarray) -> list[Partition]:
    """One partition for each seed.

    Args:
        problem: what EM is doing.
        state: the fit to begin from.
        rows: the rows that partitions speak of.
        seeds: one for each partition.
    """
    own, log_joint = _seen(problem, state, rows)
    shares = np.exp(log_joint - log_joint.max(axis=0))
    shares /= shares.sum(axis=0)
    labels = log_joint.argmax(axis=0)
    return [Partition("split and merge", int(seed), rows, _moved(own, labels, shares, int(seed))) for seed in seeds]


def split(problem: EMProblem, state: State, rows: np.ndarray, seeds: np.ndarray) -> list[Partition]:
    """One partition for each seed, into one component more than the fit has: a part of one of its components; arguments as above."""
    own, log_joint = _seen(problem, state, rows)
    labels = log_joint.argmax(axis=0)
    return [Partition("split", int(seed), rows, _divided(own, labels, len(log_joint), int(seed))) for seed in seeds]


def _seen(problem: EMProblem, state: State, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows by the family's columns, (rows, columns), and log p(x_i, assignment_i = k), (components, rows)."""
    x = ((problem.x[rows] - problem.frame.centre) / problem.frame.unit).T
    log_joint, _ = problem.closed_form.log_joint(np, state, x)
    return problem.closed_form.cut(x)[
        0
    ].T, log_joint  # what the law depends on says nothing of where a component may be split


def _divided(x: np.ndarray, labels: np.ndarray, components: int, seed: int) -> np.ndarray:
    """The partition with a new number given to a part of one component, or to the rows around some row."""
    rng = generator(seed, "split")
    whole = rng.choice(components, p=_chances(np.bincount(labels, minlength=components)))
    part = _half(x, np.flatnonzero(labels == whole), rng) if rng.random() < 0.5 else _neighbourhood(x, rng)
    divided = labels.copy()
    divided[part] = components
    return divided


def _moved(x: np.ndarray, labels: np.ndarray, shares: np.ndarray, seed: int) -> np.ndarray:
    """The partition with two components merged, and their number given to a part of a third or to the rows around some row."""
    rng = generator(seed, "split and merge")
    components = len(shares)
    split = rng.choice(components, p=_chances(np.bincount(labels, minlength=components)))
    # components that share rows are the likeliest to be one
    overlap = shares @ shares.T + 1e-3 * len(labels) / components
    overlap[np.tril_indices(components)] = 0.0
    overlap[split] = overlap[:, split] = 0.0
    kept, gone = divmod(int(rng.choice(components**2, p=_chances(overlap.ravel()))), components)
    moved = np.where(labels == gone, kept, labels)
    part = _half(x, np.flatnonzero(labels == split), rng) if rng.random() < 0.5 else _neighbourhood(x, rng)
    moved[part] = gone
    return moved


def _half(x: np.ndarray, members: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The members on one side of a random cut."""
    if len(members) == 0:
        return members
    deviation = x[members].std(axis=0)
    along = x[members] @ (rng.normal(size=x.shape[1]) / np.where(deviation > 0, deviation, 1.0))
    return members[along > np.quantile(along, rng.uniform(0.2, 0.8))]


def _neighbourhood(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The rows nearest to a random one: a narrow component may lie within a wide one, where no cut would find it."""
    deviation = x.std(axis=0)
    apart = np.sum(((x - x[rng.integers(len(x))]) / np.where(deviation > 0, deviation, 1.0)) ** 2, axis=1)
    return np.argsort(apart, kind="stable")[: max(2, int(rng.uniform(0.05, 0.35) * len(x)))]


def _chances(sizes: np.ndarray) -> np.ndarray:
    return sizes / sizes.sum()
