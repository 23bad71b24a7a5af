"""How far EM has come, written down while it runs, so that a process that was killed goes on where it stood.

A restart is known by the state in which it begins. The same call begins with the same states in the same order, and finds of each of them
how it ended, or where it stood: that alone is written down, and nothing of what comes next.
"""

import hashlib
import io
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from inference.point.em.outcome import Outcome
from mixtures.errors import StoredFileError
from mixtures.whole_files import altered, write_whole

SECONDS = 2.0
"""Between two writings at least: a pass over large data takes longer."""


@dataclass(frozen=True, eq=False)
class Standing:
    """How a restart stands.

    Args:
        state: the parameters as EM knows them.
        objectives: of the states before it and its own.
        outcome: `RUNNING` while there are steps to come.
        occupancy: expected rows of each component, where it has ended.
    """

    state: dict[str, np.ndarray]
    objectives: np.ndarray
    outcome: Outcome = Outcome.RUNNING
    occupancy: np.ndarray | None = None


class Checkpoint:
    """The file in which it is written down how all restarts stand.

    Args:
        path: of the file; it may be there from a call that was ended.
        made_from: what the call is of, in words, by what it is called: data, declaration, settings.

    Raises:
        StoredFileError: a file of another call, or one that was cut short or altered.
    """

    def __init__(self, path: Path, made_from: Mapping[str, str]):
        self._path, self._made_from = path, dict(made_from)
        self._standings: dict[str, Standing] = {}
        self._written = time.monotonic()
        if path.exists():
            self._read()
        else:
            self._write()  # a place that cannot be written is said before the work

    def of(self, start: Mapping[str, Any]) -> Standing | None:
        """How the restart that began there stands; None: it has not begun."""
        return self._standings.get(_name(start))

    def note(self, start: Mapping[str, Any], standing: Standing) -> None:
        """Write down how a restart stands, unless it was done just now; its end always."""
        state = {name: np.asarray(value) for name, value in standing.state.items()}
        self._standings[_name(start)] = replace(standing, state=state)
        if standing.outcome is not Outcome.RUNNING or time.monotonic() - self._written >= SECONDS:
            self._write()

    def _write(self) -> None:
        arrays = {f"made_from/{name}": np.array(text) for name, text in self._made_from.items()}
        for name, standing in self._standings.items():
            arrays |= {f"{name}/state/{key}": value for key, value in standing.state.items()}
            arrays |= {f"{name}/objectives": standing.objectives, f"{name}/outcome": np.array(int(standing.outcome))}
            if standing.occupancy is not None:
                arrays[f"{name}/occupancy"] = standing.occupancy
        content = io.BytesIO()
        np.savez(content, **arrays)  # type: ignore[arg-type]
        body = content.getvalue()
        write_whole(self._path, hashlib.sha256(body).hexdigest().encode() + b"\n", body, overwrite=True)
        self._written = time.monotonic()

    def _read(self) -> None:
        try:
            head, _, body = self._path.read_bytes().partition(b"\n")
        except OSError as error:
            got = f"a place that cannot be read ({error.strerror or error})"
            raise StoredFileError(str(self._path), got=got, expected="a checkpoint, or no file") from error
        if head != hashlib.sha256(body).hexdigest().encode():
            raise altered(self._path)
        with np.load(io.BytesIO(body), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        found = {name: str(arrays.pop(f"made_from/{name}", "")) for name in self._made_from}
        other = [name for name, text in self._made_from.items() if found[name] != text]
        if other:
            raise StoredFileError(
                str(self._path),
                got=f"a checkpoint of another call, whose {' and '.join(other)} differ",
                expected="one of this very call",
                advice="Choose another path, or delete the file to begin anew.",
            )
        for name in {name.split("/")[0] for name in arrays}:
            prefix = f"{name}/state/"
            self._standings[name] = Standing(
                {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)},
                arrays[f"{name}/objectives"],
                Outcome(int(arrays[f"{name}/outcome"])),
                arrays.get(f"{name}/occupancy"),
            )


def _name(start: Mapping[str, Any]) -> str:
    """By what a restart is known."""
    digest = hashlib.sha256()
    for name, value in sorted(start.items()):
        digest.update(name.encode() + np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()[:16]
