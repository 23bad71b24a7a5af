"""What a compiled program is given: data, and its hyperparameters."""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from mixtures import Observations, Program
from mixtures.errors import DataError, MixturesError, ModelError
from mixtures.families.members import parts_of
from mixtures.known_numbers import as_arguments
from mixtures.program import Declared
from mixtures.rows import Rows
from mixtures.tables import OWN_NAMES


def run_arguments(program: Program, x: Observations) -> tuple[Program, dict[str, Any]]:
    """A program's structure and its run arguments: what is compiled, and what is passed to it.

    The numbers of a mixture's priors are run arguments, so that other numbers need no new compilation. Where cells are missing, `observed`
    says which are not, and `lower` and `upper` what is known of those that are censored; trials, exposures and errors go along.
    Covariates go to the programs that need them (to every program of a user's own). Row weights go to no program: they multiply what the
    rows add to the log density.

    Raises:
        DataError: named data that the program does not take, or none that it takes.
    """
    data: dict[str, Any] = {"x": x.x}
    if x.observed is not None:
        data["observed"] = x.observed
    data |= as_arguments(x.known_of_cells)
    mixture = program.mixture
    if mixture is not None and "trials" not in data and parts_of(mixture.family).totals:
        data["trials"] = np.repeat(np.nansum(x.x, axis=1, keepdims=True), x.x.shape[1], axis=1)
    if x.covariates is not None and (mixture is None or mixture.needs_covariates):
        data["covariates"] = x.covariates
    if x.row_weights is not None:
        data[ROW_WEIGHTS] = x.row_weights
    if mixture is not None:
        _refuse_named(x)
        known: dict[str, Any] = {} if x.labels is None else {"labels": x.labels}
        if x.sequence is not None and mixture.assignment.unit == "sequence":
            known["sequence"] = x.sequence
        if x.group is not None and mixture.assignment.needs_groups:
            known |= {"group": x.group, "groups": {"first": x.first_of_group}}
        return mixture.structure, {**data, "hyper": mixture.hyper(x), **known}
    data |= x.data or {}
    if isinstance(program, Declared):
        _check_arguments(program, data)
    return program, data


ROW_WEIGHTS = "row_weights"
"""The one run argument that is the inference's own and not the program's."""


def as_rows(data: Mapping[str, Any]) -> Rows:
    """The run arguments as rows: what a law of the assignment is given."""
    first = data.get("groups", {}).get("first")
    return Rows(data["x"], data.get("covariates"), data.get("sequence"), data.get("group"), first)


def of_program(data: Mapping[str, Any]) -> dict[str, Any]:
    """The run arguments that the program itself takes."""
    return {name: value for name, value in data.items() if name != ROW_WEIGHTS}


def _refuse_named(x: Observations) -> None:
    if x.data:
        raise DataError(
            "data",
            got=f"{', '.join(map(repr, x.data))} beside x",
            expected="no named data: a Mixture takes x, covariates, labels and row_weights",
            advice="Pass the data without, or write a program of your own that takes them: @mixtures.declare.",
        )


def _check_arguments(program: Declared, data: Mapping[str, Any]) -> None:
    """Check that a user's own program takes what there is, and gets what it wants.

    Raises:
        DataError: it wants something that there is not, or takes no such thing.
    """
    named = list(inspect.signature(program.function).parameters.values())[2:]
    takes_all = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in named)
    wanted = {
        one.name for one in named if one.default is one.empty and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
    }
    known = {one.name for one in named}
    for name in sorted(wanted - set(data)):
        raise DataError(
            name,
            got="none",
            expected=f"{name}, which the program takes",
            advice=f"Pass Observations(x, {name}=...), for new rows too."
            if name == "covariates"
            else f'Pass Observations(x, data={{"{name}": ...}}), for new rows too; or give {name} a default in the program.',
        )
    for name in sorted(set(of_program(data)) - {"x"} - known):
        if not takes_all:
            raise DataError(
                name,
                got=f"{name} in the data",
                expected="none: the program takes no such argument",
                advice=f"Pass the data without, or write {name} into the program's signature.",
            )


@contextmanager
def checked_run() -> Iterator[None]:
    """Say of what a user's own code raises that it is the program's.

    Raises:
        ModelError: with the exception as its cause.
    """
    try:
        yield
    except MixturesError:
        raise
    except Exception as error:
        text = str(error).strip().splitlines()
        raise ModelError(
            "program",
            got=f"{type(error).__name__} when it was run: {text[0] if text else 'no text'}",
            expected="a program that runs on these data",
            advice="The error that it raised is above this one.",
        ) from error


def rows_of(data: Mapping[str, Any], index: Any) -> dict[str, Any]:
    """The run arguments of some rows: whatever has one entry a row is indexed; the hyperparameters, and other data, are not."""
    return {name: value[index] if _has_entry_a_row(value, data) else value for name, value in data.items()}


def data_arrays(data: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Of the run arguments, the data: `x`, and the named arrays that have an entry a row."""
    return {
        name: np.asarray(value)
        for name, value in data.items()
        if name not in OWN_NAMES - {"x"} and _has_entry_a_row(value, data)
    }


def _has_entry_a_row(value: Any, data: Mapping[str, Any]) -> bool:
    return not isinstance(value, Mapping) and np.shape(value)[:1] == np.shape(data["x"])[:1]


def shapes_of(data: Any) -> Any:
    """The shapes in nested run arguments, hashable: with the structure, what a compiled program depends on."""
    if isinstance(data, Mapping):
        return tuple((key, shapes_of(value)) for key, value in data.items())
    return np.shape(data)
