"""Draws from the declaration: the prior predictive, or data at given parameters."""

from collections.abc import Container, Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np

from mixtures.as_fitted import check_as_many_covariates
from mixtures.checks import MOST, check_choice, check_room
from mixtures.errors import ChoiceError, DataError, ModelError, in_words
from mixtures.families.known_numbers import check_known
from mixtures.families.members import parts_of
from mixtures.known_numbers import as_arguments, checked_known
from mixtures.mixture import Mixture, missing_covariates
from mixtures.observations import Observations
from mixtures.ppl import PIP, backend_module
from mixtures.program import Declared, Program
from mixtures.rows import Rows
from mixtures.seeds import NEEDED, check_seed, derived
from mixtures.simulated_file import check_rows_stream, simulated_file
from mixtures.sources.writing import check_target
from mixtures.tables import checked_covariates, checked_data, checked_sequence, covariates_first


def simulate(
    program: Any,
    size: int | tuple[int, int],
    seed: int = NEEDED,
    given: Mapping[str, Any] | None = None,
    backend: str = "numpyro",
    covariates: Any = None,
    data: Mapping[str, Any] | None = None,
    sequence: Any = None,
    group: Any = None,
    trials: Any = None,
    exposure: Any = None,
    errors: Any = None,
    *,
    to: str | PathLike[str] | None = None,
) -> dict[str, np.ndarray]:
    """Draw every site of the program once: parameters, assignments and `size` rows of data.

    Args:
        program: a declaration; or a point fit, whose parameters are then held fixed: data like those that it was fitted to.
        size: rows, or (rows, features); of a point fit rows alone will do.
        seed: an int in [0, 2**32).
        given: parameters to hold fixed, by site; the others are drawn from their priors. Priors scaled to the data are taken as for
            data of mean 0 and standard deviation 1.
        backend: `"numpyro"` or `"pyro"`: the draws differ, their distribution does not.
        covariates: (rows,) or (rows, covariates), for programs whose rows depend on them.
        sequence: the series of each row, of a hidden Markov chain, see `Observations`; None: one series.
        trials: of each row or cell, see `Observations`.
        exposure: likewise.
        errors: likewise.
        data: `{name: array}`: what a program of your own takes beside `x`, see `Observations`.
        group: the group of each row, for laws of groups, see `Observations`. Where a fit has weights of groups, by the names that it knows;
            else parameters of groups are in the order in which these come.
        to: a Parquet file to write the rows to, a block at a time, whole or not at all: as many as the disk takes. Of mixtures of
            independent rows; assignments are its last column.

    Returns:
        Arrays by site; `assignment` (rows,) and `obs` (rows[, features]) among them (for a `Product`, every column by its name). With `to`,
        the parameters alone.

    Raises:
        ModelError: not a declaration, an invalid size, or given values that are not numbers of the site's shape.
        ChoiceError: a given site that the program does not have.
        DataError: a group that a fit with weights of groups does not know.
        SeedError: a bad seed.
        BackendError: the backend is not installed.
        StoredFileError: the file is there, or cannot be written; nothing is there then.

    Example:
        >>> from mixtures import gaussian_mixture
        >>> truth = {"weights": [0.3, 0.7], "loc": [-1.0, 1.0], "scale": [0.5, 1.0]}
        >>> draws = simulate(gaussian_mixture(2), 100, seed=0, given=truth)
        >>> draws["obs"].shape
        (100,)
    """
    names_of_groups = names = features = as_many = None
    if hasattr(program, "program") and hasattr(program, "parameters"):  # a point fit
        names_of_groups, names = program.origin.group_names, program.origin.feature_names
        as_many = program.origin.covariates
        if any("features" in dims for dims in program.dims.values()):  # a site for each column of rows
            features = program.origin.features
        given = {**program.parameters, **(given or {})} if given is None or isinstance(given, Mapping) else given
        program = program.program
    words = backend_module(check_choice("backend", backend, PIP), f"mixtures.ppl.{backend}_ppl")
    if not isinstance(program, Program):
        raise ModelError(
            "program",
            got=type(program).__name__,
            expected="a declaration, or a point fit",
        )
    if isinstance(program, Declared) and not program.draws_rows:
        raise ModelError(
            "program",
            got=f"{program.function.__name__}, which takes no size",
            expected="a program that can draw its data",
            advice="Give it the arguments x=None and size, and draw where x is None.",
        )
    shape = _checked_size(size)
    if features is not None and len(shape) == 1:
        shape = size = (*shape, features)
    check_room(rows=shape[0], **dict(zip(("features",), shape[1:], strict=False)))
    if isinstance(program, Mixture):
        check_room(rows=shape[0], components=program.components)
    taken: dict[str, Any] = {"size": size, **(checked_data(data) if data is not None else {})}
    if covariates is not None:
        values, names_of_covariates = checked_covariates(covariates, shape[0])
        if as_many is not None:
            check_as_many_covariates(values.shape[1], as_many)
        wanted = program.covariate_names if isinstance(program, Mixture) else ()
        taken["covariates"] = covariates_first(values, names_of_covariates, wanted)[0] if wanted else values
    for name, given_rows in (("sequence", sequence), ("group", group)):
        if given_rows is not None and not isinstance(program, Mixture):
            expected = "none: pass it as named data, data={...}"
            raise ModelError(name, got="one, for a program of your own", expected=expected)
    if sequence is not None:
        taken["sequence"] = checked_sequence(sequence, shape[0])
    taken |= _known_numbers(program, shape, {"trials": trials, "exposure": exposure, "errors": errors})
    if group is not None:
        taken |= _groups(group, shape[0], names_of_groups)
    if isinstance(program, Mixture) and data:
        raise ModelError("data", got="named data", expected="none: a Mixture takes covariates alone")
    if isinstance(program, Mixture) and program.needs_covariates and covariates is None:
        raise missing_covariates()
    if isinstance(program, Mixture):
        first = taken.get("groups", {}).get("first")
        program.assignment.check_rows(
            Rows(None, taken.get("covariates"), taken.get("sequence"), taken.get("group"), first)
        )
    seed = derived(check_seed(seed), "simulate")
    # libraries take any value under any name: what a run draws by itself says what could be meant
    held = (
        _held(given, words.shapes_of_sites(program, taken), _simplexes(program))
        if given is not None and _mapping(given)
        else {}
    )
    if to is None:
        return words.run_forward(program, seed, held, taken)
    return simulated_file(words, check_rows_stream(program, taken), seed, held, shape, names, check_target(to))


def _known_numbers(program: Program, shape: tuple[int, ...], given: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Trials and exposures of the rows to draw, as the program takes them."""
    like = np.zeros(shape)
    known = {name: checked_known(name, values, like) for name, values in given.items() if values is not None}
    if isinstance(program, Mixture):
        of_rows: Any = known
        check_known(program.family, Observations(like, **of_rows))
        if parts_of(program.family).totals and "trials" not in known:
            raise DataError("trials", got="none", expected="how much each row adds up to", advice="Pass trials=...")
    return as_arguments(known)


def _groups(group: Any, rows: int, names: Sequence[Any] | None) -> dict[str, Any]:
    """The groups of the rows to draw, as a program takes them: numbered as in `names`, or as they come."""
    x = Observations(np.zeros(rows), group=group)
    x = x if names is None else x.with_groups_of(names)
    return {"group": x.group, "groups": {"first": x.first_of_group}}


def _checked_size(size: Any) -> tuple[int, ...]:
    parts = size if isinstance(size, tuple) else (size,)
    is_count = [
        isinstance(part, int | np.integer) and not isinstance(part, bool) and 1 <= part <= MOST for part in parts
    ]
    if len(parts) not in (1, 2) or not all(is_count):
        raise ModelError("size", got=in_words(size), expected="rows, or a tuple (rows, features), ints >= 1")
    return tuple(map(int, parts))


def _simplexes(program: Program) -> frozenset[str]:
    """The sites of a mixture whose values add up to one."""
    priors = {} if program.mixture is None else program.mixture.priors
    return frozenset(site for site, prior in priors.items() if prior.name == "Dirichlet")


def _mapping(given: Any) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise ModelError("given", got=in_words(given), expected="values by site: {site: value}")
    return given


def _held(
    given: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], simplexes: Container[str]
) -> dict[str, np.ndarray]:
    """The given values, each in the shape of what would be drawn; a single number stands for all of a site's."""
    held = {}
    for name, value in given.items():
        if name not in shapes:
            raise ChoiceError.of("given: site", name, shapes)
        try:
            array = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ModelError(f"given[{name!r}]", got=in_words(value), expected="numbers") from error
        shape = shapes[name]
        if array.shape not in (shape, ()):
            raise ModelError(f"given[{name!r}]", got=f"shape {array.shape}", expected=f"shape {shape}")
        if (
            array.ndim
            and name in simplexes
            and not (np.all(array >= 0) and np.allclose(array.sum(axis=-1), 1.0, atol=1e-6))
        ):
            raise ModelError(
                f"given[{name!r}]", got=in_words(array.tolist()), expected="probabilities, >= 0, that add up to 1"
            )
        held[name] = np.broadcast_to(array, shape)
    return held
