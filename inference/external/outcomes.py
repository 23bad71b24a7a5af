"""An outcome as it is handed in, and its kind."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from inference.checks import check_choice
from inference.external.distal import Distal
from inference.external.kinds import KINDS, Categorical, Continuous, Count
from inference.external.reading import Variable, as_table, column_of, refuse
from mixtures.categories import coded
from mixtures.elsewhere import as_array, tabular
from mixtures.errors import DataError
from mixtures.indices import check_index
from mixtures.observations import Observations
from mixtures.tables import names_of, numbers_in

MOST_CATEGORIES = 50
"""An outcome with more has names of rows rather."""


@dataclass(frozen=True, eq=False)
class Outcome(Variable):
    """An outcome, (rows, 1)."""

    what: ClassVar[str] = "outcome"

    def asked(self) -> str:
        return f"{self.title}, {KINDS[self.kind].word} by component"

    def structural(self, values: np.ndarray, classes: int, reference: int) -> Distal:
        y = values[:, 0]
        if np.ptp(y) == 0:
            raise DataError("outcome", got=f"{y[0]:g} in every row", expected="an outcome that varies")
        if self.kind == "continuous":
            middle, unit = float(y.mean()), float(y.std())
            return Distal(Continuous((y - middle) / unit), classes, middle, unit)
        if self.kind == "count":
            return Distal(Count(y), classes)
        seen, numbers = np.unique(y, return_inverse=True)  # categories that no unit has are left out
        names = tuple(self.names[int(code)] if self.names else f"{code:g}" for code in seen)
        if len(names) > MOST_CATEGORIES:
            expected = f"{MOST_CATEGORIES} at most"
            raise DataError("outcome", got=f"{len(names)} categories", expected=expected, advice="Join rare ones.")
        return Distal(Categorical(numbers.astype(np.float64), names), classes)


def read_outcome(outcome: Any, kind: str | None, data: Any, x: Observations) -> Outcome:
    """An outcome of the rows of x.

    Names, truth values, and numbers that are all 0 or 1, are categories; all other numbers are continuous, where `kind` does not say otherwise.

    Raises:
        ChoiceError: another kind.
        DataError: not one number or name a row, or no outcome of the kind that is said.
    """
    if kind is not None:
        check_choice("kind", kind, KINDS)
    given = tabular(column_of(outcome, data, "outcome") if isinstance(outcome, str) else outcome)
    check_index("outcome", given, x)
    title = (names_of(given)[0] or ("outcome",))[0]
    if not isinstance(given, pd.Series | pd.DataFrame):
        array = as_array(given, "outcome")
        given = pd.Series(array) if array.dtype.kind in "UOb" and array.ndim == 1 else given  # names of a list
    numbers, categories = coded(given, None, None)
    values = as_table("outcome", np.array(numbers_in(numbers, "outcome"), dtype=np.float64), x, columns=1)
    names = (categories or (None,))[0] or ()
    seen = values[~np.isnan(values)]
    is_coded = bool(names) or bool(np.isin(seen, [0.0, 1.0]).all())
    kind = kind or ("categorical" if is_coded else "continuous")
    if names and kind != "categorical":
        raise DataError("outcome", got="names of categories", expected=f"numbers, for kind={kind!r}")
    if kind == "count":
        is_bad = (values < 0) | (values != np.floor(values))
        refuse("outcome", is_bad & ~np.isnan(values), values, x, "whole numbers from 0, for kind='count'")
    return Outcome(title, values, kind, names)
