"""Files that appear whole or not at all, and never over another by accident."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import BinaryIO

from mixtures.errors import StoredFileError

TEMPORARY = ".tmp"
"""The end of names of files that are not whole yet."""


def write_whole(path: Path, *content: bytes | memoryview, overwrite: bool) -> None:
    """Write a file beside `path`, flush it, and put it in its place in one step.

    Raises:
        StoredFileError: there is a file already, or it cannot be written; nothing has changed then.
    """
    with whole_file(path, overwrite=overwrite) as opened, writing(path):
        for part in content:
            opened.write(part)


@contextmanager
def whole_file(path: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """A file to write to, which has its name when all is written; where an error ends that, there is none.

    Raises:
        StoredFileError: there is a file already, or it cannot be written. What is written within is under `writing`.
    """
    if not os.path.isdir(path.parent):
        raise StoredFileError(str(path), got=f"no folder {path.parent}", expected="a folder that exists")
    with writing(path):
        temporary, opened = _begun(path)
    try:
        yield opened
        with writing(path):
            opened.flush()
            os.fsync(opened.fileno())
            opened.close()
            (os.replace if overwrite else _place)(temporary, path)
    finally:
        with suppress(OSError):
            opened.close()  # what is left in its buffer may have no room
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _begun(path: Path) -> tuple[Path, BinaryIO]:
    """A new file beside it; those of processes that were killed while they wrote there are deleted."""
    beside = f".{path.name[:40]}."
    for left in path.parent.glob(f"{escape(beside)}*{TEMPORARY}"):
        with suppress(OSError), left.open("r+b") as found:
            if _holds(found, waits=False):
                left.unlink()
    while True:
        temporary = path.with_name(f"{beside}{secrets.token_hex(8)}{TEMPORARY}")
        opened = temporary.open("xb")
        _holds(opened, waits=True)
        if os.fstat(opened.fileno()).st_nlink:
            return temporary, opened
        opened.close()  # another process took it for one that was left, before it was held


def _holds(opened: BinaryIO, *, waits: bool) -> bool:
    """Hold a file until it is closed, or this process ends, by whatever; whether it is held: another process may hold it already."""
    try:
        import fcntl
    except ImportError:
        return True  # Windows, where a file that is open elsewhere cannot be deleted
    try:
        fcntl.flock(opened, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say of which file it is that cannot be written.

    Raises:
        StoredFileError: with the system's error as its cause.
    """
    try:
        yield
    except FileExistsError as error:
        raise already_there(path) from error
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


def already_there(path: Path, advice: str = "Choose another name, or delete the file.") -> StoredFileError:
    """The error of a file that would be written over."""
    return StoredFileError(str(path), got="an existing file", expected="a new path", advice=advice)


def altered(path: Path) -> StoredFileError:
    """The error of a file that is not what its checksum is of."""
    return StoredFileError(
        str(path),
        got="a content that does not match its checksum",
        expected="the file as save wrote it",
        advice="Restore it from a copy.",
    )
