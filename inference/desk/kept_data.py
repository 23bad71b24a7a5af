"""Data that came from Python or the standard input, kept in a run's folder as a table that gives them back to the last bit."""

import io
from collections.abc import Iterable
from dataclasses import replace

import pandas as pd

from inference.desk.settings import DataSettings
from inference.desk.table_files import Table
from mixtures import Observations

DATA = "data.csv"


def text_of(frame: pd.DataFrame) -> str:
    """A frame as CSV; rows that have names have them in a first column without one."""
    return frame.to_csv(index=not isinstance(frame.index, pd.RangeIndex), index_label="")


def frame_of(text: str, named: Iterable[str] = ()) -> pd.DataFrame:
    """The frame of `text_of`; `named` are the columns that hold names, be they digits.

    Example:
        >>> frame_of(text_of(pd.DataFrame({"a": [0.5, None]}, index=["r", "s"]))).index.tolist()
        ['r', 's']
    """
    has_names = text.startswith((",", '"",'))
    frame = pd.read_csv(
        io.StringIO(text), index_col=0 if has_names else False, skip_blank_lines=False,
        dtype=dict.fromkeys(named, str), keep_default_na=False, na_values=[""],
    )  # fmt: skip
    return frame.rename_axis(index=None)


def table_of(x: Observations) -> tuple[Table, DataSettings]:
    """Observations as a table that gives them back, and what its columns are for."""
    names = x.feature_names or tuple(f"x{column}" for column in range(x.features or 1))
    frame = x.to_frame().set_axis(list(names), axis=1)
    categories = {name: list(own) for name, own in zip(names, x.categories or (), strict=False) if own is not None}
    covariates: tuple[str, ...] = ()
    if x.covariates is not None:
        covariates = x.covariate_names or tuple(f"covariate{column}" for column in range(x.covariates.shape[1]))
        frame[list(covariates)] = x.covariates
    single = {"labels": x.labels, "weights": x.row_weights, "sequence": x.sequence, "groups": x.names_of_groups}
    used = {name: f"{name}_" for name, values in single.items() if values is not None}
    for name, column in used.items():
        frame[column] = single[name]
    missing = "raise" if x.observed is None else "allow"
    settings = DataSettings(DATA, names, covariates, missing=missing, categories=categories)
    return Table(frame_of(text_of(frame), categories), "run", "from Python"), replace(settings, **used)  # type: ignore[arg-type]
