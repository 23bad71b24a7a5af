"""Trees as netCDF, sealed by a sha256.

The checksum stands behind the netCDF, as a line of its own, which readers of netCDF do not look at: so nothing of a damaged file is ever
handed to HDF5, which may crash on it. All bytes are made in memory before any is written, for HDF5 crashes on a full disk too.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from mixtures import Program
from mixtures.errors import StoredFileError, TooLargeError
from mixtures.memory import check_memory
from mixtures.specification import from_json, kept
from mixtures.whole_files import altered

SEAL = b"\nbayes-mixtures sha256 "
"""What stands before the checksum, in hexadecimal digits, at the end of a tree's file."""

SEAL_BYTES = len(SEAL) + 64 + 1

DEEPEST = 50
"""How deep groups of a tree may lie; the time to read them grows with the square."""


def tree_content(tree: xr.DataTree) -> tuple[bytes | memoryview, ...]:
    """A tree as the bytes of its file, in parts.

    Raises:
        TooLargeError: there is not enough memory for them.
    """
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


def read_tree(path: Path, program: Program | None) -> xr.DataTree:
    """The tree of a file; `program` takes the place of one that cannot be found again.

    Raises:
        StoredFileError: the seal is missing or does not match, or there is not enough memory. What a seal hides raises whatever it raises.
    """
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
        raise altered(path)


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
