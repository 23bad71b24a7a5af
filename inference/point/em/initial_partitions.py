"""Where EM begins: partitions of the rows by many rules, because no single rule finds every optimum.

First the deterministic ones: model-based and Ward's agglomeration, and slices along the first principal component. Then seeded ones,
in turn: k-means++ and rows drawn at random, near which the other rows gather, in the features' own and in whitened coordinates; and
random labels. Partitions are made on a sample of the rows where there are many.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.cluster import hierarchy
from scipy.cluster.vq import ClusterError, kmeans2
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from inference.point.em.agglomeration import Merges, agglomerate
from mixtures.seeds import generator, restart_seed

ROWS_AT_MOST = 5000
"""Partitions of more rows are made from a sample of this size."""

AGGLOMERATED_AT_MOST = 400
"""Model-based agglomeration, whose work grows with the square of the rows, sees a sample of this size."""

AGGLOMERATED_FEATURES = 32
"""In more dimensions it is left out: so few rows say little of so many covariances, and each of its merges compares 400 determinants."""


@dataclass(frozen=True, eq=False)
class Partition:
    """A partition to begin from.

    Args:
        rule: how it was made.
        seed: what it was made with.
        rows: the rows that it speaks of.
        labels: their components.
    """

    rule: str
    seed: int
    rows: Int[np.ndarray, " sample"]
    labels: Int[np.ndarray, " sample"]


def sampled_rows(rows: int, most: int, seed: int, verb: str, purpose: str) -> Int[np.ndarray, " sample"]:
    """All rows, or, of more than so many, a sample, in order."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(generator(seed, verb, purpose).choice(rows, most, replace=False))


class Partitions:
    """Partitions of the same rows, for any number of components.

    Args:
        x: (rows, features).
        seed: an int in [0, 2**32); partition i is made with restart i's.
        verb: who asks.

    Attributes:
        rows: the rows that partitions speak of.
    """

    def __init__(self, x: Float[np.ndarray, "rows features"], seed: int, verb: str):
        self._seed, self._verb = seed, verb
        self.rows = sampled_rows(len(x), ROWS_AT_MOST, seed, verb, "rows")
        values = x[self.rows]
        deviation = values.std(axis=0)
        self._standard = (values - values.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
        self._white = _whitened(self._standard)
        self._few = sampled_rows(len(self.rows), AGGLOMERATED_AT_MOST, seed, verb, "agglomerated rows")
        self._trees: dict[str, Merges] = {}
        skipped = ("agglomeration",) if values.shape[1] > AGGLOMERATED_FEATURES else ()
        self._agglomerations = [rule for rule in _AGGLOMERATIONS if rule not in skipped]
        self._made: dict[tuple[int, int], Partition] = {}

    def draw(self, components: int, count: int) -> list[Partition]:
        """So many partitions into so many components, the same whoever asks: a sweep has one for all structures."""
        for index in range(count):
            if (index, components) not in self._made:
                self._made[index, components] = self._one(index, components)
        return [self._made[index, components] for index in range(count)]

    def _one(self, index: int, components: int) -> Partition:
        seed = restart_seed(self._seed, index)
        count = len(self._agglomerations)
        if index < count:
            rule = self._agglomerations[index]
            return Partition(rule, seed, self.rows[self._few], self._cut(rule, components))
        if index == count:
            return Partition("quantiles", seed, self.rows, _quantiles(self._standard, components))
        rules = list(_DRAWN)
        rule = rules[(index - count - 1) % len(rules)]
        of, coordinates = _DRAWN[rule]
        x = self._white if coordinates == "white" else self._standard
        return Partition(rule, seed, self.rows, of(x, components, generator(seed, self._verb, rule)))

    def _cut(self, rule: str, components: int) -> np.ndarray:
        if rule not in self._trees:
            x = (self._standard if rule == "ward" else self._white)[self._few]
            self._trees[rule] = _AGGLOMERATIONS[rule](x)
        return labels_of(self._trees[rule], components)


def labels_of(merges: Merges, components: int) -> np.ndarray:
    """The partition into so many components that a sequence of merges passes through."""
    rows = len(merges) + 1
    labels = np.arange(rows)
    for step in range(rows - components):
        kept, gone = merges[step]
        labels[labels == gone] = kept
    return np.unique(labels, return_inverse=True)[1]


def _whitened(x: np.ndarray) -> np.ndarray:
    """x in coordinates of covariance 1; directions without any spread are left out."""
    left, size, _ = np.linalg.svd(x, full_matrices=False)
    return left[:, size > 1e-10 * max(size[0], 1e-300)] * np.sqrt(len(x)) if size[0] > 0 else x


def _ward(x: np.ndarray) -> Merges:
    """Ward (1963), as merges (kept, gone) of clusters that are named by a row of theirs."""
    if len(x) < 2:
        return np.zeros((0, 2), dtype=int)
    names = list(range(len(x)))
    merges = []
    for first, second in hierarchy.linkage(x, "ward")[:, :2].astype(int):
        merges.append((names[first], names[second]))
        names.append(names[first])
    return np.array(merges)


def _quantiles(x: np.ndarray, components: int) -> np.ndarray:
    direction = np.linalg.svd(x, full_matrices=False)[2][0]
    order = np.argsort(np.argsort(x @ direction, kind="stable"), kind="stable")
    return order * components // len(x)


def _plus_plus(x: np.ndarray, components: int, rng: np.random.Generator) -> np.ndarray:
    """Arthur & Vassilvitskii (2007), then three steps of k-means; near drawn rows where there are fewer clusters than components."""
    try:
        with np.errstate(invalid="raise"):  # 0 / 0: no row differs from those drawn already
            return kmeans2(x, components, iter=3, minit="++", missing="raise", rng=rng)[1]
    except (ClusterError, FloatingPointError):
        return _near_rows(x, components, rng)


def _near_rows(x: np.ndarray, components: int, rng: np.random.Generator) -> np.ndarray:
    return cdist(x, x[rng.choice(len(x), components, replace=False)]).argmin(axis=1)


def _at_random(x: np.ndarray, components: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(components, size=len(x))


_AGGLOMERATIONS: dict[str, Callable[[np.ndarray], Merges]] = {
    "agglomeration": agglomerate,
    "ward": _ward,
    "whitened ward": _ward,
}
_DRAWN: dict[str, tuple[Callable[[np.ndarray, int, np.random.Generator], np.ndarray], str]] = {
    "rows": (_near_rows, "standard"),
    "k-means++": (_plus_plus, "standard"),
    "whitened rows": (_near_rows, "white"),
    "whitened k-means++": (_plus_plus, "white"),
    "random": (_at_random, "standard"),
}


def matched(partition: Partition, labels: np.ndarray, components: int) -> Partition:
    """The partition numbered like the known labels (-1: unknown) and agreeing with them."""
    known = labels[partition.rows]
    counts = np.zeros((components, components))
    np.add.at(counts, (partition.labels[known >= 0], known[known >= 0]), 1)
    number = linear_sum_assignment(-counts)[1]
    return Partition(
        partition.rule, partition.seed, partition.rows, np.where(known >= 0, known, number[partition.labels])
    )
