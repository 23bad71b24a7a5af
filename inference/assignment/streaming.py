"""Answers about the rows of a source, a block at a time: into memory where they fit, or into a file as they come."""

from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from typing import Any

import numpy as np
import xarray as xr

from inference.checks import check_point_fit
from inference.draws import observations_of, program_of
from inference.spread import Numbered, each_over
from mixtures import Observations, Program, Source
from mixtures.errors import ModelError
from mixtures.memory import check_memory
from mixtures.sources.writing import check_target, parquet_file

Answer = Callable[[Observations, int], np.ndarray]
"""(some rows, the number of their block) -> (rows,) or (rows, columns)."""


def by_blocks(
    result: Any,
    source: Source,
    answer: Answer,
    names: Sequence[Any],
    to: str | PathLike[str] | None,
) -> Any:
    """The answers for all rows.

    Args:
        result: what is asked: a point fit, or a tree of draws.
        source: the rows.
        answer: for some of them; where it can be pickled, Dask's workers give it.
        names: of the answer's columns.
        to: a Parquet file that is written; None: an array is returned.

    Returns:
        (rows,) or (rows, columns); the path of the file, where one was written.

    Raises:
        ModelError: rows that hang together, or a program that is no `Mixture`.
        DataError: rows that cannot be used; the text names file or chunk, and row.
        StoredFileError: the file is there, or cannot be written; nothing is there then.
        TooLargeError: there is not enough memory.
    """
    is_draws = isinstance(result, xr.DataTree)
    _check_streams(program_of(result) if is_draws else check_point_fit(result).program)
    known, own = (observations_of(result) if is_draws else result.origin).feature_names, source.feature_names
    if known and own and own != known and set(known) <= set(own):
        source = source.select(known)
    path = None if to is None else check_target(to)
    if path is None:
        advice = 'Have them written to a file as they come: to="answers.parquet".'
        check_memory("x", 8.0 * source.rows * len(names), advice)
        return np.concatenate(list(_each(source, answer)))
    columns = [str(name) for name in names]
    with parquet_file(path) as write:
        for found in _each(source, answer):
            write(dict(zip(columns, found.reshape(len(found), -1).T, strict=True)))
    return path


def _each(source: Source, answer: Answer) -> Iterator[np.ndarray]:
    return each_over(source, answer, _of_block)


def _of_block(answer: Answer, numbered: Numbered) -> np.ndarray:
    number, block = numbered
    return answer(block, number)


def _check_streams(program: Program) -> None:
    """Check that what is known of a row does not depend on other rows: of a program of a user's own nobody knows."""
    mixture = program.mixture
    if mixture is None or mixture.assignment.unit != "row":
        raise ModelError(
            "x",
            got="a source, and " + ("a program of your own" if mixture is None else "rows that hang together"),
            expected="a Mixture of independent rows",
            advice="Use rows in memory: x.take(rows) of the source.",
        )


def check_to(x: Any, to: Any) -> None:
    """Check that what shall be written as it comes, comes so.

    Raises:
        ModelError: rows are in memory.
    """
    if to is not None and not isinstance(x, Source):
        raise ModelError("to", got="a file, and rows in memory", expected="a source: mixtures.source(x)")
