"""What default priors want to know of columns, in one pass: from the moments of blocks those of all."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mixtures.blocks import reduced, rows_abreast
from mixtures.sources.tree import summed

IN_CACHE = 2**15
"""Numbers that moments are made of at once: what is made of them needs no memory of its own."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Count, mean, sum of squared deviations, and range of each column's known cells, (features,).

    Two of them make one without a large number being subtracted from another, where the means are known from a number near them.

    Args:
        centre: from where means are told.
        count: known cells.
        apart: their mean, from the centre.
        squares: the sum of their squared deviations from the mean.
        min, max: of them.

    Source: Chan, Golub & LeVeque (1983), equations 2.1.
    """

    centre: np.ndarray
    count: np.ndarray
    apart: np.ndarray
    squares: np.ndarray
    min: np.ndarray
    max: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, centre: np.ndarray) -> "Moments":
        """Of some rows, (rows,) or (rows, features), their means told from a centre."""
        side = rows_abreast(x)
        piece = side * max(1, IN_CACHE // (side * x[0].size))
        return summed(
            (cls._of_few(x[begin : begin + piece], centre) for begin in range(0, len(x), piece)), cls.with_more
        )

    @classmethod
    def _of_few(cls, x: np.ndarray, centre: np.ndarray) -> "Moments":
        """The same of rows that stay in a core's cache."""
        side = rows_abreast(x)
        if left := len(x) % side:
            return cls._of_few(x[:-left], centre).with_more(cls._of_few(x[-left:], centre))
        low = reduced(np.minimum, x)
        if np.isnan(low).any():
            return cls._of_some(x.reshape(len(x), -1), centre)
        from_centre = x.reshape(len(x) // side, -1) - np.tile(centre, side)
        apart = from_centre.sum(axis=0).reshape(side, -1).sum(axis=0) / len(x)
        from_centre -= np.tile(apart, side)
        squares = np.einsum("ij,ij->j", from_centre, from_centre).reshape(side, -1).sum(axis=0)
        count = np.full(len(apart), len(x))
        return cls(centre, count, apart, squares, np.atleast_1d(low), np.atleast_1d(reduced(np.maximum, x)))

    @classmethod
    def _of_some(cls, x: np.ndarray, centre: np.ndarray) -> "Moments":
        """The same where cells are missing, (rows, features)."""
        seen = ~np.isnan(x)
        count = seen.sum(axis=0)
        apart = np.where(seen, x - centre, 0.0).sum(axis=0) / np.maximum(count, 1)
        from_mean = np.where(seen, x - centre - apart, 0.0)
        squares = np.einsum("ij,ij->j", from_mean, from_mean)
        return cls(centre, count, apart, squares, np.fmin.reduce(x, axis=0), np.fmax.reduce(x, axis=0))

    def with_more(self, more: "Moments") -> "Moments":
        """These rows and others."""
        count = self.count + more.count
        share, apart = more.count / np.maximum(count, 1), more.apart - self.apart
        return Moments(
            self.centre,
            count,
            self.apart + apart * share,
            self.squares + more.squares + apart**2 * self.count * share,
            np.fmin(self.min, more.min),  # NaN where no cell is known
            np.fmax(self.max, more.max),
        )

    def cut(self, column: int | None) -> "Moments":
        """Of one column, in numbers; of data of shape (rows,) that is the first."""
        return Moments(*(values[column] for values in vars(self).values()))

    @property
    def mean(self) -> np.ndarray:
        """Of the known cells."""
        return self.centre + self.apart

    @property
    def variance(self) -> np.ndarray:
        """Likewise, of divisor n."""
        return self.squares / np.maximum(self.count, 1)


@dataclass(frozen=True, eq=False)
class Summary:
    """What statistics ask of all rows of a source, in the place of an array.

    Args:
        moments: of the columns.
        of_logs: gives the same of the columns' logarithms, which the priors of positive data are made of: a pass of its own.
    """

    moments: Moments
    of_logs: Callable[[], "Summary"]

    def column(self, column: int) -> "Summary":
        """Of one column."""
        return Summary(self.moments.cut(column), lambda: self.log.column(column))

    @property
    def min(self) -> np.ndarray:
        """The least known cell of each column; likewise the others."""
        return self.moments.min

    @property
    def max(self) -> np.ndarray:
        return self.moments.max

    @property
    def mean(self) -> np.ndarray:
        return self.moments.mean

    @property
    def variance(self) -> np.ndarray:
        return self.moments.variance

    @cached_property
    def log(self) -> "Summary":
        """That of the logarithms; of numbers that have none, 1 is taken."""
        return self.of_logs()


def centre_of(x: np.ndarray) -> np.ndarray:
    """The means of some rows: numbers near those of all, which are told from there."""
    return Moments.of(x, np.zeros(1 if x.ndim == 1 else x.shape[1])).mean


def moments_of(blocks: Iterable[np.ndarray], centre: np.ndarray) -> Moments:
    """Of all rows, a block at a time, means told from a centre."""
    return summed((Moments.of(x, centre) for x in blocks), Moments.with_more)


def logarithms(x: np.ndarray) -> np.ndarray:
    """Of numbers above 0; of others that of 1."""
    return np.log(np.where(x <= 0, 1.0, x))
