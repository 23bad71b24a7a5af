"""What a compiled program is given: data, and the numbers of its priors."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mixtures import Mixture, Observations, Program


def run_arguments(program: Program, x: Observations) -> tuple[Program, dict[str, Any]]:
    """A program's structure and its run arguments: what is compiled, and what is passed to it.

    The numbers of a mixture's priors are run arguments, so that other numbers need no new compilation. Where cells are missing, `observed`
    says which are not; covariates go to the programs that need them (to every program of a user's own).
    """
    data: dict[str, Any] = {"x": x.x}
    if x.observed is not None:
        data["observed"] = x.observed
    if x.covariates is not None and (not isinstance(program, Mixture) or program.needs_covariates):
        data["covariates"] = x.covariates
    if isinstance(program, Mixture):
        known = {} if x.labels is None else {"labels": x.labels}
        return program.structure, {**data, "hyper": program.hyper(x), **known}
    return program, data


def rows_of(data: Mapping[str, Any], index: Any) -> dict[str, Any]:
    """The run arguments of some rows: whatever has one entry a row is indexed, the numbers of the priors are not."""
    return {name: value if isinstance(value, Mapping) else value[index] for name, value in data.items()}


def shapes_of(data: Any) -> Any:
    """The shapes in nested run arguments, hashable: with the structure, what a compiled program depends on."""
    if isinstance(data, Mapping):
        return tuple((key, shapes_of(value)) for key, value in data.items())
    return np.shape(data)
