"""What the table of a run says of how to read it, and every later one: its formula, its categories, its units."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from mixtures import Formula, Observations
from mixtures.categories import BOOLEAN
from mixtures.errors import DataError


def no_names(column: str) -> bool:
    """Texts are no categories, unless something says so."""
    return False


@dataclass(frozen=True)
class Reading:
    """How tables are read, new ones as the first was.

    Args:
        takes_names: column -> whether texts in it are categories; in others they are an error.
        formula: what the response and the covariates are; None: columns as they are.
        categories: the names of categories that are known, by column.
        units: mean and standard deviation of the columns that are measured in these.
    """

    takes_names: Callable[[str], bool] = no_names
    formula: Formula | None = None
    categories: Mapping[str, Sequence[str]] = field(default_factory=dict)
    units: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def after(self, x: Observations) -> "Reading":
        """The same, with the categories that these observations have."""
        named = zip(x.feature_names or (), x.categories or (), strict=False)
        return replace(self, categories={column: names for column, names in named if names is not None})

    def cells(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The cells of the columns that are modelled: numbers in their units, and names as text where names are known.

        Raises:
            DataError: texts in a column that takes none.
        """
        names = Observations(frame, missing="allow").categories or ()
        bad = [
            str(column)
            for column, own in zip(frame.columns, names, strict=False)
            if own not in (None, BOOLEAN) and not self.takes_names(str(column))
        ]
        if bad:
            raise DataError("x", got=f"columns {bad} that are not numbers", expected="real numbers")
        measured = {column: (frame[column] - mean) / spread for column, (mean, spread) in self.units.items()}
        return frame.assign(
            **measured, **{column: _as_text(frame[column]) for column in self.categories if column in frame}
        )


def units_of(frame: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of every column of numbers that varies."""
    numeric = [
        column for column in frame.columns if frame[column].dtype.kind in "fiu" and frame[column].std(ddof=0) > 0
    ]
    return {str(column): (float(frame[column].mean()), float(frame[column].std(ddof=0))) for column in numeric}


def _as_text(column: pd.Series) -> pd.Series:
    """Cells as the names of categories: 1 and 1.0, which a file may be read as, are both "1"."""
    is_whole = column.dtype.kind == "f" and (column.dropna() % 1 == 0).all()
    whole = column.astype("Int64") if is_whole else column
    return whole.map(str, na_action="ignore").astype(object).where(column.notna(), None)
