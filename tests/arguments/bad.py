"""Values that a user may pass by mistake, and kinds of arguments: which of these values each kind takes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import sparse


class Unprintable:
    """An object of a user's whose text is broken."""

    def __repr__(self):
        raise RuntimeError("no text")


POOL: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "True": lambda: True,
    "False": lambda: False,
    "text": lambda: "no such thing",
    "number as text": lambda: "2",
    "empty text": lambda: "",
    "text with a null": lambda: "a\0b",
    "bytes": lambda: b"2",
    "empty list": list,
    "list": lambda: ["no such thing"],
    "nested list": lambda: [[]],
    "ragged list": lambda: [[1.0], [1.0, 2.0]],
    "empty dict": dict,
    "dict": lambda: {"no such thing": 1.0},
    "dict of dicts": lambda: {1: {}},
    "empty tuple": lambda: (),
    "tuple": lambda: (1.5, None, "x"),
    "set": lambda: {1, 2},
    "object": object,
    "unprintable": Unprintable,
    "class": lambda: int,
    "function": lambda: lambda: None,
    "generator": lambda: (value for value in [1.0, 2.0]),
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "minus inf": lambda: -np.inf,
    "-1": lambda: -1,
    "0": lambda: 0,
    "1.5": lambda: 1.5,
    "10**30": lambda: 10**30,
    "-10**30": lambda: -(10**30),
    "2**40": lambda: 2**40,
    "10**400": lambda: 10**400,
    "10**5000": lambda: 10**5000,
    "complex": lambda: 1 + 2j,
    "fraction": lambda: Fraction(3, 2),
    "NA": lambda: pd.NA,
    "NaT": lambda: pd.NaT,
    "date": lambda: np.datetime64("2024-01-01"),
    "float32 nan": lambda: np.float32("nan"),
    "array": lambda: np.array([0.5, 1.5, 2.5]),
    "array of 3 axes": lambda: np.zeros((2, 2, 2)),
    "empty array": lambda: np.array([]),
    "array of objects": lambda: np.array([object(), None]),
    "array of text": lambda: np.array(["a", "b"]),
    "structured array": lambda: np.zeros(3, dtype=[("a", float), ("b", int)]),
    "frame": lambda: pd.DataFrame({"a": ["x", "y"], "b": [1.0, 2.0]}),
    "tree": lambda: xr.DataTree.from_dict({"posterior": xr.Dataset()}),
    "dataset": lambda: xr.Dataset({"a": ("rows", [1.0, 2.0])}),
    "sparse": lambda: sparse.eye_array(3).tocsr(),
}


@dataclass(frozen=True)
class Kind:
    """A kind of argument.

    Args:
        takes: the values of the pool that are right, or that may be either: they are not tried.
        more: further values that are wrong for this kind.
    """

    takes: frozenset[str] = frozenset()
    more: dict[str, Callable[[], Any]] = field(default_factory=dict)

    def or_(self, *names: str) -> "Kind":
        """The kind with more values that it takes."""
        assert set(names) <= set(POOL)
        return Kind(self.takes | frozenset(names), self.more)

    def wrong(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        """The values that are wrong, by name."""
        yield from ((name, make) for name, make in {**POOL, **self.more}.items() if name not in self.takes)


NUMBERS_IN_POOL = ("-1", "0", "1.5", "2**40", "10**30", "-10**30")

THING = Kind()  # a fit, a tree, a family, a count >= 1, one of several words, a share: nothing of the pool will do
COUNT = THING
COUNT_FROM_0 = THING.or_("0")
CHOICE = THING
SHARE = THING
SEED = THING.or_("0")
FLAG = THING.or_("True", "False")
OPTION = FLAG.or_("None")
POSITIVE = THING.or_("1.5", "2**40", "10**30")
NOT_NEGATIVE = POSITIVE.or_("0")
NUMBER = THING.or_(*NUMBERS_IN_POOL)
NUMBERS = NUMBER.or_("array", "array of 3 axes")
POSITIVE_NUMBERS = POSITIVE.or_("array")
PATH = Kind(frozenset({"text", "number as text"}), {"bytes path": lambda: b"x.nc"})
AXES = Kind(frozenset({"None"}), {"axes": lambda: np.array([None, None])})
COMMON = THING.or_("0", "2**40", "set", "empty list", "empty tuple", "empty array")
PRIORS = THING.or_("None", "empty dict", "empty tuple")
SITES = THING.or_("None", "empty dict")
NAMES = THING.or_("None", "list", "array of text")
ROWS = THING.or_("None", "0", "-1")
DATA = Kind(
    frozenset({"array"}),
    {
        "nan among numbers": lambda: [1.0, np.nan],
        "inf among numbers": lambda: [1.0, np.inf],
        "beyond squares": lambda: [1.0, 1e200],
        "None among numbers": lambda: [1.0, None, 2.0],
        "numbers as text": lambda: ["1", "2"],
        "categories": lambda: pd.Series([1, 2, 1], dtype="category"),
        "dates": lambda: pd.Series(pd.to_datetime(["2024-01-01", "2024-01-02"])),
        "frame of categories": lambda: pd.DataFrame({"a": pd.Categorical(["x", "y"])}),
        "frame without rows": lambda: pd.DataFrame({"a": []}),
        "columns of one name": lambda: pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]),
        "dask-like": lambda: type("Lazy", (), {"__array__": lambda self, *_, **__: 1 / 0})(),
    },
)
"""One variable, shape (rows,), of numbers."""
NAMED_DATA = Kind(
    frozenset({"array", "frame"}),
    {label: make for label, make in DATA.more.items() if label not in ("categories", "frame of categories")},
)
"""Data that may have names of categories in them."""
CLUSTERS = Kind(
    frozenset(),
    {
        "fractions": lambda: [0.5, 1.0, 0.0, 1.0, 0.0, 1.0],
        "minus one": lambda: [-1, 0, 1, 0, 1, 0],
        "truth values": lambda: [True, False, True, False, True, False],
        "too few": lambda: [0, 1],
        "huge": lambda: [0, 1, 0, 1, 0, 10**30],
    },
)
"""A component or cluster for each of six rows."""
