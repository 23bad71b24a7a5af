"""Results on disk: written whole or not at all, checked when read, never written over by accident.

Point and guide fits are JSON, trees are netCDF. Each file keeps a sha256 of its content and the fingerprint of the data.
"""

import os
from pathlib import Path
from typing import Any

import xarray as xr

from inference.draws import program_of
from inference.fit_files import fit_text, read_fit
from inference.results import GuideFit, PointFit
from inference.tree_files import read_tree, tree_content
from mixtures import Observations, Program
from mixtures.checks import check_flags, check_path
from mixtures.errors import MixturesError, ModelError, StoredFileError
from mixtures.whole_files import already_there, write_whole


def save(result: PointFit | GuideFit | xr.DataTree, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a result to one file: a fit as JSON, a tree of draws as netCDF.

    The file appears whole or not at all: it is made in memory, written to a temporary file beside `path`, flushed to disk, and renamed.
    Coordinates that netCDF has no type for (tuples of a MultiIndex, periods, labels of several types) are written as text, and are text when
    they are loaded again.

    Args:
        result: what a verb returned.
        path: where to; the folder must exist.
        overwrite: allow an existing file to be replaced.

    Returns:
        The path.

    Raises:
        StoredFileError: the file exists and `overwrite` is not set, or it cannot be written: no partial file is left then.
        ModelError: not a result of this package, or a tree with something in it that netCDF cannot represent.
        TooLargeError: not enough memory for the file's bytes.

    Example:
        >>> import tempfile
        >>> from inference import fit_map
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 10.0, 11.0, 12.0]
        >>> fit = fit_map(gaussian_mixture(2), x, restarts=5, seed=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     back = load(save(fit, f"{folder}/fit.json"), x=x)
        >>> back.status.word
        'converged'
    """
    path = check_path("path", path)
    check_flags(overwrite=overwrite)
    if os.path.lexists(path) and not overwrite:
        raise already_there(path, "Choose another name, or pass overwrite=True.")
    write_whole(path, *_content(result), overwrite=overwrite)
    return path


def load(path: str | os.PathLike[str], *, x: Any = None, program: Program | None = None) -> Any:
    """Read what `save` wrote.

    Loading imports no module, and of what the file names it runs only the constructors of the declaration: a program, family or prior of
    your own is found in a module that you have imported, or taken from `program`.

    Args:
        path: the file. A tree that xarray or ArviZ wrote has no checksum and is refused: `xarray.open_datatree(path)` reads it, and every
            verb takes that tree.
        x: the data that the result should have been made from; None skips the check.
        program: the declaration, where the file's cannot be found by its import path: one made inside a function, say. The numbers of its
            priors are the file's.

    Returns:
        The result, as it was saved.

    Raises:
        StoredFileError: the file is missing, truncated, altered or not written by `save`; the result was made from other data than `x`; its
            program cannot be found, or differs from `program`; or there is not enough memory for it.

    Example:
        >>> import tempfile
        >>> from inference import fit_em, save
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 10.0, 11.0, 12.0]
        >>> fit = fit_em(gaussian_mixture(2, "tied"), x, restarts=3, seed=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = save(fit, f"{folder}/fit.json")
        ...     back = load(path, x=x)
        >>> bool((back.parameters["loc"] == fit.parameters["loc"]).all())
        True
    """
    path = check_path("path", path)
    if program is not None and not isinstance(program, Program):
        raise ModelError(
            "program", got=type(program).__name__, expected="the declaration of the stored result, or None"
        )
    if not os.path.isfile(path):
        raise StoredFileError(str(path), got="no file", expected="a file that save wrote")
    try:
        with path.open("rb") as opened:
            head = opened.read(1)
        result = read_fit(path, program) if head == b"{" else read_tree(path, program)
    except MixturesError:
        raise
    except Exception as error:  # an altered file can fail anywhere
        raise StoredFileError(
            str(path),
            got=f"a file that cannot be read ({type(error).__name__}: {str(error)[:200]})",
            expected="a whole file that save wrote",
            advice="It is truncated, altered or of another kind; restore it from a copy, or run again.",
        ) from error
    if x is not None:
        _check_data(path, _fingerprint(result), _read(result, x).fingerprint)
    return result


def _content(result: Any) -> tuple[bytes | memoryview, ...]:
    """A result as the bytes of its file."""
    if not isinstance(result, xr.DataTree | PointFit | GuideFit):
        raise ModelError("result", got=type(result).__name__, expected="a PointFit, a GuideFit or a tree of draws")
    try:
        return tree_content(result) if isinstance(result, xr.DataTree) else (fit_text(result).encode(),)
    except MixturesError:
        raise
    except Exception as error:  # whatever was put into it
        raise ModelError(
            "result",
            got=f"something that cannot be written ({type(error).__name__}: {str(error)[:200]})",
            expected="numbers, text and times, as verbs return them",
            advice="Drop or convert what was put in.",
        ) from error


def _check_data(path: Path, stored: str, given: str) -> None:
    if stored != given:
        raise StoredFileError(
            str(path),
            got=f"a result of data with fingerprint {stored[:12]}",
            expected=f"a result of the data given, fingerprint {given[:12]}",
            advice="Load it without x=, or pass the data that it was made from.",
        )


def _read(result: Any, x: Any) -> Observations:
    """`x` as the result's declaration reads it; where that is not found again, as it is."""
    try:
        program = program_of(result) if isinstance(result, xr.DataTree) else result.program
    except MixturesError:
        return Observations.of(x)
    return program.read(x)


def _fingerprint(result: Any) -> str:
    return (
        str(result.attrs.get("data_fingerprint", "none"))
        if isinstance(result, xr.DataTree)
        else result.origin.fingerprint
    )
