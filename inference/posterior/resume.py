"""Continue a run of NUTS that was stopped or killed, from the last block that reached the disk."""

import hashlib
import os
from typing import Any

import xarray as xr

from inference.checks import check_flags, check_options, check_path, checked, with_numbers
from inference.posterior.run import Run, carry_out
from inference.posterior.store import DrawStore
from inference.results import versions
from mixtures import Program
from mixtures.errors import StoredFileError
from mixtures.specification import from_json, to_json


def resume(
    path: str | os.PathLike[str],
    x: Any,
    *,
    program: Program | None = None,
    progress: bool | None = None,
    strict: bool = False,
) -> xr.DataTree:
    """Continue the run that `sample_nuts(..., store=path)` began, to its full number of draws.

    The sampler goes on from its state at the end of the last whole block, with the same random numbers: the draws are those that an
    undisturbed run would have given. A run that is complete is only read.

    Args:
        path: the store.
        x: the data of the run.
        program: the declaration of the run; None takes it from the store.
        progress: show a progress bar; None shows one on a terminal.
        strict: raise where `check_posterior` finds something wrong.

    Returns:
        What `sample_nuts` would have returned.

    Raises:
        StoredFileError: no store there, or one of other data, another program, or other versions of the packages.
        FitError: the draws have warnings and `strict` is set.

    Example:
        >>> import tempfile
        >>> from inference import sample_nuts
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     options = {"draws": 50, "tune": 100, "chains": 2, "progress": False}
        ...     post = sample_nuts(gaussian_mixture(2, "tied"), x, **options, seed=0, store=f"{folder}/run")
        ...     again = resume(f"{folder}/run", x)
        >>> bool((post.posterior.loc == again.posterior.loc).all())
        True
    """
    check_options(progress=progress)
    check_flags(strict=strict)
    store = DrawStore.open(check_path("path", path))
    header = store.header()
    stored = from_json(header["program"]) if program is None else program
    observations = checked(stored, x)
    run = Run.of_header(header)
    numbered = with_numbers(stored, observations)
    _check_same("data", path, "other data", header["data_fingerprint"][:12], observations.fingerprint[:12])
    _check_same("program", path, "another program", *map(_digest, (header["program"], to_json(numbered))))
    _check_same("versions", path, "other versions of the packages", header["versions"], versions(run.sampler.backend))
    return carry_out(run, numbered, observations, store.starts(), store, progress, strict)


def _check_same(what: str, path: str | os.PathLike[str], other: str, kept: Any, given: Any) -> None:
    if kept != given:
        raise StoredFileError(
            str(path),
            got=f"a run with {other}: {kept}",
            expected=f"{given}",
            advice=f"Resume with the {what} of the run, or begin a new one.",
        )


def _digest(program: str) -> str:
    """The beginning of a sha256: a program's JSON is too long for an error."""
    return hashlib.sha256(program.encode()).hexdigest()[:12]
