"""A folder for the files of one run, next to those of earlier runs, never in place of one."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from inference.checks import check_path
from inference.files import save
from inference.whole_files import write_whole
from mixtures import Observations
from mixtures.errors import ModelError, StoredFileError, in_words

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

    @contextmanager
    def picture(self, name: str, size: tuple[float, float], rows: int = 1, columns: int = 1) -> Iterator[Any]:
        """Axes to draw on, one or an array of them; written as a PNG at the end.

        Raises:
            StoredFileError: it cannot be written.
        """
        from matplotlib.figure import Figure  # not pyplot: no window, and nothing of the caller's is touched

        figure = Figure(figsize=size, layout="constrained")
        yield figure.subplots(rows, columns)
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=RESOLUTION)
        write_whole(self.path / f"{name}.png", content.getbuffer(), overwrite=True)

    def save(self, result: Any, name: str) -> None:
        """Keep a result, in place of an earlier state of it."""
        save(result, self.path / name, overwrite=True)

    def write_assignments(
        self, x: Observations, classes: np.ndarray, tables: dict[str, np.ndarray], name: str = "assignments.csv"
    ) -> Path:
        """A table with one line for each row: its name, its component, and probabilities of every component.

        Args:
            x: the data.
            classes: each row's component, (rows,).
            tables: probabilities by prefix of the column's name, (rows, components).
            name: of the file.

        Raises:
            StoredFileError: it cannot be written.
        """
        columns: dict[str, Any] = {"row": x.coords()["rows"], "component": classes}
        for prefix, table in tables.items():
            columns |= {f"{prefix}_{component}": values for component, values in enumerate(table.T)}
        path = self.path / name
        text = pd.DataFrame(columns).to_csv(index=False, float_format="%.6g")
        write_whole(path, text.encode(), overwrite=True)
        return path
