"""A run on disk: draws in blocks as they are made, and with each block the sampler's state, so that a killed run can be continued.

A store is a folder: `run.json` (what was asked for, of which program and data), `starts.npz` (where the chains start), and one file a
block. Every file appears whole or not at all and begins with a sha256 of the rest; reading stops at the first block that fails it.
"""

import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inference.engines.protocol import Block
from inference.files import write_whole
from mixtures.errors import StoredFileError

HEADER, STARTS = "run.json", "starts.npz"


@dataclass(frozen=True)
class DrawStore:
    """The folder of one run.

    Args:
        path: where it is.
    """

    path: Path

    @classmethod
    def new(
        cls, path: str | os.PathLike[str], header: Mapping[str, Any], starts: Mapping[str, np.ndarray]
    ) -> "DrawStore":
        """Begin a store.

        Raises:
            StoredFileError: something is there already, or it cannot be written.
        """
        store = cls(Path(path))
        if store.path.exists() and not _is_empty_folder(store.path):
            raise StoredFileError(
                str(path),
                got="an existing file or folder",
                expected="a new path",
                advice="Continue the run that is stored there with resume(path, x), or choose another name.",
            )
        try:
            store.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise store._unwritable(error) from error
        store._write(STARTS, _packed(starts))
        store._write(
            HEADER, json.dumps(dict(header)).encode()
        )  # last: a store with a header is one that can be continued
        return store

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> "DrawStore":
        """A store that exists.

        Raises:
            StoredFileError: there is none, or it was cut short before the run began.
        """
        store = cls(Path(path))
        if not (store.path / HEADER).is_file():
            raise StoredFileError(str(path), got="no stored run", expected="a folder that sample_nuts(store=...) wrote")
        return store

    def header(self) -> dict[str, Any]:
        """What was asked for."""
        return json.loads(self._read(HEADER))

    def starts(self) -> dict[str, np.ndarray]:
        """Where the chains start, as `Starts.packed` has it."""
        return _unpacked(self._read(STARTS))

    def write(self, group: int, index: int, block: Block) -> None:
        """Keep block number `index` of a group of chains.

        Raises:
            StoredFileError: it cannot be written; earlier blocks are intact.
        """
        state = {f"state:{position:03d}": leaf for position, leaf in enumerate(block.state)}
        record = {f"record:{name}": values for name, values in block.record.items()}
        self._write(_name(group, index), _packed(state | record))

    def read(self, group: int) -> list[Block]:
        """The blocks of a group of chains from the first on, up to the first that is missing or damaged."""
        blocks: list[Block] = []
        while (self.path / (name := _name(group, len(blocks)))).is_file():
            try:
                arrays = _unpacked(self._read(name))
            except StoredFileError:
                break
            state = [arrays[key] for key in sorted(arrays) if key.startswith("state:")]
            record = {key.removeprefix("record:"): arrays[key] for key in arrays if key.startswith("record:")}
            blocks.append(Block(record, state))
        return blocks

    def _write(self, name: str, content: bytes) -> None:
        sealed = hashlib.sha256(content).hexdigest().encode() + b"\n" + content
        try:
            write_whole(self.path / name, lambda temporary: temporary.write_bytes(sealed), overwrite=True)
        except StoredFileError:
            raise
        except OSError as error:
            raise self._unwritable(error) from error

    def _read(self, name: str) -> bytes:
        try:
            digest, _, content = (self.path / name).read_bytes().partition(b"\n")
        except OSError as error:
            raise StoredFileError(
                str(self.path / name), got=str(error.strerror), expected="the file that sample_nuts(store=...) wrote"
            ) from error
        if hashlib.sha256(content).hexdigest().encode() != digest:
            raise StoredFileError(
                str(self.path / name), got="a truncated or altered file", expected="the file as it was written"
            )
        return content

    def _unwritable(self, error: OSError) -> StoredFileError:
        return StoredFileError(
            str(self.path),
            got=f"a place that cannot be written ({error.strerror or error})",
            expected="room for the draws",
            advice="Earlier blocks are intact: make room, then continue with resume(path, x).",
        )


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _name(group: int, index: int) -> str:
    return f"block-{group:03d}-{index:06d}.npz"


def _packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **{name: np.asarray(values) for name, values in arrays.items()})  # type: ignore[arg-type]
    return buffer.getvalue()


def _unpacked(content: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)
