"""What default priors want to know of columns, in one pass: from the moments of blocks those of all."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np


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
        """Of some rows, (features, rows), their means told from a centre."""
        seen = ~np.isnan(x)
        count = seen.sum(axis=1)
        is_whole = bool(seen.all())
        from_centre = x - centre[:, None] if is_whole else np.where(seen, x - centre[:, None], 0.0)
        apart = from_centre.sum(axis=1) / np.maximum(count, 1)
        from_mean = from_centre - apart[:, None]
        if not is_whole:
            from_mean[~seen] = 0.0
        squares = np.einsum("ji,ji->j", from_mean, from_mean)
        return cls(centre, count, apart, squares, np.fmin.reduce(x, axis=1), np.fmax.reduce(x, axis=1))

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

    @property
    def centred(self) -> "Moments":
        """The same, told from their own mean."""
        return replace(self, centre=self.mean, apart=np.zeros_like(self.apart))

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
    """The moments of all rows, and of their logarithms (of numbers above 0; others count as 1), which priors of positive data are made of."""

    own: Moments
    of_log: Moments

    @classmethod
    def of(cls, x: np.ndarray, near: "Summary | None" = None) -> "Summary":
        """Of some rows, (rows, features), to be put together with one of rows near them."""
        across = np.ascontiguousarray(x.T)
        both = across, np.log(np.where(across <= 0, 1.0, across))
        if near is None:
            own, of_log = (Moments.of(values, np.zeros(x.shape[1])).centred for values in both)
        else:
            own, of_log = near.own, near.of_log
        return cls(Moments.of(both[0], own.centre), Moments.of(both[1], of_log.centre))

    def with_more(self, more: "Summary") -> "Summary":
        """These rows and others."""
        return Summary(self.own.with_more(more.own), self.of_log.with_more(more.of_log))

    def column(self, column: int) -> "Summary":
        """Of one column."""
        return Summary(self.own.cut(column), self.of_log.cut(column))

    @property
    def min(self) -> np.ndarray:
        """The least known cell of each column; likewise the others."""
        return self.own.min

    @property
    def max(self) -> np.ndarray:
        return self.own.max

    @property
    def mean(self) -> np.ndarray:
        return self.own.mean

    @property
    def variance(self) -> np.ndarray:
        return self.own.variance

    @cached_property
    def log(self) -> "Summary":
        """That of the logarithms."""
        return Summary(self.of_log, self.of_log)
