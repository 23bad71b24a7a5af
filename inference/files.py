"""Results on disk: written whole or not at all, checked when read, never written over by accident.

Point and guide fits are JSON, trees are netCDF. Each file keeps a sha256 of its content and the fingerprint of the data. A tree's stands
behind the netCDF, as a line of its own, which readers of netCDF do not look at: so nothing of a damaged file is ever handed to HDF5, which
may crash on it. All bytes are made in memory before any is written, for HDF5 crashes on a full disk too.
"""

import dataclasses
import hashlib
import json
import os
import secrets
import types
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
import pandas as pd
import xarray as xr

from inference.results import GuideFit, Origin, PointFit
from inference.status import Status
from mixtures import Observations, Program
from mixtures.checks import check_flags, check_path
from mixtures.errors import MixturesError, ModelError, StoredFileError, TooLargeError
from mixtures.memory import check_memory
from mixtures.specification import from_json, kept, to_json

KINDS: dict[str, type] = {"PointFit": PointFit, "GuideFit": GuideFit}

SEAL = b"\nbayes-mixtures sha256 "
"""What stands before the checksum, in hexadecimal digits, at the end of a tree's file."""

SEAL_BYTES = len(SEAL) + 64 + 1

DEEPEST = 50
"""How deep groups of a tree may lie; the time to read them grows with the square."""


def save(result: PointFit | GuideFit | xr.DataTree, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a result to one file: a fit as JSON, a tree of draws as netCDF.

    The file appears whole or not at all: it is made in memory, written beside its place, flushed to disk, and renamed. Coordinates that
    netCDF has no type for (tuples of a MultiIndex, periods, labels of several types) are written as text, and are text when they are loaded
    again.

    Args:
        result: what a verb returned.
        path: where to; the folder must exist.
        overwrite: allow an existing file to be replaced.

    Returns:
        The path.

    Raises:
        StoredFileError: the file exists and `overwrite` is not set, or it cannot be written: nothing is left of it then.
        ModelError: not a result of this package, or a tree with something in it that netCDF has no words for.
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
        raise _exists(path)
    write_whole(path, *_content(result), overwrite=overwrite)
    return path


def load(path: str | os.PathLike[str], *, x: Any = None, program: Program | None = None) -> Any:
    """Read what `save` wrote.

    Nothing is imported for a file, and nothing that it names is run but the constructors of the declaration: a program, family or prior of
    your own is found in a module that you have imported, or taken from `program`.

    Args:
        path: the file. A tree that xarray or ArviZ wrote has no checksum and is refused: `xarray.open_datatree(path)` reads it, and every
            verb takes that tree.
        x: the data that the result should speak of; None does not check.
        program: the declaration, where the file's cannot be found by its import path: one made inside a function, say. The numbers of its
            priors are the file's.

    Returns:
        The result, as it was saved.

    Raises:
        StoredFileError: the file is missing, truncated, altered or not of `save`, the result was made from other data than `x`, or its
            program is not to be found or another than `program`; or there is not enough memory for it.

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
        result = _read_fit(path, program) if head == b"{" else _read_tree(path, program)
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
        _check_data(path, _fingerprint(result), Observations.of(x).fingerprint)
    return result


def write_whole(path: Path, *content: bytes | memoryview, overwrite: bool) -> None:
    """Write a file beside `path`, flush it, and put it in its place in one step.

    Raises:
        StoredFileError: there is a file already, or it cannot be written; nothing has changed then.
    """
    if not os.path.isdir(path.parent):
        raise StoredFileError(str(path), got=f"no folder {path.parent}", expected="a folder that exists")
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(8)}.tmp")
    try:
        try:
            with temporary.open("xb") as opened:
                for part in content:
                    opened.write(part)
                opened.flush()
                os.fsync(opened.fileno())
            (os.replace if overwrite else _place)(temporary, path)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        raise StoredFileError(
            str(path),
            got=f"a place that cannot be written ({error.strerror or error})",
            expected="room for the file, and the right to write it",
            advice="Make room, or choose another place; nothing there was changed.",
        ) from error


def _place(temporary: Path, path: Path) -> None:
    """Give a file its name, unless there is one of that name.

    Raises:
        FileExistsError: there is.
    """
    try:
        os.link(temporary, path)  # unlike a rename, fails if the file has appeared meanwhile
    except FileExistsError:
        raise
    except (OSError, AttributeError, NotImplementedError):  # no hard links here: take the name first, then the place
        with path.open("xb"):
            pass
        try:
            temporary.replace(path)
        except BaseException:
            path.unlink()
            raise


def _exists(path: Path) -> StoredFileError:
    return StoredFileError(
        str(path), got="an existing file", expected="a new path", advice="Choose another name, or pass overwrite=True."
    )


def _content(result: Any) -> tuple[bytes | memoryview, ...]:
    """A result as the bytes of its file."""
    if not isinstance(result, xr.DataTree | PointFit | GuideFit):
        raise ModelError("result", got=type(result).__name__, expected="a PointFit, a GuideFit or a tree of draws")
    try:
        return _tree_content(result) if isinstance(result, xr.DataTree) else (_fit_text(result).encode(),)
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


def _fingerprint(result: Any) -> str:
    return (
        str(result.attrs.get("data_fingerprint", "none"))
        if isinstance(result, xr.DataTree)
        else result.origin.fingerprint
    )


def _altered(path: Path) -> StoredFileError:
    return StoredFileError(
        str(path),
        got="a content that does not match its checksum",
        expected="the file as save wrote it",
        advice="Restore it from a copy.",
    )


# Fits: JSON


def _fit_text(fit: PointFit | GuideFit) -> str:
    content = json.dumps(
        {"kind": type(fit).__name__, "fields": {name: _plain(value) for name, value in vars(fit).items()}}
    )
    return json.dumps({"sha256": hashlib.sha256(content.encode()).hexdigest(), "content": content})


def _read_fit(path: Path, program: Program | None) -> PointFit | GuideFit:
    stored = json.loads(path.read_text(encoding="utf-8"))
    if hashlib.sha256(stored["content"].encode()).hexdigest() != stored["sha256"]:
        raise _altered(path)
    content = json.loads(stored["content"])
    fields = {name: _restored(value, program) for name, value in content["fields"].items()}
    fit = built(KINDS[content["kind"]], fields)
    if isinstance(fit, PointFit) and not all(isinstance(status, Status) for status in fit.restarts["status"]):
        raise TypeError("restarts without a status")
    return fit


def _plain(value: Any) -> Any:
    """A field as JSON: arrays, tables, statuses and origins carry their kind."""
    if isinstance(value, np.ndarray | np.generic):
        return {"array": np.asarray(value).tolist(), "dtype": str(np.asarray(value).dtype)}
    if isinstance(value, pd.DataFrame):
        return {"table": {name: [_plain(item) for item in column] for name, column in value.items()}}
    if isinstance(value, Status):
        return {"status": value.name}
    if isinstance(value, Origin):
        return {"origin": {**vars(value), "program": to_json(value.program)}}
    if isinstance(value, dict):
        return {"dict": {name: _plain(item) for name, item in value.items()}}
    return value


def _restored(value: Any, program: Program | None) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, stored),) = [(kind, stored) for kind, stored in value.items() if kind != "dtype"]
    if kind == "array":
        return np.array(stored, dtype=_numeric(value["dtype"]))
    if kind == "table":
        return pd.DataFrame({name: [_restored(item, program) for item in column] for name, column in stored.items()})
    if kind == "status":
        return Status[stored]
    if kind == "origin":
        names = {key: stored[key] and tuple(stored[key]) for key in ("feature_names", "covariate_names")}
        return built(Origin, {**stored, **names, "program": from_json(stored["program"], program)})
    if kind == "dict":
        return {name: _restored(item, program) for name, item in stored.items()}
    raise ValueError(f"a value of an unknown kind {kind!r}")


def _numeric(name: str) -> np.dtype:
    """A dtype of numbers, whose size no text can make large."""
    if (dtype := np.dtype(name)).kind not in "biuf":
        raise ValueError(f"an array of {name}")
    return dtype


def built(kind: type, fields: Mapping[str, Any]) -> Any:
    """A dataclass from stored fields.

    Raises:
        TypeError: fields that it does not have, or of another type than it declares.
    """
    made = kind(**fields)
    hints = get_type_hints(kind, localns={"pd": pd})
    for field in dataclasses.fields(kind):
        if not _is_of(getattr(made, field.name), hints[field.name]):
            raise TypeError(f"{kind.__name__}.{field.name} is a {type(getattr(made, field.name)).__name__}")
    return made


def _is_of(value: Any, hint: Any) -> bool:
    """Whether a value is of an annotated type; whole numbers are floats too."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_is_of(value, part) for part in parts)
    if origin is dict:
        return isinstance(value, dict) and all(_is_of(k, parts[0]) and _is_of(v, parts[1]) for k, v in value.items())
    if origin is tuple:
        return isinstance(value, tuple) and all(_is_of(item, parts[0]) for item in value)
    if hint is float:
        return isinstance(value, int | float | np.ndarray) and np.ndim(value) == 0
    return isinstance(value, hint)


# Trees: netCDF


def _tree_content(tree: xr.DataTree) -> tuple[bytes | memoryview, ...]:
    check_memory("result", 1.2 * tree.nbytes, "Save its groups one by one, or drop what you do not need.")
    if tree.depth > DEEPEST:
        raise ValueError(f"groups within groups, more than {DEEPEST} deep")
    written = tree.map_over_datasets(_with_text)
    written.attrs = dict(tree.attrs)
    content = written.to_netcdf(engine="h5netcdf")
    return content, SEAL + hashlib.sha256(content).hexdigest().encode() + b"\n"


def _with_text(group: xr.Dataset) -> xr.Dataset:
    """The group with coordinates of Python objects as text: what they are need not have a type in netCDF."""
    objects = [name for name, values in group.coords.items() if values.dtype == object]
    return group.assign_coords({name: (group[name].dims, _as_text(group[name].values)) for name in objects})


def _as_text(values: np.ndarray) -> np.ndarray:
    return np.array([str(value) for value in values.ravel()]).reshape(values.shape)


def _read_tree(path: Path, program: Program | None) -> xr.DataTree:
    _check_seal(path)
    try:
        check_memory(str(path), _declared_bytes(path), "Read the groups you need by xarray.open_datatree(path).")
    except TooLargeError as error:
        raise StoredFileError(error.what, got=error.got, expected=error.expected, advice=error.advice) from error
    with xr.open_datatree(path, engine="h5netcdf") as opened:
        tree = opened.load()
    if program is not None:
        tree.attrs["program_token"] = kept(from_json(tree.attrs["program"], program))
    return tree


def _check_seal(path: Path) -> None:
    """Check the line behind the netCDF.

    Raises:
        StoredFileError: there is none, or it does not match.
    """
    left = path.stat().st_size - SEAL_BYTES
    digest = hashlib.sha256()
    with path.open("rb") as opened:
        while left > 0 and (part := opened.read(min(left, 2**20))):
            digest.update(part)
            left -= len(part)
        seal = opened.read()
    if not (seal.startswith(SEAL) and len(seal) == SEAL_BYTES):
        raise StoredFileError(
            str(path),
            got="a file that cannot be read as one of save's: it does not end with the seal that save writes",
            expected="a whole file that save wrote",
            advice="A tree that xarray or ArviZ wrote is read by xarray.open_datatree(path), and every verb takes it; "
            "a file of save's was cut short or altered: restore it from a copy.",
        )
    if seal != SEAL + digest.hexdigest().encode() + b"\n":
        raise _altered(path)


def _declared_bytes(path: Path) -> int:
    """What the arrays of a netCDF file will take, by what it says of them: a small file can say that it holds petabytes."""
    import h5py  # slow to import, and needed here alone

    sizes = []

    def look(name: str, item: Any) -> None:
        if name.count("/") > DEEPEST:
            raise ValueError(f"groups within groups, more than {DEEPEST} deep")
        sizes.append(item.nbytes if isinstance(item, h5py.Dataset) else 0)

    with h5py.File(path) as opened:
        opened.visititems(look)
    return sum(sizes)
