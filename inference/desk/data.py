"""From a table and the purposes of its columns to observations; what looks unlike what was said of it is noted."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import chain
from shlex import quote
from typing import Any

import numpy as np
import pandas as pd

from inference.desk.reading import Reading, units_of
from inference.desk.settings import DataSettings
from inference.desk.table_files import Table
from mixtures import Formula, Observations
from mixtures.errors import DataError
from mixtures.families import Gaussian
from mixtures.families.family import Family
from mixtures.observations import CELLS

MOST_STAND_INS = 2
"""So many different texts among numbers look like what stands for an empty cell."""

FEW_VALUES = 30
"""Whole numbers with so few different values look like counts."""


SINGLE = {"labels": "labels", "weights": "row_weights", "sequence": "sequence", "groups": "group"}
"""By an option that names one column, what `Observations` call it."""


def reading_of(table: Table, settings: DataSettings, takes_names: Callable[[str], bool]) -> Reading:
    """How a run's table is read, and new ones after it.

    Args:
        table: that of the run.
        settings: what its columns are for.
        takes_names: column -> whether texts in it are categories.

    Raises:
        DataError: it lacks a column that was named; columns to be standardised of whose cells more is known, such as bounds.
    """
    table = _named_rows(table, settings)
    if settings.formula:
        return Reading(formula=Formula.of(settings.formula, table.frame))
    columns, _, _, of_cells = _purposes(table, settings)
    if settings.standardise and (named := [name for name, listed in of_cells.items() if listed]):
        raise DataError(
            "--standardise",
            got=f"--{named[0]}, which is in the units of the table",
            expected="one of the two",
            advice="Measure both in other units beforehand.",
        )
    units = units_of(table.frame[columns]) if settings.standardise else {}
    return Reading(takes_names, categories=settings.categories, units=units)


def observations_of(table: Table, settings: DataSettings, reading: Reading | None = None) -> Observations:
    """The observations of a table.

    Args:
        table: of the run, or new.
        settings: what its columns are for.
        reading: how the run's table is read; None: all columns as they are.

    Raises:
        DataError: it lacks a column that was named; columns are not numbers, or have empty cells.
    """
    how, table = reading or Reading(), _named_rows(table, settings)
    frame = table.frame
    columns, covariates, used, of_cells = _purposes(table, settings)
    of_rows: Any = {SINGLE[name]: frame[column] for name, column in used.items()}
    of_rows |= {name: _of_cells(frame, listed, len(columns)) for name, listed in of_cells.items() if listed}
    try:
        if how.formula is not None:
            return how.formula.observations(frame, missing=settings.missing, **of_rows)
        return Observations(
            how.cells(frame[columns]),
            missing=settings.missing,
            covariates=frame[covariates] if covariates else None,
            categories=dict(how.categories) or None,
            **of_rows,
        )
    except DataError as error:
        if how.formula is not None:
            raise DataError(
                table.name, got=f"{error.got} ({table.read})", expected=error.expected, advice=error.advice
            ) from error
        raise DataError(
            table.name,
            got=f"{_found(frame, columns, error)} ({table.read})",
            expected=error.expected,
            advice=_advice(frame, columns, error),
        ) from error


def _named_rows(table: Table, settings: DataSettings) -> Table:
    """The table, its rows named by a column of it, if one was said to have their names."""
    if not settings.index:
        return table
    return replace(table, frame=table.frame.set_index(_column(table, "--index", settings.index)))


def _purposes(
    table: Table, settings: DataSettings
) -> tuple[list[str], list[str], dict[str, str], dict[str, list[str]]]:
    """The columns that are modelled, the covariates, and by their purpose single columns and those that say something of cells."""
    single = {name: getattr(settings, name) for name in SINGLE}
    of_cells = {name: [_column(table, f"--{name}", column) for column in getattr(settings, name)] for name in CELLS}
    used = {name: _column(table, f"--{name}", column) for name, column in single.items() if column}
    covariates = [_column(table, "--covariates", column) for column in settings.covariates]
    columns = [_column(table, "--columns", column) for column in settings.columns]
    others = {*used.values(), *covariates, *chain.from_iterable(of_cells.values())}
    columns = columns or [str(name) for name in table.frame.columns if name not in others]
    return columns, covariates, used, of_cells


def _of_cells(frame: pd.DataFrame, listed: Sequence[str], columns: int) -> pd.Series | pd.DataFrame | np.ndarray:
    """A number for each cell: of one column for all, of as many as there are, or of a matrix for each row."""
    if len(listed) == 1:
        return frame[listed[0]]
    is_matrix = columns > 1 and len(listed) == columns**2
    return frame[listed].to_numpy().reshape(len(frame), columns, columns) if is_matrix else frame[listed]


def _column(table: Table, option: str, name: str) -> str:
    """The name of a column, as the table has it; blanks around it do not matter.

    Raises:
        DataError: there is none.
    """
    names = [str(column) for column in table.frame.columns]
    if name.strip() in names:
        return name.strip()
    near = get_close_matches(name.strip().lower(), [column.lower() for column in names], n=1)
    close = next((column for column in names if near and column.lower() == near[0]), None)
    advice = f"Did you mean {close!r}?" if close else ""
    raise DataError(option, got=repr(name), expected=f"one of the columns {names} ({table.read})", advice=advice)


def _found(frame: pd.DataFrame, columns: Sequence[str], error: DataError) -> str:
    """What was found, with the first cell that is no number."""
    texts = _texts(frame, columns)
    if "not numbers" not in error.got or not texts:
        return error.got
    name = next(iter(texts))
    row = next(row for row, cell in enumerate(frame[name]) if cell == texts[name][0])
    return f"{error.got}, such as {texts[name][0]!r} at row {row} of {name!r}"


def _texts(frame: pd.DataFrame, columns: Sequence[str]) -> dict[str, list[str]]:
    """The different cells that are no numbers, of every column that has some."""
    found = {}
    for name in columns:
        column = frame[name]
        if column.dtype.kind not in "fiubMm":
            seen = column[column.notna()].astype(str)
            found[name] = list(dict.fromkeys(seen[pd.to_numeric(seen, errors="coerce").isna()]))
    return {name: texts for name, texts in found.items() if texts}


def _advice(frame: pd.DataFrame, columns: Sequence[str], error: DataError) -> str:
    """What to do, in the words of the command."""
    if "not numbers" not in error.got and "dates" not in error.got and "finite" not in error.expected:
        return error.advice
    texts = _texts(frame, columns)
    stand_ins = set(chain.from_iterable(texts.values()))
    if texts and len(stand_ins) <= MOST_STAND_INS and all(frame[name].nunique() > len(stand_ins) + 1 for name in texts):
        return f"If that stands for an empty cell, say so: --na {quote(','.join(sorted(stand_ins)))} --missing allow."
    numeric = [name for name in columns if frame[name].dtype.kind in "fiub"]
    if numeric and len(numeric) < len(columns):
        name = next(iter(texts), "")
        named = f" Or say which columns are categories: --family {quote(f'{name}=Categorical')}." if texts else ""
        return f"Take the columns of numbers: --columns {quote(','.join(map(str, numeric)))}.{named}"
    if texts and not error.advice:
        return "If these are categories, say so: --family Categorical."
    if numeric and frame[numeric].isna().to_numpy().any():
        return "If empty cells were not observed, say so: --missing allow; else mend or drop these rows."
    return error.advice.replace('Observations(x, missing="allow")', "--missing allow").replace(
        "put NaN", "leave them empty"
    )


def notes(table: Table, x: Observations, family: Family | None) -> Iterator[str]:
    """What of the data looks unlike what was said of them, in sentences."""
    for name in x.feature_names or ():
        if name not in table.frame:  # made by a formula
            continue
        column = table.frame[name]
        if column.nunique() == 1 and len(column) > 1:
            yield f"column {name!r} is the same in every row, and says nothing of components: leave it out of --columns"
        elif column.dtype.kind == "b" and isinstance(family, Gaussian):
            yield f"column {name!r} holds True and False: --family {name}=Bernoulli says so"
        elif column.dtype.kind in "iu" and len(column) > 2:
            if np.all(np.diff(column.to_numpy()) == 1):
                yield f"column {name!r} numbers the rows: --index {name} takes it for their names"
            elif isinstance(family, Gaussian) and column.min() >= 0 and column.nunique() <= FEW_VALUES:
                yield f"column {name!r} looks like counts or categories: --family {name}=Poisson, say, or Categorical"
