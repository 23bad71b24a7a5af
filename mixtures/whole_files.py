"""Files that appear whole or not at all, and never over another by accident."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from mixtures.errors import StoredFileError


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
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(8)}.tmp")
    with writing(path):
        opened = temporary.open("xb")
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


def already_there(path: Path) -> StoredFileError:
    """The error of a file that would be written over."""
    return StoredFileError(
        str(path), got="an existing file", expected="a new path", advice="Choose another name, or pass overwrite=True."
    )


def altered(path: Path) -> StoredFileError:
    """The error of a file that is not what its checksum is of."""
    return StoredFileError(
        str(path),
        got="a content that does not match its checksum",
        expected="the file as save wrote it",
        advice="Restore it from a copy.",
    )
