"""Log probabilities of intervals, and cells cut off at bounds, from the tails that a distribution says of itself (`log_tails`), once for both
backends."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mixtures.ppl.log_tails import Tails
from mixtures.ppl.protocol import IMPOSSIBLE, Array

LARGEST = 1e150
"""Of the numbers among which a quantile is looked for."""

HALVINGS = 58
"""Of an interval of some hundred: what is left is below the digits of a float."""

NARROW = 1e-5
"""Intervals that hold less than this share of a tail take their probability from the density: either way is then right to 1e-11."""


@dataclass(frozen=True)
class Intervals:
    """Intervals in one backend.

    Args:
        xp: the array namespace.
    """

    xp: Any

    def between(self, low: Tails, high: Tails) -> tuple[Array, Array]:
        """log P(a < X <= b) from the tails at a and at b; and the share that it is of the tail it was taken from."""
        xp = self.xp
        # where a is beyond the middle, S(a) - S(b); else F(b) - F(a)
        is_above = low[0] > low[1]
        more, less = xp.where(is_above, low[1], high[0]), xp.where(is_above, high[1], low[0])
        fall = xp.where(less < more, more - less, 0.0)
        is_some = fall > 0
        share = xp.where(is_some, -xp.expm1(-xp.where(is_some, fall, 1.0)), 0.0)
        return xp.where(is_some, more + xp.log(xp.where(is_some, share, 1.0)), IMPOSSIBLE), share

    def interval(self, cell: Any, lower: Any, upper: Any, is_discrete: bool, legal: Array) -> Array:
        """log P(lower <= X <= upper), both ends included.

        Args:
            cell: a distribution that has `log_tails`.
            lower: lower bounds, -infinity where there is none; None: nowhere.
            upper: upper bounds likewise.
            is_discrete: whether X has probabilities, not a density.
            legal: values that X can have, in the place of what is not between two bounds.
        """
        xp = self.xp
        if lower is None and upper is None:
            return 0.0 * legal
        low = None if lower is None else self._at(cell, xp.ceil(lower) - 1 if is_discrete else lower)
        high = None if upper is None else self._at(cell, upper)
        if low is None or high is None:
            return low[1] if high is None else high[0]  # type: ignore[index]  # one of them is there
        has_low, has_high = lower > -math.inf, upper < math.inf
        found, share = self.between(low, high)
        if not is_discrete:
            middle = xp.where(has_low & has_high & (lower < upper), 0.5 * (lower + upper), legal)
            width = xp.where(has_low & has_high & (lower < upper), upper - lower, 1.0)
            found = xp.where(share < NARROW, cell.log_prob(middle) + xp.log(width), found)
        found = xp.where(lower <= upper, found, IMPOSSIBLE)
        return xp.where(has_low & has_high, found, xp.where(has_low, low[1], xp.where(has_high, high[0], 0.0)))

    def _at(self, cell: Any, bound: Array) -> Tails:
        """The tails at bounds, of which some are infinite."""
        xp = self.xp
        is_finite = xp.abs(bound) < math.inf
        below, above = cell.log_tails(xp.where(is_finite, bound, 1.0))
        ends = xp.where(bound > 0, 0.0, IMPOSSIBLE), xp.where(bound > 0, IMPOSSIBLE, 0.0)
        return xp.where(is_finite, below, ends[0]), xp.where(is_finite, above, ends[1])

    def truncated(self, cell: Any, x: Array, low: Array, high: Array, is_discrete: bool) -> Tails:
        """The tails of X given low <= X <= high."""
        xp = self.xp
        nothing, whole = self._at(cell, low - float(is_discrete)), self._at(cell, high)
        total, _ = self.between(nothing, whole)
        is_before, is_after = x < low, x >= high
        some = xp.where(low > -math.inf, low, xp.where(high < math.inf, high, 0.0))
        at = cell.log_tails(xp.where(is_before | is_after, some, x))
        below, above = self.between(nothing, at)[0] - total, self.between(at, whole)[0] - total
        below = xp.where(is_before, IMPOSSIBLE, xp.where(is_after, 0.0, below))
        return below, xp.where(is_before, 0.0, xp.where(is_after, IMPOSSIBLE, above))

    def quantile(self, cell: Any, low: Array, high: Array, share: Array, loop: Callable[..., Any]) -> Array:
        """x with P(X <= x) = share given low <= X <= high, by halving an interval on a line on which every float has its place.

        Args:
            cell: the distribution of X; it has `log_tails`.
            low: lower bound, -infinity where there is none.
            high: upper bound likewise.
            share: from 0 to 1.
            loop: (start, stop, step, state) -> state, where step takes a number and the state.
        """
        xp, is_discrete = self.xp, cell.support.is_discrete
        nothing, whole = self._at(cell, low - float(is_discrete)), self._at(cell, high)
        total, _ = self.between(nothing, whole)
        below = xp.logaddexp(nothing[0], total + xp.log(share))
        above = xp.logaddexp(whole[1], total + xp.log1p(-share))

        def halved(_: Any, ends: tuple[Array, Array]) -> tuple[Array, Array]:
            middle = 0.5 * (ends[0] + ends[1])
            tails = cell.log_tails(xp.sinh(middle))
            # by the smaller tail, which has the digits
            is_short = xp.where(below < above, tails[0] < below, tails[1] > above)
            return xp.where(is_short, middle, ends[0]), xp.where(is_short, ends[1], middle)

        first = xp.ceil(low) - 1 if is_discrete else low
        start = tuple(xp.asinh(xp.clip(end, -LARGEST, LARGEST)) + 0.0 * below for end in (first, high))
        found = xp.sinh(loop(0, HALVINGS, halved, start)[1])
        whole_number = xp.ceil(found - 1e-9 * (1 + xp.abs(found)))
        return xp.clip(whole_number if is_discrete else found, low, high)
