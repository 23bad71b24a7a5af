"""Continue a run that was stopped or killed, from the last block that reached the disk."""

import hashlib
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from inference.backends import Bound, bind
from inference.checks import check_flags, check_options, check_path, checked
from inference.fit_files import built
from inference.posterior.nuts_run import NutsRun
from inference.posterior.run import Run
from inference.posterior.store import DrawStore
from inference.posterior.telescope_run import TelescopeRun
from inference.results import versions
from mixtures import Program
from mixtures.errors import StoredFileError
from mixtures.specification import from_json, to_json

RUNS: dict[str, type[Run]] = {run.verb: run for run in (NutsRun, TelescopeRun)}
"""What a store may hold, by the verb that began it."""


def resume(
    path: str | os.PathLike[str],
    x: Any,
    *,
    program: Program | None = None,
    progress: bool | None = None,
    strict: bool = False,
) -> xr.DataTree:
    """Continue the run that `sample_nuts(..., store=path)` or `sample_telescope(..., store=path)` began, to its full number of draws.

    The sampler goes on from its state at the end of the last whole block, with the same random numbers: the draws are those that an
    undisturbed run would have given. A run that is complete is only read.

    Args:
        path: the store.
        x: the data of the run.
        program: the declaration of the run; None takes it from the store.
        progress: show a progress bar; None shows one on a terminal.
        strict: raise where `check_posterior` finds something wrong.

    Returns:
        What the verb that began it would have returned.

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
    kept = _Kept.of(path, store.asked())
    stored = from_json(kept.program) if program is None else program
    observations = checked(stored, x)
    numbered, run = stored.scaled_to(observations), kept.run
    _check_same("data", path, "other data", kept.data_fingerprint[:12], observations.weighted_fingerprint[:12])
    _check_same("program", path, "another program", *map(_digest, (kept.program, to_json(numbered))))
    _check_same("versions", path, "other versions of the packages", kept.versions, versions(run.backend))
    bound, starts = bind(numbered, observations, run.backend), store.starts()
    _check_starts(path, run, starts, bound)
    return run.carry_out(bound, starts, store, progress=progress, strict=strict)


@dataclass(frozen=True)
class _Kept:
    """What a store's header says: see `Run.header`."""

    run: Run
    program: str
    data_fingerprint: str
    versions: dict[str, str]

    @classmethod
    def of(cls, path: str | os.PathLike[str], header: dict[str, Any]) -> "_Kept":
        """Read it.

        Raises:
            StoredFileError: it says something else.
        """
        names = ("program", "data_fingerprint", "versions")
        try:
            run = RUNS[header["verb"]].of_header(header["run"])
            return built(cls, {"run": run, **{name: header[name] for name in names}})
        except Exception as error:  # an altered header can fail anywhere
            raise StoredFileError(
                str(path),
                got=f"a header that cannot be read ({type(error).__name__}: {str(error)[:200]})",
                expected="what a run with store= wrote",
                advice="Restore run.json from a copy, or begin a new run in another folder.",
            ) from error


def _check_starts(path: str | os.PathLike[str], run: Run, starts: dict[str, np.ndarray], bound: Bound) -> None:
    """Check that a store says where its chains start.

    Raises:
        StoredFileError: not a finite number for each chain and coordinate.
    """
    shapes = {name: value.shape for name, value in starts.items()}
    expected = run.start_shapes(starts, bound)
    is_numeric = all(value.dtype.kind == "f" and np.isfinite(value).all() for value in starts.values())
    if shapes != expected or not all(map(np.prod, shapes.values())) or not is_numeric:
        raise StoredFileError(
            str(path),
            got=f"starts of shapes {shapes}",
            expected=f"finite numbers of shapes {expected}, one or more chains",
            advice="Restore starts.npz from a copy, or begin a new run in another folder.",
        )


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
