"""A run: a folder in which everything is that was found, and everything that repeats it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from inference.backends import engine
from inference.checks import check_counts, check_room, checked, sizes_of
from inference.desk import log
from inference.desk.answer import Answer, answer
from inference.desk.data import notes, observations_of, reading_of
from inference.desk.declaration import program_of, takes_names
from inference.desk.kept_data import DATA, frame_of, table_of, text_of
from inference.desk.reading import Reading
from inference.desk.run_folder import RunFolder
from inference.desk.settings import (
    FitSettings,
    ModelSettings,
    SampleSettings,
    Settings,
    from_toml,
    to_toml,
)
from inference.desk.table_files import STANDARD_INPUT, Table, read_table
from inference.files import load
from inference.html import paragraphs
from inference.results import PointFit, versions
from inference.samplers.choice import SAMPLERS, Sampler, choose_sampler
from mixtures import Observations, Program
from mixtures.datasets import SOURCES
from mixtures.errors import ModelError, StoredFileError
from mixtures.specification import to_json
from mixtures.whole_files import write_whole

SETTINGS, FIT, POSTERIOR, DRAWS = "run.toml", "fit.json", "posterior.nc", "draws"
SELECTION, SUMMARY, ASSIGNMENTS, REPORT, LOG = (
    "selection.csv",
    "summary.csv",
    "assignments.csv",
    "report.html",
    "log.txt",
)


@dataclass(frozen=True)
class Run:
    """A run in its folder.

    `run.toml` repeats it, `fit.json` and `posterior.nc` are its results, `assignments.csv` and `summary.csv` its tables, `figures/` its
    pictures, `report.html` all of them for a reader, `log.txt` what was done when. What is there is never overwritten by another run, and
    a run that was cut short goes on where it was: `complete` does what is missing.

    Args:
        path: the folder.

    Example:
        >>> import tempfile
        >>> import inference
        >>> import mixtures
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = inference.Run.of(mixtures.gaussian_mixture(2, "tied"), [0.0, 1.0, 10.0, 11.0, 12.0], parent=folder)
        ...     run = run.complete(pictures=False)
        ...     sorted(path.name for path in run.path.iterdir())
        ['assignments.csv', 'data.csv', 'fit.json', 'log.txt', 'report.html', 'run.toml']
    """

    path: Path

    @classmethod
    def begin(cls, settings: Settings, parent: str | Path = "runs") -> "Run":
        """Read the data, check everything that can be checked before work, and make the folder.

        Args:
            settings: of the run.
            parent: where the folder is made.

        Raises:
            DataError, ModelError, OSError: bad data, a bad declaration, or a place that cannot be written.
        """
        table = read_table(settings.data.source, settings.data.text, settings.data.sheet)
        return cls._begun(settings, table, parent)

    @classmethod
    def of(
        cls,
        program: Program,
        x: Any,
        *,
        parent: str | Path = "runs",
        name: str = "run",
        fit: FitSettings | None = None,
        sample: SampleSettings | None = None,
    ) -> "Run":
        """Begin a run of a declaration and data that are in Python already; the folder keeps a copy of the data.

        Args:
            program: a declaration.
            x: data, as verbs take them.
            parent: where the folder is made.
            name: of the run.
            fit: how to fit.
            sample: how to sample; None leaves it at the point fit.

        Raises:
            DataError, ModelError, OSError: bad data, a bad declaration, or a place that cannot be written.
        """
        observations = checked(program, x)
        table, data = table_of(observations)
        settings = Settings(data, ModelSettings(program=to_json(program)), fit or FitSettings(), sample, name)
        return cls._begun(settings, table, parent)

    @classmethod
    def _begun(cls, settings: Settings, table: Table, parent: str | Path) -> "Run":
        engine(settings.fit.backend)  # which is found not to be installed before there is a folder
        if settings.sample is not None:
            sampler_of(settings.fit, settings.sample)
        reading = reading_of(table, settings.data, takes_names(settings.model))
        x = observations_of(table, settings.data, reading)
        for count in settings.model.components or (None,):
            program = program_of(settings.model, x, count, reading.formula)
            checked(program, x)
            _check_room(settings, program, x)
        source = settings.data.source
        is_copied = source in (STANDARD_INPUT, DATA)
        if not is_copied and source not in SOURCES:
            source = str(Path(source).resolve())
        settings = replace(
            settings,
            data=replace(settings.data, source=DATA) if is_copied else replace(settings.data, source=source),
            name=settings.name or table.name,
            fingerprint=x.weighted_fingerprint,
            read=table.read,
            versions=versions(settings.fit.backend),
        )
        folder = RunFolder.new(parent, settings.name)
        run = cls(folder.path)
        if is_copied:
            run._write(DATA, text_of(table.frame))
        run._write(SETTINGS, to_toml(settings))
        return run

    @classmethod
    def open(cls, path: str | Path) -> "Run":
        """A run that was begun before.

        Raises:
            StoredFileError: no folder of a run.
        """
        if not (Path(path) / SETTINGS).is_file():
            raise StoredFileError(
                str(path), got=f"no {SETTINGS} in it", expected="the folder of a run", advice="See runs/."
            )
        return cls(Path(path))

    def again(self, parent: str | Path = "runs") -> "Run":
        """Begin the run again, in a new folder.

        Args:
            parent: where the folder is made.

        Raises:
            StoredFileError: the data are not what they were, or the folder cannot be made.
        """
        _ = self.x  # an error, where the data are others by now
        return self._begun(self.settings, self.table, parent)

    @cached_property
    def settings(self) -> Settings:
        """What repeats the run."""
        return from_toml((self.path / SETTINGS).read_text(encoding="utf-8"), self.path / SETTINGS)

    @cached_property
    def table(self) -> Table:
        """The table, read as it was at first."""
        settings = self.settings
        if settings.data.source == DATA:
            text = self._existing(DATA).read_text(encoding="utf-8")
            return Table(frame_of(text, settings.data.categories), settings.name, settings.read)
        return read_table(settings.data.source, settings.data.text, settings.data.sheet)

    @cached_property
    def reading(self) -> Reading:
        """How the table is read, and new ones after it."""
        return reading_of(self.table, self.settings.data, takes_names(self.settings.model))

    @cached_property
    def x(self) -> Observations:
        """The data.

        Raises:
            StoredFileError: they are not what they were when the run began.
        """
        x = observations_of(self.table, self.settings.data, self.reading)
        if x.weighted_fingerprint != self.settings.fingerprint:
            raise StoredFileError(
                self.settings.data.source,
                got="other data than those that the run began with",
                expected=f"data of fingerprint {self.settings.fingerprint[:12]}",
                advice="Restore them, or begin a new run.",
            )
        return x

    @property
    def notes(self) -> list[str]:
        """What of the data looks unlike what was said of them."""
        mixture = self.program.mixture
        measured = [
            f"column {name!r} is measured in standard deviations, {spread:.4g}, from its mean, {mean:.4g}"
            for name, (mean, spread) in self.reading.units.items()
        ]
        return [*measured, *notes(self.table, self.x, None if mixture is None else mixture.family)]

    @property
    def program(self) -> Program:
        """The declaration, with the number of components that was chosen."""
        return program_of(self.settings.model, self.x, self.components, self.reading.formula)

    @property
    def components(self) -> int | None:
        """How many components; of several the best by BIC, once they were compared."""
        counts = self.settings.model.components
        if len(counts) < 2:
            return counts[0] if counts else None
        if not self.has(SELECTION):
            return counts[0]
        return int(pd.read_csv(self.path / SELECTION)["components"].iloc[0])

    def has(self, name: str) -> bool:
        """Whether a file of the run is there."""
        return (self.path / name).exists()

    @property
    def is_sampled(self) -> bool:
        """Whether there are draws under one labelling."""
        return self.has(POSTERIOR) and "relabelling" in self.posterior.children

    @property
    def fit(self) -> PointFit:
        """The point fit."""
        return self._loaded(FIT)

    @property
    def posterior(self) -> xr.DataTree:
        """The draws.

        Raises:
            StoredFileError: there are none.
        """
        if self.settings.sample is None:
            advice = "Begin one that samples: mixtures sample."
            raise StoredFileError(str(self.path), got="a run of a point fit", expected="one with draws", advice=advice)
        return self._loaded(POSTERIOR).copy(deep=False)

    @property
    def best(self) -> PointFit | xr.DataTree:
        """What is known best: the posterior where there is one, else the fit."""
        return self.posterior if self.is_sampled else self.fit

    @property
    def answer(self) -> Answer:
        """What was found, and whether it can be trusted."""
        return answer(self.fit, self.x, self.posterior if self.is_sampled else None)

    def complete(self, pictures: bool = True) -> "Run":
        """Do what is missing of the run: choose, fit, sample, draw, report.

        Args:
            pictures: whether to draw.

        Returns:
            The run.
        """
        from inference.desk import stages  # which are made of runs

        for stage in stages.missing(self):
            stage(self)
        stages.finish(self, pictures)
        return self

    def __str__(self) -> str:
        found = str(self.answer) if self.has(FIT) else "Nothing is fitted yet: complete() does it."
        return f"Run {self.path}\n{found}"

    def _repr_html_(self) -> str:
        return paragraphs(str(self).splitlines())

    @contextmanager
    def logged(self) -> Iterator[None]:
        """What is said meanwhile is in the log too."""
        with log.to_file(self.path / LOG):
            yield

    @cached_property
    def _results(self) -> dict[str, tuple[tuple[int, int], Any]]:
        """What was loaded, by file, with the stamp that the file had."""
        return {}

    def _loaded(self, name: str) -> Any:
        """A result, read once for each state of its file."""
        status = self._existing(name).stat()
        stamp = status.st_mtime_ns, status.st_size
        if name not in self._results or self._results[name][0] != stamp:
            self._results[name] = stamp, load(self.path / name, x=self.x, program=self.program)
        return self._results[name][1]

    def _existing(self, name: str) -> Path:
        if not self.has(name):
            raise StoredFileError(
                str(self.path),
                got=f"no {name}",
                expected="a run that has it",
                advice=f"Go on: mixtures resume {self.path}.",
            )
        return self.path / name

    def _write(self, name: str, text: str) -> None:
        write_whole(self.path / name, text.encode(), overwrite=True)


def sampler_of(fit: FitSettings, sample: SampleSettings) -> Sampler:
    """The sampler; of those that may be chosen, one that keeps its draws while they are made, if there is one.

    Raises:
        BackendError: it is not installed.
    """
    is_stored = sample.sampler == "auto" and SAMPLERS[fit.backend].has_store
    return choose_sampler(sample.sampler, fit.backend, is_stored=is_stored, is_on_cpu=True)


def _check_room(settings: Settings, program: Program, x: Observations) -> None:
    mixture, sample = program.mixture, settings.sample
    if mixture is not None and mixture.components > len(x):
        raise ModelError(
            "--components", got=f"{mixture.components}", expected=f"at most the {len(x)} rows of the table"
        )
    sizes = {} if sample is None else {"chains": sample.chains, "draws": sample.draws}
    check_counts(restarts=settings.fit.restarts)
    check_room(restarts=settings.fit.restarts, **sizes, **sizes_of(program, x))
