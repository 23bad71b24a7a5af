"""A run on disk: draws in blocks as they are made, and with each block the sampler's state, so that a killed run can be continued.

A store is a folder: `run.json` (what was asked for, of which program and data), `starts.npz` (where the chains start), and one file a
block. Every file appears whole or not at all and begins with a sha256 of the rest; reading stops at the first block that fails it. A block
says of which run and chains it is and which number it has: one in another's place is an error.
"""

import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inference.samplers.protocol import Block
from inference.whole_files import write_whole
from mixtures.checks import check_path
from mixtures.errors import StoredFileError

HEADER, STARTS = "run.json", "starts.npz"

FORMAT = 3
"""Of the files; the first had blocks that did not say where they belong, the second runs of NUTS alone."""

_BEFORE_THE_HEADER = re.compile(rf"{STARTS}|\.({STARTS}|{HEADER})\..*\.tmp")
"""What a run leaves that is killed before it has begun."""


@dataclass(frozen=True)
class DrawStore:
    """The folder of one run.

    Args:
        path: where it is.
        header: the bytes of what was asked for.
        begin: the bytes of where the chains start.
    """

    path: Path
    header: bytes
    begin: bytes

    @classmethod
    def new(
        cls, path: str | os.PathLike[str], header: Mapping[str, Any], starts: Mapping[str, np.ndarray]
    ) -> "DrawStore":
        """Begin a store; in the place of one that was killed before it had begun, too.

        Raises:
            StoredFileError: something is there already, or it cannot be written.
        """
        store = cls(check_path("store", path), json.dumps({"format": FORMAT, **header}).encode(), _packed(starts))
        try:
            if os.path.lexists(store.path) and not _has_not_begun(store.path):
                raise StoredFileError(
                    str(path),
                    got="an existing file or folder",
                    expected="a new path",
                    advice="Continue the run that is stored there with resume(path, x), or choose another name."
                    if (store.path / HEADER).exists()
                    else "Choose another name.",
                )
            store.path.mkdir(parents=True, exist_ok=True)
            for left in store.path.iterdir():
                left.unlink()
        except StoredFileError:
            raise
        except OSError as error:
            raise _unwritable(store.path, str(error.strerror or error)) from error
        store._write(STARTS, store.begin)
        # last, and only if no other run has begun here meanwhile: a store with a header is one that can be continued
        store._write(HEADER, store.header, overwrite=False)
        return store

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> "DrawStore":
        """A store that exists.

        Raises:
            StoredFileError: there is none, it was cut short before the run began, or it is damaged or of an earlier version.
        """
        folder = check_path("store", path)
        if not (folder / HEADER).is_file():
            has_not_begun = folder.is_dir() and _has_not_begun(folder)
            raise StoredFileError(
                str(path),
                got="a run that was stopped before it had begun: no stored run" if has_not_begun else "no stored run",
                expected="a folder that a run with store= wrote",
                advice="Begin it again with store=path: it has no draws to lose." if has_not_begun else "",
            )
        store = cls(folder, _whole(folder / HEADER), _whole(folder / STARTS))
        if store.asked().get("format") != FORMAT:
            raise StoredFileError(
                str(path),
                got="a store of another version of the package",
                expected=f"one of format {FORMAT}",
                advice="Resume it with the version that began it, or begin a new run.",
            )
        return store

    def asked(self) -> dict[str, Any]:
        """What was asked for.

        Raises:
            StoredFileError: nothing that can be read.
        """
        try:
            return dict(json.loads(self.header))
        except Exception as error:  # an altered file can fail anywhere
            raise _unreadable(self.path / HEADER, error) from error

    def starts(self) -> dict[str, np.ndarray]:
        """Where the chains start, arrays by name.

        Raises:
            StoredFileError: nothing that can be read.
        """
        return _unpacked(self.path / STARTS, self.begin)

    def write(self, group: int, index: int, block: Block) -> None:
        """Keep block number `index` of a group of chains.

        Raises:
            StoredFileError: it cannot be written; earlier blocks are intact.
        """
        state = {f"state:{position:03d}": leaf for position, leaf in enumerate(block.state)}
        record = {f"record:{name}": values for name, values in block.record.items()}
        place = {"place": np.array(self._place(group, index))}
        self._write(_name(group, index), _packed(place | state | record))

    def read(self, group: int) -> list[Block]:
        """The blocks of a group of chains from the first on, up to the first that is missing or damaged.

        Raises:
            StoredFileError: a block of other chains, another number or another run.
        """
        blocks: list[Block] = []
        while (path := self.path / _name(group, len(blocks))).is_file():
            content = _content(path)
            if content is None:
                break
            arrays = _unpacked(path, content)
            found, expected = str(arrays.get("place")), self._place(group, len(blocks))
            if found != expected:
                raise StoredFileError(
                    str(path),
                    got=f"a block of another place or run: {found}",
                    expected=expected,
                    advice="Put each block back in its place, or begin a new run.",
                )
            state = [arrays[key] for key in sorted(arrays) if key.startswith("state:")]
            record = {key.removeprefix("record:"): arrays[key] for key in arrays if key.startswith("record:")}
            blocks.append(Block(record, state))
        return blocks

    def _place(self, group: int, index: int) -> str:
        run = hashlib.sha256(self.header + self.begin).hexdigest()
        return f"run {run}, chains from {group}, block {index}"

    def _write(self, name: str, content: bytes, overwrite: bool = True) -> None:
        sealed = hashlib.sha256(content).hexdigest().encode() + b"\n"
        try:
            write_whole(self.path / name, sealed, content, overwrite=overwrite)
        except StoredFileError as error:
            raise _unwritable(self.path / name, error.got) from error


def _has_not_begun(path: Path) -> bool:
    """Whether a folder is empty, or has only what a run leaves that is killed before it has begun."""
    return path.is_dir() and all(_BEFORE_THE_HEADER.fullmatch(entry.name) for entry in path.iterdir())


def _name(group: int, index: int) -> str:
    return f"block-{group:03d}-{index:06d}.npz"


def _content(path: Path) -> bytes | None:
    """What a file holds behind its checksum; None where that does not match.

    Raises:
        StoredFileError: it cannot be read at all.
    """
    try:
        digest, _, content = path.read_bytes().partition(b"\n")
    except OSError as error:
        raise StoredFileError(
            str(path),
            got=str(error.strerror or error),
            expected="the file that a run with store= wrote",
            advice="Restore it from a copy, or begin a new run in another folder.",
        ) from error
    return content if hashlib.sha256(content).hexdigest().encode() == digest else None


def _whole(path: Path) -> bytes:
    """What a file holds that no run can do without.

    Raises:
        StoredFileError: it is damaged.
    """
    if (content := _content(path)) is None:
        raise StoredFileError(
            str(path),
            got="a truncated or altered file",
            expected="the file as it was written",
            advice="Restore it from a copy, or begin a new run in another folder.",
        )
    return content


def _unwritable(path: Path, why: str) -> StoredFileError:
    return StoredFileError(
        str(path),
        got=why,
        expected="room for the draws, and the right to write them",
        advice="Earlier blocks are intact: make room, then continue with resume(path, x).",
    )


def _unreadable(path: Path, error: Exception) -> StoredFileError:
    return StoredFileError(
        str(path),
        got=f"a file that cannot be read ({type(error).__name__}: {str(error)[:200]})",
        expected="the file that a run with store= wrote",
        advice="Restore it from a copy, or begin a new run in another folder.",
    )


def _packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **{name: np.asarray(values) for name, values in arrays.items()})  # type: ignore[arg-type]
    return buffer.getvalue()


def _unpacked(path: Path, content: bytes) -> dict[str, np.ndarray]:
    """The arrays of a file.

    Raises:
        StoredFileError: something else, or arrays that say they are larger than the file.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as members:
            if sum(member.file_size for member in members.infolist()) > len(content):
                raise ValueError("more than the file can hold")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return dict(arrays)
    except Exception as error:  # an altered file can fail anywhere
        raise _unreadable(path, error) from error
