"""A folder for the files of one run, next to those of earlier runs, never in place of one."""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from inference.checks import check_path
from inference.files import save, write_whole
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
            OSError: it cannot be made.
        """
        parent = check_path("parent", parent)
        if check_path("name", name).name != name or name in (".", ".."):
            raise ModelError("name", got=in_words(name), expected="the name of a folder, without slashes")
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
        """Axes to draw on, one or an array of them; written as a PNG at the end."""
        from matplotlib.figure import Figure  # not pyplot: no window, and nothing of the caller's is touched

        figure = Figure(figsize=size, layout="constrained")
        yield figure.subplots(rows, columns)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png", dpi=RESOLUTION)
        self._write(f"{name}.png", lambda path: path.write_bytes(drawn.getvalue()))

    def save(self, result: Any, name: str) -> None:
        """Keep a result, in place of an earlier state of it."""
        with _named(self.path / name):
            save(result, self.path / name, overwrite=True)

    def _write(self, name: str, fill: Callable[[Path], Any]) -> Path:
        """Write a file whole, in place of an earlier one."""
        path = self.path / name
        with _named(path):
            write_whole(path, fill, overwrite=True)
        return path

    def write_assignments(
        self, x: Observations, classes: np.ndarray, tables: dict[str, np.ndarray], name: str = "assignments.csv"
    ) -> Path:
        """A table with one line for each row: its name, its component, and probabilities of every component.

        Args:
            x: the data.
            classes: each row's component, (rows,).
            tables: probabilities by prefix of the column's name, (rows, components).
            name: of the file.
        """
        columns: dict[str, Any] = {"row": x.coords()["rows"], "component": classes}
        for prefix, table in tables.items():
            columns |= {f"{prefix}_{component}": values for component, values in enumerate(table.T)}
        table = pd.DataFrame(columns).to_csv(index=False, float_format="%.6g")
        return self._write(name, lambda path: path.write_text(table, encoding="utf-8"))


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Errors of the system say which file could not be written.

    Raises:
        StoredFileError: it could not be.
    """
    try:
        yield
    except StoredFileError:
        raise
    except OSError as error:
        raise StoredFileError(
            str(path),
            got=f"a place that cannot be written ({error.strerror or error})",
            expected="room for the file",
            advice="What was written before is intact.",
        ) from error
