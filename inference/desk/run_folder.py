"""A folder for the files of one run, next to those of earlier runs, never in place of one."""

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from inference.checks import check_choice, check_path
from inference.desk.figures import Picture
from inference.desk.log import say
from inference.files import save
from mixtures.errors import ModelError, StoredFileError, in_words
from mixtures.whole_files import write_whole

FIGURES = "figures"
FORMATS = ("svg", "png", "pdf")

RESOLUTION = 130
"""Dots per inch of pictures."""


@dataclass(frozen=True)
class RunFolder:
    """A folder of one run.

    Args:
        path: where it is.
    """

    path: Path

    @classmethod
    def new(cls, parent: str | Path, name: str) -> "RunFolder":
        """Make the next folder: faithful-001, faithful-002, ...

        Raises:
            ModelError: the parent is no path, or the name no name of a folder.
            StoredFileError: it cannot be made.
        """
        parent = check_path("parent", parent)
        if check_path("name", name).name != name or name in (".", ".."):
            raise ModelError("name", got=in_words(name), expected="the name of a folder, without slashes")
        try:
            return cls._made(parent, name)
        except (OSError, ValueError) as error:
            raise StoredFileError(
                str(parent),
                got=f"a place where no folder {name}-... can be made ({getattr(error, 'strerror', None) or error})",
                expected="a folder that can be written",
                advice="Choose another with --out.",
            ) from error

    @classmethod
    def _made(cls, parent: Path, name: str) -> "RunFolder":
        parent.mkdir(parents=True, exist_ok=True)
        taken = [re.fullmatch(rf"{re.escape(name)}-(\d+)", entry.name) for entry in parent.iterdir()]
        number = max((int(match[1]) for match in taken if match), default=0)
        while True:
            number += 1
            path = parent / f"{name}-{number:03d}"
            try:
                path.mkdir()
            except FileExistsError:  # another run was quicker: take the next
                continue
            return cls(path)

    def draw(
        self,
        pictures: Iterable[Picture],
        formats: Iterable[str] = ("svg", "png"),
        size: tuple[float, float] | None = None,
    ) -> list[Picture]:
        """Make pictures, each in every format; one that cannot be made is left out, which is said, for results do not hang on it.

        Args:
            pictures: what to make.
            formats: of the files.
            size: width and height in inches; None: each picture's own.

        Returns:
            Those that were made.

        Raises:
            StoredFileError: one cannot be written.
            ChoiceError: a format that matplotlib does not write.
        """
        formats = [check_choice("format", one, FORMATS) for one in formats]
        folder = self.path / FIGURES
        folder.mkdir(exist_ok=True)
        made = []
        for picture in pictures:
            try:
                drawn = _drawn(picture, formats, size)
            except Exception as error:
                say(f"the picture {picture.name} is left out: {type(error).__name__}: {error}")
                continue
            for one, content in drawn.items():
                write_whole(folder / f"{picture.name}.{one}", content, overwrite=True)
            made.append(picture)
        return made

    def save(self, result: Any, name: str) -> None:
        """Keep a result, in place of an earlier state of it."""
        save(result, self.path / name, overwrite=True)

    def write_table(self, table: pd.DataFrame, name: str) -> Path:
        """Write a table as CSV, without its index, its numbers to six digits.

        Raises:
            StoredFileError: it cannot be written.
        """
        path = self.path / name
        write_whole(path, table.to_csv(index=False, float_format="%.6g").encode(), overwrite=True)
        return path


def _drawn(picture: Picture, formats: Iterable[str], size: tuple[float, float] | None = None) -> dict[str, memoryview]:
    """A picture's files, by format."""
    import matplotlib as mpl
    from matplotlib import pyplot  # loads a window system where there is one: only when there is something to draw

    with mpl.rc_context({"text.parse_math": False}):  # names of columns may have dollars
        figure = picture.make()
        if size is not None:
            figure.set_size_inches(*size)
        try:
            files = {}
            for one in formats:
                content = io.BytesIO()
                figure.savefig(content, format=one, dpi=RESOLUTION)
                files[one] = content.getbuffer()
            return files
        finally:
            pyplot.close(figure)  # where it was pyplot's
