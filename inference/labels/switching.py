"""How the labels moved: which labellings were visited, how often a chain changed its own, which chains differ."""

from dataclasses import dataclass
from itertools import combinations
from math import factorial

import numpy as np
from jaxtyping import Bool, Float, Int


@dataclass(frozen=True)
class Switching:
    """What the permutations say about the sampler's path.

    Args:
        labellings: the labellings visited, the most frequent first, (visited, components).
        shares: how much of each chain's time each took, (chain, visited).
        rates: the share of a chain's steps that changed the labelling, (chain,).
        chains_apart: the share of pairs of chains whose most frequent labelling differs; 0 for one chain.
        unsure: the share of draws left out above, because their labelling is too close to call.
        possible: how many labellings there are: K!, where all components may be exchanged.
    """

    labellings: Int[np.ndarray, "visited components"]
    shares: Float[np.ndarray, "chain visited"]
    rates: Float[np.ndarray, " chain"]
    chains_apart: float
    unsure: float
    possible: int

    @property
    def visited(self) -> int:
        """How many labellings were visited."""
        return len(self.labellings)

    @property
    def strays(self) -> float:
        """The greatest share of a chain's draws that have another labelling than its usual one."""
        usual = self.shares.max(axis=1)
        return float(1 - usual[usual > 0].min(initial=1.0))  # a chain without a sure draw has no usual labelling


def describe_switching(
    permutations: Int[np.ndarray, "chain draw components"],
    sure: Bool[np.ndarray, "chain draw"],
    possible: int | None = None,
) -> Switching:
    """Read the sampler's path off the permutations that relabel its draws.

    Args:
        permutations: one for each draw.
        sure: the draws whose permutation is not too close to call; the others are left out.
        possible: how many labellings there are; None is K!.

    >>> path = describe_switching(np.array([[[0, 1], [1, 0], [1, 0]]]), sure=np.ones((1, 3), dtype=bool))
    >>> path.visited, path.rates.tolist()
    (2, [0.5])
    """
    _chains, _, components = permutations.shape
    flat = permutations[sure].reshape(-1, components)
    if len(flat) == 0:  # nothing can be told: say so by `unsure`, and call the one labelling that there is its own
        flat, sure = permutations.reshape(-1, components), np.ones_like(sure)
        unsure = 1.0
    else:
        unsure = float(1 - sure.mean())
    labellings, index, counts = np.unique(flat, axis=0, return_inverse=True, return_counts=True)
    rank = np.empty(len(counts), dtype=int)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    paths = np.split(rank[index.ravel()], np.cumsum(sure.sum(axis=1))[:-1])
    occupancy = np.stack([np.bincount(path, minlength=len(counts)) for path in paths])
    shares = occupancy / np.maximum(occupancy.sum(axis=1, keepdims=True), 1)
    rates = np.array([(path[1:] != path[:-1]).mean() if len(path) > 1 else 0.0 for path in paths])
    pairs = list(combinations(shares.argmax(axis=1), 2))
    apart = float(np.mean([one != other for one, other in pairs])) if pairs else 0.0
    return Switching(
        labellings[np.argsort(-counts, kind="stable")], shares, rates, apart, unsure, possible or factorial(components)
    )
