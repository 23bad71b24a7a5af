"""Results on disk: written whole or not at all, checked when read, never written over by accident.

Point and guide fits are JSON, trees are netCDF. Each file keeps a sha256 of its content and the fingerprint of the data.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from inference.results import GuideFit, Origin, PointFit
from inference.status import Status
from mixtures import Observations
from mixtures.checks import check_flags, check_path
from mixtures.errors import ModelError, StoredFileError
from mixtures.specification import from_json, to_json

KINDS: dict[str, type] = {"PointFit": PointFit, "GuideFit": GuideFit}


def save(result: PointFit | GuideFit | xr.DataTree, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a result to one file: a fit as JSON, a tree of draws as netCDF.

    The file appears whole or not at all: it is written beside its place, flushed to disk, and renamed. Coordinates that netCDF has no type
    for (tuples of a MultiIndex, periods, labels of several types) are written as text, and are text when they are loaded again.

    Args:
        result: what a verb returned.
        path: where to; the folder must exist.
        overwrite: allow an existing file to be replaced.

    Returns:
        The path.

    Raises:
        StoredFileError: the file exists and `overwrite` is not set.
        ModelError: not a result of this package.

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
    if path.exists() and not overwrite:
        raise _exists(path)
    if isinstance(result, xr.DataTree):
        write_whole(path, lambda temporary: _write_tree(result, temporary), overwrite)
    elif type(result).__name__ in KINDS:
        write_whole(path, lambda temporary: temporary.write_text(_fit_text(result), encoding="utf-8"), overwrite)
    else:
        raise ModelError("result", got=type(result).__name__, expected="a PointFit, a GuideFit or a tree of draws")
    return path


def load(path: str | os.PathLike[str], *, x: Any = None) -> Any:
    """Read what `save` wrote.

    Args:
        path: the file.
        x: the data that the result should speak of; None does not check.

    Returns:
        The result, as it was saved.

    Raises:
        StoredFileError: the file is missing, truncated or altered, or the result was made from other data than `x`.

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
    if not path.is_file():
        raise StoredFileError(str(path), got="no file", expected="a file that save wrote")
    try:
        head = path.read_bytes()[:1]
        result = _read_fit(path) if head == b"{" else _read_tree(path)
    except StoredFileError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoredFileError(
            str(path),
            got=f"a file that cannot be read ({type(error).__name__}: {error})",
            expected="a whole file that save wrote",
            advice="It is truncated or of another kind; restore it from a copy, or run again.",
        ) from error
    if x is not None:
        _check_data(path, _fingerprint(result), Observations.of(x).fingerprint)
    return result


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _exists(path: Path) -> StoredFileError:
    return StoredFileError(
        str(path), got="an existing file", expected="a new path", advice="Choose another name, or pass overwrite=True."
    )


def write_whole(path: Path, fill: Callable[[Path], Any], overwrite: bool) -> None:
    """Fill a temporary file beside `path`, flush it, and put it in its place in one step."""
    if not path.parent.is_dir():
        raise StoredFileError(str(path), got=f"no folder {path.parent}", expected="a folder that exists")
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp", delete=False) as opened:
        temporary = Path(opened.name)
    temporary.chmod(0o666 & ~_umask())  # temporary files are private; results have the permissions of any new file
    try:
        fill(temporary)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        if overwrite:
            temporary.replace(path)
        else:
            os.link(temporary, path)  # unlike a rename, fails if the file has appeared meanwhile
    except FileExistsError as error:
        raise _exists(path) from error
    finally:
        temporary.unlink(missing_ok=True)


def _check_data(path: Path, stored: str, given: str) -> None:
    if stored != given:
        raise StoredFileError(
            str(path),
            got=f"a result of data with fingerprint {stored[:12]}",
            expected=f"a result of the data given, fingerprint {given[:12]}",
            advice="Load it without x=, or pass the data that it was made from.",
        )


def _fingerprint(result: Any) -> str:
    return result.attrs["data_fingerprint"] if isinstance(result, xr.DataTree) else result.origin.fingerprint


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


def _read_fit(path: Path) -> PointFit | GuideFit:
    stored = json.loads(path.read_text(encoding="utf-8"))
    if hashlib.sha256(stored["content"].encode()).hexdigest() != stored["sha256"]:
        raise _altered(path)
    content = json.loads(stored["content"])
    return KINDS[content["kind"]](**{name: _restored(value) for name, value in content["fields"].items()})


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


def _restored(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, stored),) = [(kind, stored) for kind, stored in value.items() if kind != "dtype"]
    if kind == "array":
        return np.array(stored, dtype=value["dtype"])
    if kind == "table":
        return pd.DataFrame({name: [_restored(item) for item in column] for name, column in stored.items()})
    if kind == "status":
        return Status[stored]
    if kind == "origin":
        names = {key: stored[key] and tuple(stored[key]) for key in ("feature_names", "covariate_names")}
        return Origin(**{**stored, **names, "program": from_json(stored["program"])})
    return {name: _restored(item) for name, item in stored.items()}


# Trees: netCDF


def _write_tree(tree: xr.DataTree, path: Path) -> None:
    sealed = tree.map_over_datasets(_with_text)
    sealed.attrs = dict(tree.attrs)
    sealed.attrs["sha256"] = _tree_digest(sealed)
    sealed.to_netcdf(path, engine="h5netcdf")


def _with_text(group: xr.Dataset) -> xr.Dataset:
    """The group with coordinates of Python objects as text: what they are need not have a type in netCDF."""
    objects = [name for name, values in group.coords.items() if values.dtype == object]
    return group.assign_coords({name: (group[name].dims, _as_text(group[name].values)) for name in objects})


def _as_text(values: np.ndarray) -> np.ndarray:
    return np.array([str(value) for value in values.ravel()]).reshape(values.shape)


def _read_tree(path: Path) -> xr.DataTree:
    with xr.open_datatree(path, engine="h5netcdf") as opened:
        tree = opened.load()
    stored = tree.attrs.pop("sha256", None)
    if stored != _tree_digest(tree):
        raise _altered(path)
    return tree


def _tree_digest(tree: xr.DataTree) -> str:
    """sha256 over every variable's name, dims and values, and the attributes of the root."""
    digest = hashlib.sha256()
    for key in sorted(set(map(str, tree.attrs)) - {"sha256"}):
        digest.update(f"{key}={tree.attrs[key]}".encode())
    for node in sorted(tree.subtree, key=lambda node: node.path):
        dataset = node.to_dataset()
        for name in sorted(map(str, dataset.variables)):
            values = dataset[name].values
            digest.update(repr((node.path, name, dataset[name].dims, values.shape)).encode())
            digest.update(_canonical(values))
    return digest.hexdigest()


def _canonical(values: np.ndarray) -> bytes:
    """Bytes that do not depend on how the file format stores text, truth values and times."""
    if values.dtype.kind in "OUST":
        return "\0".join(map(str, values.ravel())).encode()
    if values.dtype.kind in "mM":  # in microseconds, whatever unit they come back in
        values = values.astype("datetime64[us]" if values.dtype.kind == "M" else "timedelta64[us]")
    return np.ascontiguousarray(values, dtype=np.float64 if values.dtype.kind == "f" else np.int64).tobytes()
