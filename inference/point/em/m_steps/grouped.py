"""Groups of one length side by side, each with its rows in line: what is summed over a group is an axis of a table."""

from dataclasses import replace
from typing import Any, Self

import numpy as np

from inference.point.em.closed_form import Array
from mixtures.observations import Observations

LENGTHS = 8
"""So many different lengths of groups at most, each of which has a program of its own where rows are many; of more, groups are filled up."""


class GroupedEM:
    """The layout of an M-step of groups, a frozen dataclass with this field.

    Args:
        spans: how many groups there are of each length, and the length, in the order of the rows; see `laid_out`.
    """

    spans: tuple[tuple[int, int], ...]

    follows = True

    def laid_out(self, x: Observations) -> tuple[Self, Observations, np.ndarray | None]:
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
        return self.spanning(*spans), ordered, None if whole.all() else whole.astype(np.float64)

    def spanning(self, *spans: tuple[int, int]) -> Any:
        """This M-step of groups that are so many, and so long."""
        return replace(self, spans=spans)  # type: ignore[type-var]  # each is a dataclass

    def of_groups(self, xp: Any, values: Array, of_rows: Any) -> Array:
        """What `of_rows` makes of the rows of each group, the last axis, of values (columns, rows): (columns, groups)."""
        found, begin = [], 0
        for groups, length in self.spans:
            end = begin + groups * length
            found.append(of_rows(xp.reshape(values[:, begin:end], (values.shape[0], groups, length))))
            begin = end
        return found[0] if len(found) == 1 else xp.concat(found, axis=1)

    def of_rows(self, xp: Any, values: Array) -> Array:
        """Values (columns, groups) of the rows of each group, (columns, rows)."""
        found, begin, columns = [], 0, values.shape[0]
        for groups, length in self.spans:
            some = xp.broadcast_to(values[:, begin : begin + groups, None], (columns, groups, length))
            found.append(xp.reshape(some, (columns, groups * length)))
            begin += groups
        return found[0] if len(found) == 1 else xp.concat(found, axis=1)

    def that_count(self, xp: Any, row_weights: Array) -> Array:
        """1 for groups of which some row counts, else 0, (groups,): a group that no row of is there is none."""
        return self.of_groups(xp, row_weights[None], lambda rows: xp.max(rows, axis=-1))[0]


def _lengths(counts: np.ndarray) -> np.ndarray:
    """The length to which each group of so many rows is filled up, (groups,)."""
    if len(np.unique(counts)) <= LENGTHS:
        return counts
    few = np.unique(np.quantile(counts, np.arange(1, LENGTHS + 1) / LENGTHS, method="higher"))
    return few[np.searchsorted(few, counts)]
