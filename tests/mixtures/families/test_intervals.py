"""Intervals and cells cut off at bounds, from tails alone: with SciPy's tails they have SciPy's and mpmath's probabilities; in NumPy."""

from types import SimpleNamespace

import numpy as np
import pytest
from mpmath import mp
from scipy import stats

from mixtures.ppl.intervals import Intervals
from mixtures.ppl.log_tails import IMPOSSIBLE

INF = np.inf
WORDS = Intervals(np)


class Cell:
    """A distribution of scipy's in the words of a cell, which are for finite numbers."""

    def __init__(self, scipys):
        self.scipys, self.support = scipys, SimpleNamespace(is_discrete=not hasattr(scipys.dist, "pdf"))

    def log_tails(self, x):
        assert np.isfinite(x).all()
        return np.maximum(self.scipys.logcdf(x), IMPOSSIBLE), np.maximum(self.scipys.logsf(x), IMPOSSIBLE)

    def log_prob(self, x):
        assert np.isfinite(x).all()
        return self.scipys.logpdf(x)


NORMAL, COUNT = Cell(stats.norm(1.0, 2.0)), Cell(stats.poisson(3.0))


def loop(start, stop, step, state):
    for number in range(start, stop):
        state = step(number, state)
    return state


def of_normal(low, high):
    """log P(low < X < high) to thirty digits."""
    with mp.workdps(30):
        ends = [mp.ncdf((mp.mpf(end) - 1) / 2) if np.isfinite(end) else mp.mpf(end > 0) for end in (low, high)]
        above = [mp.ncdf(-(mp.mpf(end) - 1) / 2) if np.isfinite(end) else mp.mpf(end < 0) for end in (low, high)]
        return float(mp.log(ends[1] - ends[0] if low < 1 else above[0] - above[1]))


def test_intervals_of_a_normal_are_mpmaths():
    pairs = [(-1.0, 0.5), (0.5, 4.0), (-INF, 0.3), (2.0, INF), (-INF, INF), (30.0, 31.0), (-40.0, -39.0)]
    pairs += [(0.7, 0.7 + 1e-9), (9.0, 9.0 + 1e-12), (-9.0, -9.0 + 1e-7), (-9.0, 9.0)]
    lower, upper = np.array(pairs).T
    with np.errstate(invalid="ignore"):  # a middle of nothing, which is not taken
        found = WORDS.interval(NORMAL, lower, upper, False, np.zeros(len(pairs)))
    np.testing.assert_allclose(found, [of_normal(*pair) for pair in pairs], rtol=1e-9, atol=1e-12)
    impossible = WORDS.interval(NORMAL, np.array([2.0]), np.array([1.0]), False, np.zeros(1))
    assert impossible == IMPOSSIBLE
    at = np.array([0.5])
    assert WORDS.interval(NORMAL, at, at, False, at) == pytest.approx(NORMAL.log_prob(at), rel=1e-12)
    for low, high, right in (
        (lower, None, stats.norm(1.0, 2.0).logsf(lower)),
        (None, upper, stats.norm(1.0, 2.0).logcdf(upper)),
        (None, None, np.zeros(len(pairs))),
    ):
        np.testing.assert_allclose(WORDS.interval(NORMAL, low, high, False, np.zeros(len(pairs))), right, rtol=1e-12)


def test_intervals_of_counts_hold_both_ends():
    lower, upper = np.array([0.0, 2.0, 2.5, 3.0, -INF, 4.0, -2.0]), np.array([0.0, 4.0, 4.5, 3.0, 2.0, INF, 1.0])
    p = stats.poisson(3.0).pmf(np.arange(200))
    right = [p[0], p[2:5].sum(), p[3:5].sum(), p[3], p[:3].sum(), p[4:].sum(), p[:2].sum()]
    found = WORDS.interval(COUNT, lower, upper, True, np.zeros(7))
    np.testing.assert_allclose(found, np.log(right), rtol=1e-12)
    np.testing.assert_allclose(WORDS.interval(COUNT, lower[:2], None, True, np.zeros(2)), np.log([1.0, p[2:].sum()]))


@pytest.mark.parametrize(("low", "high"), [(-1.0, 2.0), (0.0, INF), (-INF, 0.5), (8.0, 9.0), (-9.0, -8.0)])
def test_what_is_cut_off_a_normal(low, high):
    inside = [max(low, -30.0) + share * (min(high, 30.0) - max(low, -30.0)) for share in (0.1, 0.5, 0.93)]
    x = np.array([*inside, low - 1 if np.isfinite(low) else inside[0], high + 1 if np.isfinite(high) else inside[1]])
    ends = np.full(5, low), np.full(5, high)
    below, above = WORDS.truncated(NORMAL, x, *ends, False)
    total = of_normal(low, high)
    for i in range(3):
        assert below[i] == pytest.approx(of_normal(low, x[i]) - total, rel=1e-8, abs=1e-12)
        assert above[i] == pytest.approx(of_normal(x[i], high) - total, rel=1e-8, abs=1e-12)
    if np.isfinite(low):
        assert (below[3], above[3]) == (IMPOSSIBLE, 0.0)
        at_low = WORDS.truncated(NORMAL, np.array([low]), ends[0][:1], ends[1][:1], False)
        assert at_low[0] < 0.9 * IMPOSSIBLE and at_low[1] == pytest.approx(0.0, abs=1e-12)
    if np.isfinite(high):
        assert (below[4], above[4]) == (0.0, IMPOSSIBLE)
        assert WORDS.truncated(NORMAL, np.array([high]), ends[0][:1], ends[1][:1], False)[0] == 0.0
    shares = np.array([1e-5, 0.2, 0.5, 0.9, 1 - 1e-5])
    found = WORDS.quantile(NORMAL, *ends, shares, loop)
    assert ((found >= low) & (found <= high)).all()
    for share, value in zip(shares, found, strict=True):
        exact = share * np.exp(total) if share < 0.5 else (1 - share) * np.exp(total)
        side = of_normal(low, value) if share < 0.5 else of_normal(value, high)
        assert side == pytest.approx(np.log(exact), abs=1e-6)


@pytest.mark.parametrize(("low", "high"), [(1.0, INF), (2.0, 6.0), (-INF, 4.0)])
def test_what_is_cut_off_counts(low, high):
    values = np.arange(60)
    p = np.where((values >= low) & (values <= high), stats.poisson(3.0).pmf(values), 0.0)
    cumulated = np.cumsum(p / p.sum())
    x = np.arange(-1.0, 9.0)
    below, above = WORDS.truncated(COUNT, x, np.full(10, low), np.full(10, high), True)
    right = np.where(x >= 0, cumulated[np.maximum(x, 0).astype(int)], 0.0)
    np.testing.assert_allclose(np.exp(below), right, atol=1e-14)
    np.testing.assert_allclose(np.exp(above), 1 - right, atol=1e-14)
    assert (below[x < low] == IMPOSSIBLE).all() and (above[x >= high] == IMPOSSIBLE).all()
    shares = np.array([0.001, 0.2, 0.4, 0.7, 0.99])
    found = WORDS.quantile(COUNT, np.full(5, low), np.full(5, high), shares, loop)
    np.testing.assert_array_equal(found, [np.argmax(cumulated >= share) for share in shares])
