"""Data drawn block by block into a Parquet file: parameters once, then rows, as many as there is room for."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mixtures.blocks import rows_at_once
from mixtures.errors import ModelError
from mixtures.mixture import Mixture
from mixtures.program import Program
from mixtures.seeds import derived
from mixtures.sources.writing import parquet_file


def check_rows_stream(program: Program, taken: Mapping[str, Any]) -> Mixture:
    """A mixture whose rows are independent, and known by their number alone.

    Raises:
        ModelError: another program, or something that is known of each row.
    """
    known = sorted(set(taken) - {"size"})
    is_of_rows = isinstance(program, Mixture) and program.assignment.unit == "row"
    if isinstance(program, Mixture) and is_of_rows and not known:
        return program
    raise ModelError(
        "to",
        got=f"a file, and {', '.join(known) if known else 'rows that hang together, or a program of your own'}",
        expected="a Mixture of independent rows, of which nothing else is known",
        advice="Draw rows in memory: without to.",
    )


def simulated_file(
    words: Any,
    mixture: Mixture,
    seed: int,
    held: Mapping[str, np.ndarray],
    size: tuple[int, ...],
    names: Sequence[str] | None,
    path: Path,
) -> dict[str, np.ndarray]:
    """Draw rows and their assignments into a file, and return the parameters that they are drawn at.

    Args:
        words: the module of a backend's words.
        mixture: the declaration.
        seed: of all draws.
        held: parameters that are not drawn.
        size: (rows,) or (rows, features).
        names: of the columns; None: x0, x1, ..., or x where there is one.
        path: of the file.
    """

    def draw(rows: int, seed: int, held: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        shape = (rows, *size[1:])
        return words.run_forward(mixture, seed, held, {"size": shape if size[1:] else rows})

    parameters = {name: value for name, value in draw(1, seed, held).items() if name in mixture.priors}
    block = rows_at_once(size[1] if size[1:] else None)
    with parquet_file(path) as write:
        for number, begin in enumerate(range(0, size[0], block)):
            drawn = draw(min(block, size[0] - begin), derived(seed, "block", number), parameters)
            write(_columns({name: value for name, value in drawn.items() if name not in parameters}, names))
    return parameters


def _columns(of_rows: Mapping[str, np.ndarray], names: Sequence[str] | None) -> dict[str, np.ndarray]:
    """The data's columns by name, then the assignments."""
    found = {name: value for name, value in of_rows.items() if name not in ("obs", "assignment")}
    if "obs" in of_rows:
        values = of_rows["obs"].reshape(len(of_rows["obs"]), -1)
        own = ["x"] if of_rows["obs"].ndim == 1 else [f"x{column}" for column in range(values.shape[1])]
        found |= dict(zip(names or own, values.T, strict=True))
    return {**found, "assignment": of_rows["assignment"]}
