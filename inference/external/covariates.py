"""Covariates as they are handed in: numbers, a column of the data by its name, or a formula."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from inference.external.logit import Logit
from inference.external.reading import Variable, as_table, column_of, frame_of
from mixtures.errors import DataError, ModelError, in_words
from mixtures.formula import Formula
from mixtures.formula_words import variables_of
from mixtures.indices import check_index
from mixtures.observations import Observations
from mixtures.tables import names_of, numbers_in

KIND = "covariates"


@dataclass(frozen=True, eq=False)
class Covariates(Variable):
    """Covariates, (rows, covariates)."""

    what: ClassVar[str] = "covariates"

    def asked(self) -> str:
        return f"Log odds of components by {self.title}"

    def structural(self, values: np.ndarray, classes: int, reference: int) -> Logit:
        middle, unit = values.mean(axis=0), values.std(axis=0)
        scaled = (values - middle) / np.where(unit > 0, unit, 1.0)
        if np.linalg.matrix_rank(scaled) < scaled.shape[1]:
            raise DataError(
                "covariates",
                got=f"columns {list(self.names)} of which one is constant, or follows from the others",
                expected="covariates that each say something of their own",
                advice="Leave one out; the intercept is there by itself.",
            )
        design = np.column_stack([np.ones(len(values)), scaled])
        return Logit(design, classes, reference, self.names, middle, unit)


def read_covariates(covariates: Any, data: Any, x: Observations) -> Covariates:
    """Covariates of the rows of x.

    Raises:
        DataError: not numbers, another number of rows, or no column of the data.
        ModelError: a formula that is none.
    """
    if isinstance(covariates, str) and "~" in covariates:
        return _of_formula(covariates, data, x)
    given = _column(covariates, data) if isinstance(covariates, str) else covariates
    check_index("covariates", given, x)
    values = as_table("covariates", np.array(numbers_in(given, "covariates"), dtype=np.float64), x)
    names = names_of(given)[0] or tuple(f"c{place}" for place in range(values.shape[1]))
    return Covariates(", ".join(names), values, KIND, names)


def _column(name: str, data: Any) -> pd.DataFrame:
    """A column of numbers.

    Raises:
        DataError: it is none, or has names.
    """
    column = column_of(name, data, "covariates")
    if not all(map(is_numeric_dtype, column.dtypes)):
        raise DataError(
            "covariates",
            got=f"{name!r}, a column that is not of numbers",
            expected="numbers, or a formula",
            advice=f"A formula makes columns of categories: covariates='~ C({name})'.",
        )
    return column


def _of_formula(text: str, data: Any, x: Observations) -> Covariates:
    """What `"~ age + C(sex)"` makes of a frame; a row that lacks a variable is missing as a whole."""
    frame = frame_of(data, "covariates")
    check_index("data", frame, x)
    if len(frame) != len(x):
        raise DataError("data", got=f"{len(frame)} rows", expected=f"{len(x)}, those of x in their order")
    response, _, terms = text.partition("~")
    if response.strip():
        expected = "a formula without a response, '~ age + C(sex)' say: the class is it"
        raise ModelError("covariates", got=in_words(text), expected=expected)
    whole = f"1 ~ {terms}"  # this package's formulas have a response, for which a constant stands
    is_known = frame[[name for name in variables_of(whole) if name in frame]].notna().all(axis=1).to_numpy()
    made = Formula.of(whole, frame[is_known]).observations(frame[is_known])
    assert made.covariates is not None  # a formula has some
    names = made.covariate_names or ()
    values = np.full((len(x), made.covariates.shape[1]), np.nan)
    values[is_known] = made.covariates
    return Covariates(terms.strip(), values, KIND, names)
