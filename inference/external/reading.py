"""What outcomes and covariates have in common where they are handed in: one entry a row, NaN where missing, the same within a group."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from jaxtyping import Float

from inference.external.structural import Structural
from inference.external.units import Units
from mixtures.elsewhere import tabular
from mixtures.errors import DataError, in_words
from mixtures.observations import LARGEST, Observations
from mixtures.tables import named_row


@dataclass(frozen=True, eq=False)
class Variable(ABC):
    """An external variable.

    Args:
        title: what it is called.
        values: NaN where missing, (rows, columns).
        kind: one of the kinds of outcomes, or `"covariates"`.
        names: of an outcome's categories, by their numbers, none of numbers; or of the covariates.
    """

    title: str
    values: Float[np.ndarray, "rows columns"]
    kind: str
    names: tuple[str, ...]

    what: ClassVar[str]
    """The argument that it came by."""

    @abstractmethod
    def asked(self) -> str:
        """What is asked of it, the beginning of a heading."""

    @abstractmethod
    def structural(self, values: Float[np.ndarray, "units columns"], classes: int, reference: int) -> Structural:
        """The structural model of units whose values are known."""

    def of_units(self, units: Units) -> Float[np.ndarray, "units columns"]:
        """The values of units.

        Raises:
            DataError: they differ between the rows of a group.
        """
        own = self.values[units.first]
        if units.group is not None:
            is_same = (self.values == own[units.group]) | (np.isnan(self.values) & np.isnan(own[units.group]))
            refuse(self.what, ~is_same, self.values, units.bound.x, "one value a group, the same in all of its rows")
        return own


def column_of(name: str, data: Any, what: str) -> pd.DataFrame:
    """A column of the data by its name, as a frame.

    Raises:
        DataError: no frame, or none with that column.
    """
    frame = frame_of(data, what)
    if name not in frame:
        raise DataError(what, got=in_words(name), expected=f"one of the columns {in_words([*map(str, frame.columns)])}")
    return frame[[name]]


def frame_of(data: Any, what: str) -> pd.DataFrame:
    """Data that have names.

    Raises:
        DataError: they have none.
    """
    frame = tabular(data)
    if not isinstance(frame, pd.DataFrame):
        raise DataError(
            what,
            got=f"a text, and data that are a {type(data).__name__}",
            expected="a DataFrame that has the columns",
            advice=f"Pass data=frame; or the values themselves, {what}=frame[...].",
        )
    return frame


def as_table(what: str, values: np.ndarray, x: Observations, columns: int | None = None) -> np.ndarray:
    """Numbers as (rows, columns).

    Raises:
        DataError: another number of rows or columns, or infinite ones.
    """
    made = values[:, None] if values.ndim == 1 else values
    if made.ndim != 2 or len(made) != len(x) or made.shape[1] != (columns or max(made.shape[1], 1)):
        raise DataError(
            what,
            got=f"shape {values.shape}",
            expected=f"one for each row of x, shape ({len(x)},)" + ("" if columns == 1 else f" or ({len(x)}, {what})"),
            advice="One outcome at a time, of the same rows in the same order."
            if columns == 1
            else "Pass the covariates of the same rows, in the same order.",
        )
    refuse(what, np.abs(made) > LARGEST, made, x, f"finite numbers up to {LARGEST:g}, and NaN where missing")
    return made


def refuse(what: str, is_bad: np.ndarray, values: np.ndarray, x: Observations, expected: str) -> None:
    """Refuse the first cell that is bad.

    Raises:
        DataError: there is one.
    """
    bad = np.argwhere(is_bad)
    if len(bad):
        row, column = bad[0].tolist()
        raise DataError(
            what, got=f"{values[row, column]:g} at row {row}{named_row(x.row_names, row)}", expected=expected
        )
