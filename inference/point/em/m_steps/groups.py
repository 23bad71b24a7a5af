"""The M-step where all rows of a group share one assignment: that of the weights, which counts groups as it counts rows elsewhere.

Source: Grün & Leisch (2008), Journal of Statistical Software 28(4), section 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from inference.point.em.closed_form import Array, Frame, LawForm, State, Statistics
from mixtures.assignments import PerGroup
from mixtures.observations import Observations

LENGTHS = 8
"""So many different lengths of groups at most, each of which has a program of its own where rows are many; of more, groups are filled up."""


@dataclass(frozen=True)
class GroupsEM:
    """See `inference.point.em.closed_form.PathForm`. State: that of the weights.

    Groups of one length lie side by side, each with its rows in line, so that what is summed over a group is an axis of a table.

    Args:
        weights: the M-step of the law by which groups are assigned.
        spans: how many groups there are of each length, and the length, in the order of the rows; see `laid_out`.
    """

    weights: LawForm
    spans: tuple[tuple[int, int], ...] = ()

    follows = True

    @property
    def width(self) -> int:
        return self.weights.width

    @property
    def per_component(self) -> tuple[str, ...]:
        return self.weights.per_component

    @property
    def fixable(self) -> tuple[str, ...]:
        return self.weights.fixable

    @property
    def is_damped(self) -> bool:
        return self.weights.is_damped

    def laid_out(self, x: Observations) -> tuple["GroupsEM", Observations, np.ndarray | None]:
        """This M-step for the rows of `x`, these rows in the order that it wants, and which of them count, where some only fill groups up."""
        assert x.group is not None  # the mixture has checked
        counts = np.bincount(x.group)
        lengths = _lengths(counts)
        order = np.argsort(lengths, kind="stable")
        rows_of_groups, begins = np.argsort(x.group, kind="stable"), np.cumsum(counts) - counts
        each, spans, is_there = [], [], []
        for length in np.unique(lengths):
            groups = order[lengths[order] == length]
            steps = np.arange(length)
            # a group that is filled up has its last row again, which does not count
            each.append(rows_of_groups[begins[groups, None] + np.minimum(steps, counts[groups, None] - 1)].ravel())
            is_there.append((steps < counts[groups, None]).ravel())
            spans.append((len(groups), int(length)))
        whole = np.concatenate(is_there)
        rows = np.concatenate(each)
        is_in_order = len(rows) == len(x) and bool((rows == np.arange(len(x))).all())
        ordered = x if is_in_order else x.take(rows)
        return replace(self, spans=tuple(spans)), ordered, None if whole.all() else whole.astype(np.float64)

    def log_probs(self, xp: Any, state: State, x: Array) -> tuple[Array, Array]:
        """Of a row without the others of its group nothing is known."""
        found, seen = self.weights.log_probs(xp, state, x)
        return xp.zeros_like(found[:, :1]), seen

    def over_paths(
        self, xp: Any, state: State, log_density: Array, x: Array, is_hard: bool, row_weights: Array | None = None
    ) -> tuple[Array, Array, Statistics]:
        """The log likelihood, responsibilities (components, rows), and statistics of all groups."""
        firsts = self._of_groups(xp, x, lambda rows: rows[..., 0])
        log_probs, seen = self.weights.log_probs(xp, state, firsts)
        # log p(x_g, k) = log w_k + sum_(i in g) log p(x_i | k)
        log_joint = self._of_groups(xp, log_density, lambda rows: xp.sum(rows, axis=-1)) + log_probs
        peak = xp.max(log_joint, axis=0)
        if is_hard:
            numbers = xp.arange(log_joint.shape[0])[:, None]
            is_best = xp.argmax(log_joint, axis=0) == numbers
            shares, log_likelihood = xp.where(is_best, xp.ones_like(log_joint), xp.zeros_like(log_joint)), peak
        else:
            shares = xp.exp(log_joint - peak)
            total = xp.sum(shares, axis=0)
            shares, log_likelihood = shares / total, peak + xp.log(total)
        counted = shares
        if row_weights is not None:  # a group that no row of is there is none
            counts = self._of_groups(xp, row_weights[None], lambda rows: xp.max(rows, axis=-1))
            counted, log_likelihood = shares * counts, log_likelihood * counts[0]
        statistics = {"groups": xp.sum(counted, axis=-1), **self.weights.statistics(xp, counted, seen)}
        return xp.sum(log_likelihood), self._of_rows(xp, shares), statistics

    def _of_groups(self, xp: Any, values: Array, of_rows: Any) -> Array:
        """What `of_rows` makes of the rows of each group, the last axis, of values (columns, rows): (columns, groups)."""
        found, begin = [], 0
        for groups, length in self.spans:
            end = begin + groups * length
            found.append(of_rows(xp.reshape(values[:, begin:end], (values.shape[0], groups, length))))
            begin = end
        return found[0] if len(found) == 1 else xp.concat(found, axis=1)

    def _of_rows(self, xp: Any, values: Array) -> Array:
        """Values (columns, groups) of the rows of each group, (columns, rows)."""
        found, begin, columns = [], 0, values.shape[0]
        for groups, length in self.spans:
            some = xp.broadcast_to(values[:, begin : begin + groups, None], (columns, groups, length))
            found.append(xp.reshape(some, (columns, groups * length)))
            begin += groups
        return found[0] if len(found) == 1 else xp.concat(found, axis=1)

    def statistics(self, xp: Any, responsibilities: Array, seen: Array) -> Statistics:
        """Of rows that are known by their shares alone, each as if it were a group; and one more, so that no component is without."""
        rows = xp.sum(responsibilities, axis=-1)
        return {"groups": rows + 1.0, **self.weights.statistics(xp, responsibilities, seen)}

    def m_step(
        self, xp: Any, statistics: Statistics, state: State, fixed: Mapping[str, Array], step: Array = 1.0
    ) -> State:
        return self.weights.m_step(xp, {**statistics, "rows": statistics["groups"]}, state, fixed, step)

    def log_prior(self, xp: Any, state: State, pseudo: Statistics) -> Array:
        return self.weights.log_prior(xp, state, {**pseudo, "rows": pseudo["groups"]})

    def pseudo(self, law: PerGroup, components: int) -> Statistics | None:
        found = self.weights.pseudo(law.weights, components)
        return None if found is None else {**found, "groups": found["rows"], "rows": np.zeros(components)}

    def apart(self, state: State) -> np.ndarray:
        return self.weights.apart(state)

    def columns(self, x: Observations) -> np.ndarray:
        return self.weights.columns(x)

    def held(self, sites: frozenset[str]) -> dict[str, bool] | None:
        return self.weights.held(sites)

    def frame(self, x: np.ndarray) -> Frame:
        return self.weights.frame(x)

    def blank(self, components: int) -> State:
        return self.weights.blank(components)

    def encode(self, parameters: Mapping[str, np.ndarray], frame: Frame) -> State:
        return self.weights.encode(parameters, frame)

    def decode(self, state: State, frame: Frame) -> dict[str, np.ndarray]:
        return self.weights.decode(state, frame)


def _lengths(counts: np.ndarray) -> np.ndarray:
    """The length to which each group of so many rows is filled up, (groups,)."""
    if len(np.unique(counts)) <= LENGTHS:
        return counts
    few = np.unique(np.quantile(counts, np.arange(1, LENGTHS + 1) / LENGTHS, method="higher"))
    return few[np.searchsorted(few, counts)]
