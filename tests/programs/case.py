"""A program of one's own, and what is right of it, by two routes that use nothing of the package.

One route sums over all joint values of all assignments, one by one; it knows no structure. The other is written by hand for each program,
and knows all of it. That they agree is tested; the package is held against the second.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy import special, stats

from mixtures import Program

Parameters = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Case:
    """A program, its data, and its densities.

    Args:
        program: the declaration.
        x: its data.
        unknown: of each assignment, the number of categories, and the shape of its values: () where it has no plate.
        draw: parameters from the prior, in the shapes that the sites have.
        prior: log density of the parameters whose prior has no assignment in it.
        joint: parameters, assignments -> log p(assignments and parameters with such a prior), log p(x | parameters, assignments).
        by_hand: parameters -> the same two, the assignments summed out.
        may_refuse: whether it may be refused in words; else it must be answered.
        row: whether every row has its own assignments, in order, so that responsibilities are (rows, categories) each.
        splits: whether what is likelihood and what is prior can be told apart, as a factor's part cannot.
        labels: of each site, the axes that run over components; None where no labels are asked about.
        components: how many of them there are.
        relabels: whether `relabel` must work: exchangeable components, one assignment a row, nothing unusual.
        samples: whether NUTS is run.
        fits: whether `fit_map` is run: by a public verb, on NumPyro at a price.
    """

    program: Program
    x: Any
    unknown: Mapping[str, tuple[int, tuple[int, ...]]]
    draw: Callable[[np.random.Generator], Parameters]
    prior: Callable[[Any], Any]
    joint: Callable[[Any, Any], tuple[Any, Any]]
    by_hand: Callable[[Any], tuple[Any, Any]]
    may_refuse: bool = False
    row: bool = True
    splits: bool = True
    labels: Mapping[str, tuple[int, ...]] | None = None
    components: int = 2
    relabels: bool = False
    samples: bool = False
    fits: bool = False
    name: str = ""

    def __str__(self) -> str:
        return self.name or self.program.function.__name__  # type: ignore[attr-defined]

    def densities(self, parameters: Parameters) -> tuple[float, float]:
        """log p(parameters), log p(x | parameters): the route by hand."""
        p = SimpleNamespace(**parameters)
        before, likelihood = self.by_hand(p)
        return float(np.sum(self.prior(p)) + before), float(likelihood)

    def exhausted(self, parameters: Parameters) -> tuple[float, float, dict[str, np.ndarray]]:
        """log p(parameters), log p(x | parameters), P(assignment = k | x, parameters): the sum over all joint values of all assignments."""
        p = SimpleNamespace(**parameters)
        cells = {name: int(np.prod(shape)) for name, (_, shape) in self.unknown.items()}
        sizes = [self.unknown[name][0] for name, count in cells.items() for _ in range(count)]
        paths = np.array(list(itertools.product(*map(range, sizes))))
        ends = np.cumsum([0, *cells.values()])
        places = {
            name: slice(begin, end) for name, begin, end in zip(cells, ends[:-1], ends[1:], strict=True)
        }  # where an assignment's values are in a path
        terms = np.array([np.broadcast_to(self.joint(p, self._values(path, places)), 2) for path in paths], float)
        before, joint = special.logsumexp(terms[:, 0]), special.logsumexp(terms.sum(axis=1))
        share = np.exp(terms.sum(axis=1) - joint)
        marginals = {}
        for name, (categories, shape) in self.unknown.items():
            table = [np.bincount(column, share, categories) for column in paths[:, places[name]].T]
            marginals[name] = np.reshape(table, (*shape, categories))
        return float(np.sum(self.prior(p)) + before), float(joint - before), marginals

    def _values(self, path: np.ndarray, places: Mapping[str, slice]) -> SimpleNamespace:
        return SimpleNamespace(**{name: path[place].reshape(self.unknown[name][1]) for name, place in places.items()})

    def exchangeable(self, draws: int = 3) -> tuple[tuple[int, ...], ...]:
        """Groups of two or more components which any two may change places in, the density staying what it is."""
        assert self.labels is not None
        rng = np.random.default_rng(5)
        points = [self.draw(rng) for _ in range(draws)]
        groups: list[set[int]] = [{k} for k in range(self.components)]
        for j, k in itertools.combinations(range(self.components), 2):
            turn = np.arange(self.components)
            turn[[j, k]] = k, j
            if all(np.isclose(sum(self.densities(p)), sum(self.densities(self.turned(p, turn)))) for p in points):
                both = [group for group in groups if j in group or k in group]
                groups = [group for group in groups if group not in both] + [set().union(*both)]
        return tuple(sorted(tuple(sorted(group)) for group in groups if len(group) > 1))

    def turned(self, parameters: Parameters, permutation: np.ndarray) -> Parameters:
        """The parameters with their components in another order."""
        assert self.labels is not None
        after = dict(parameters)
        for site, axes in self.labels.items():
            for axis in axes:
                after[site] = np.take(after[site], permutation, axis=axis)
        return after


def summed(table: np.ndarray) -> float:
    """log prod_i sum_k of log densities (rows, categories, ...)."""
    return special.logsumexp(table.reshape(len(table), -1), axis=1).sum()


def normal(x, loc=0.0, scale=1.0):
    return stats.norm.logpdf(x, loc, scale)


def gamma(x, shape, rate=1.0):
    return stats.gamma.logpdf(x, shape, scale=1 / np.asarray(rate))


def lognormal(x, spread, centre=0.0):
    return stats.lognorm.logpdf(x, spread, scale=np.exp(centre))


def dirichlet(weights, concentration=2.0):
    """The log density of weights along the last axis, added up; scipy's refuses weights that miss 1 by rounding."""
    a = np.broadcast_to(concentration, np.shape(weights))
    terms = special.gammaln(a.sum(-1)) - special.gammaln(a).sum(-1) + special.xlogy(a - 1, weights).sum(-1)
    return np.sum(terms)
