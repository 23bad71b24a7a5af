"""The stages of a run, in their order: each writes what it found as soon as it has it, and is left out where that is there already.

The file by which a stage is known to be done is written last: a stage that was cut short is done again, tables and all.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pandas as pd
import xarray as xr

import inference
from inference.assignment.responsibilities import probabilities
from inference.desk import html_report
from inference.desk import run as runs
from inference.desk.declaration import family_of, law_of
from inference.desk.figures import Picture, picture_of_selection, pictures_of_draws, pictures_of_fit, pictures_of_model
from inference.desk.log import is_heard, say, step
from inference.desk.run_folder import RunFolder
from inference.frames import components_of
from inference.results import PointFit
from mixtures import Observations

Stage = Callable[["runs.Run"], None]


def missing(run: "runs.Run") -> Iterator[Stage]:
    """The stages that are still to be done; ask for the next when one is done."""
    if len(run.settings.model.components) > 1 and not run.has(runs.SELECTION):
        yield choose
    if not run.has(runs.FIT):
        yield fit
    if run.settings.sample is not None and not run.has(runs.POSTERIOR):
        yield sample
    if run.settings.sample is not None and not run.is_sampled:
        yield relabel


def choose(run: "runs.Run") -> None:
    """Compare numbers of components by BIC."""
    settings, x = run.settings, run.x
    counts = settings.model.components
    with (
        run.logged(),
        step(f"EM: {min(counts)} to {max(counts)} components, best of {settings.fit.restarts} starts each"),
    ):
        selection = inference.select_components(
            x, counts, family=family_of(settings.model, x), assignment=law_of(settings.model, x),
            restarts=settings.fit.restarts, seed=settings.fit.seed, backend=settings.fit.backend,
        )  # fmt: skip
    folder = RunFolder(run.path)
    folder.write_table(selection.to_frame(), runs.SELECTION)
    folder.draw([picture_of_selection(selection)])


def fit(run: "runs.Run") -> None:
    """The point fit, and each row's component."""
    settings, folder = run.settings.fit, RunFolder(run.path)
    verb = getattr(inference, f"fit_{settings.method}")
    program, x = run.program, run.x
    what = f"{settings.method.upper()}: best of {settings.restarts} starts on {settings.backend}"
    with run.logged(), step(what):
        found = verb(program, x, restarts=settings.restarts, seed=settings.seed, backend=settings.backend)
    write_assignments(run, found)
    folder.save(found, runs.FIT)


def sample(run: "runs.Run") -> None:
    """Draws from the posterior, kept while they are made; a sampler that was cut short goes on."""
    settings, fitted = run.settings, run.fit
    assert settings.sample is not None  # the caller has looked
    how, backend, store = settings.sample, settings.fit.backend, run.path / runs.DRAWS
    is_stored = runs.sampler_of(settings.fit, how).has_store
    with run.logged():
        if is_stored:
            say(f"Draws are kept in {store} while they are made; mixtures resume {run.path} continues there.")
        with step(f"NUTS: {how.chains} chains of {how.tune} + {how.draws} draws"):
            if store.exists():
                posterior = inference.resume(store, run.x, program=run.program)
            else:
                posterior = inference.sample_nuts(
                    run.program, run.x, draws=how.draws, tune=how.tune, chains=how.chains, sampler=how.sampler,
                    seed=settings.fit.seed, backend=backend,
                    init=fitted if how.start_at_fit else None, store=store if is_stored else None,
                    progress=None if is_heard() else False,
                )  # fmt: skip
    if is_stored and not posterior.attrs["complete"]:  # Ctrl-C: what was drawn is in the store
        raise KeyboardInterrupt
    RunFolder(run.path).save(posterior, runs.POSTERIOR)  # as sampled, until there is one labelling
    if is_stored:
        shutil.rmtree(store)


def relabel(run: "runs.Run") -> None:
    """One labelling, that of the fit; each row's component and every parameter by the posterior."""
    fitted, folder = run.fit, RunFolder(run.path)
    with run.logged(), step("labels"):
        posterior = inference.relabel(run.posterior, method="ecr", pivot=fitted)
    write_assignments(run, posterior)
    write_summary(run, posterior)
    folder.save(posterior, runs.POSTERIOR)


def finish(run: "runs.Run", pictures: bool = True) -> None:
    """Draw what is known, and write the report, and the tables that somebody has removed."""
    if not run.has(runs.ASSIGNMENTS):
        write_assignments(run, run.best)
    if run.is_sampled and not run.has(runs.SUMMARY):
        write_summary(run, run.posterior)
    with run.logged():
        if pictures:
            with step("pictures"):
                draw(run)
        with step("report"):
            html_report.write(run)


def draw(
    run: "runs.Run", formats: Iterable[str] = ("svg", "png"), size: tuple[float, float] | None = None
) -> list[Picture]:
    """The pictures of what is known; `size` is their width and height in inches, if not each one's own."""
    return RunFolder(run.path).draw(pictures(run), formats, size)


def pictures(run: "runs.Run") -> list[Picture]:
    """What can be drawn of a run: of the posterior where there is one, else of the fit; and the declaration."""
    known = pictures_of_draws(run.posterior, run.x) if run.is_sampled else pictures_of_fit(run.fit, run.x)
    return [*known, *pictures_of_model(run.fit)]


def write_assignments(run: "runs.Run", result: PointFit | xr.DataTree) -> None:
    """Each row's component, how probable it is, and the probabilities of all."""
    RunFolder(run.path).write_table(assignments(result, run.x, run.table.frame), runs.ASSIGNMENTS)


def write_summary(run: "runs.Run", posterior: xr.DataTree) -> None:
    """Mean, interval and convergence of every parameter."""
    RunFolder(run.path).write_table(inference.summary(posterior).rename_axis("parameter").reset_index(), runs.SUMMARY)


def assignments(result: PointFit | xr.DataTree, x: Observations, frame: pd.DataFrame | None = None) -> pd.DataFrame:
    """A line for each row: its name, its component, how probable that is, and the probability of every component.

    Args:
        result: what is known best.
        x: the rows.
        frame: their table, whose columns stand behind; a name that is taken has `(data)` behind it.
    """
    table = np.asarray(probabilities(result, x))
    classes = np.asarray(inference.classify(result, x))
    probability = table[np.arange(len(table)), classes]
    names = np.array(components_of(result), dtype=object)
    columns = {
        "row": x.coords()["rows"],
        "component": names[classes],
        "probability": probability,
        "uncertainty": 1 - probability,
    }
    columns |= {f"probability_{name}": values for name, values in zip(names, table.T, strict=True)}
    given = {} if frame is None else dict(frame.items())
    own = {f"{name} (data)" if name in columns else str(name): cells.array for name, cells in given.items()}
    return pd.DataFrame(columns | own)
