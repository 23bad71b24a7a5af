"""What the commands do: settings from options, a run, and what is printed of it. Tables go to the standard output, all else to stderr."""

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import inference
from inference.cli import DONE, UNSOUND, MisuseError
from inference.cli.options import counts, listed
from inference.cli.output import as_json, checks_as_json, compare_table, dumped, text_of
from inference.desk import declaration, log, stages
from inference.desk import run as runs
from inference.desk.data import observations_of, reading_of
from inference.desk.run import Run
from inference.desk.run_folder import FIGURES
from inference.desk.settings import DataSettings, FitSettings, ModelSettings, SampleSettings, Settings
from inference.desk.table_files import read_table
from inference.desk.text_tables import TextOptions
from inference.parameter_table import plain
from inference.partitions.losses import LOSSES
from inference.report import data_text, draws_frame, restarts_text
from mixtures import Formula, Mixture, Observations, families
from mixtures.datasets import SOURCES
from mixtures.errors import MixturesError, ModelError
from mixtures.formula_words import check_formula

Options = Mapping[str, Any]
SWEPT = "1:9"
"""The numbers of components that are compared unless said otherwise, as mclust's."""


def settings_of(data: str, options: Options, is_sampled: bool) -> Settings:
    """The settings of a run, from the options of the command.

    Raises:
        MisuseError: they cannot be, whatever the data.
    """
    with _no_misuse():
        settings = _settings(data, options, is_sampled)
        declaration.check_words(settings.model)
        return settings


@contextmanager
def _no_misuse() -> Iterator[None]:
    """What is wrong with settings, before there are data, is the use of the command."""
    try:
        yield
    except MixturesError as error:
        raise MisuseError(str(error)) from error


def _settings(data: str, options: Options, is_sampled: bool) -> Settings:
    text = TextOptions(
        options["separator"], options["decimal"], options["encoding"], options["header"], listed(options["na"])
    )
    single = {name: options[name] for name in ("labels", "weights", "sequence", "groups", "index", "sheet")}
    named = listed(options["columns"]) or tuple(
        name for name, _ in map(declaration.split, options["family"]) if name
    )  # families name their columns
    columns = DataSettings(
        data, named, listed(options["covariates"]), **single, missing=str(options["missing"]), text=text,
        formula=options["formula"], standardise=options["standardise"],
    )  # fmt: skip
    if columns.formula:
        _check_formula(columns)
    model = ModelSettings(
        components=counts(options["components"]),
        family=tuple(options["family"]), covariance=options["covariance"], priors=tuple(options["prior"]),
        chain=options["chain"] or bool(options["sequence"]), gating=options["gating"], file=_absolute(options["model"]),
    )  # fmt: skip
    if model.priors and options["method"] != "map" and not is_sampled:
        raise ModelError("--prior", got=f"--method {options['method']}", expected="map, which has priors")
    sample = _sample(options) if is_sampled else None
    return Settings(columns, model, _fit(options), sample, options["name"])


def _check_formula(columns: DataSettings) -> None:
    """Check that a formula is one, and says alone what the columns are for."""
    for name in ("columns", "covariates", "standardise"):
        if getattr(columns, name):
            raise ModelError("--formula", got=f"a formula and --{name} too", expected="one of the two")
    check_formula(columns.formula)


def _fit(options: Options) -> FitSettings:
    return FitSettings(str(options["method"]), options["restarts"], options["seed"], str(options["backend"]))


def _sample(options: Options, start_at_fit: bool = True) -> SampleSettings:
    return SampleSettings(options["draws"], options["tune"], options["chains"], options["sampler"], start_at_fit)


def _absolute(model: str) -> str:
    path, colon, name = model.rpartition(":")
    return f"{Path(path).resolve()}:{name}" if colon else model


def demo(options: Options) -> int:
    """Old Faithful, from data to report."""
    # Chains that start apart show what labels do; they take a moment longer than from the fit, and may get stuck on harder data.
    with _no_misuse():
        sample = _sample(options, start_at_fit=False)
        settings = Settings(DataSettings("faithful"), ModelSettings((2,)), _fit(options), sample, options["name"])
    with _said(options):
        return _complete(Run.begin(settings, options["out"]), options)


def begin(data: str, options: Options, is_sampled: bool) -> int:
    """A run from the data to the report."""
    with _said(options):
        return _complete(Run.begin(settings_of(data, options, is_sampled), options["out"]), options)


def resume(path: Path, options: Options) -> int:
    """A run that was cut short."""
    with _said(options):
        return _complete(Run.open(path), options)


def rerun(path: Path, options: Options) -> int:
    """A run again, and whether its numbers are the same."""
    first = Run.open(path)
    with _said(options):
        second = first.again(options["out"])
        _carry_out(second, options)
    same = _same(first, second)
    if options["json"]:
        print(dumped(as_json(second) | {"beside": str(first.path), "same": same}))
    else:
        print(f"\nBeside {first.path}: {same}")
    return _code(second)


def _same(first: Run, second: Run) -> str:
    if not first.has(runs.FIT):
        return "a run that is not complete, with nothing to compare"
    if first.settings.versions != second.settings.versions:
        return "made by other versions; " + compare_table(first, second).to_string()
    ours, theirs = (run.fit.parameters for run in (second, first))
    is_same = all(np.array_equal(ours[name], theirs[name], equal_nan=True) for name in theirs)
    if is_same and first.is_sampled:
        draws = [run.posterior["posterior"].to_dataset() for run in (first, second)]
        is_same = draws[0].equals(draws[1])
    return (
        "the same numbers, to the last bit" if is_same else "OTHER numbers, though versions, data and seed are the same"
    )


def _complete(run: Run, options: Options) -> int:
    """Do what is missing, and print what is known in the end as JSON, if that is asked for."""
    _carry_out(run, options)
    if options["json"]:
        print(dumped(as_json(run)))
    return _code(run)


def _carry_out(run: Run, options: Options) -> None:
    """Do what is missing, and print each thing when it is known."""
    is_said = not options["json"]
    log.say(run.settings.read)
    for note in run.notes:
        log.say(f"note: {note}")
    if is_said:
        print(f"{run.settings.name}: {data_text(run.x)}\n\n{run.program.scaled_to(run.x)}\n", flush=True)
    for stage in stages.missing(run):
        stage(run)
        if is_said:
            print(text_of(stage, run), flush=True)
    stages.finish(run)
    if is_said:
        print(f"{run.answer}\n\nTables, pictures and report.html are in {run.path}")


def _code(run: Run) -> int:
    return DONE if run.fit.status.is_sound else UNSOUND


def select(data: str, options: Options, routes: str) -> int:
    """Numbers of components, and structures, by BIC and ICL; or of one structure by every route that is asked for."""
    structures = listed(options["covariance"])
    is_one = len(structures) == 1 and structures != ("all",)
    if routes and not is_one:
        raise MisuseError("--routes compare numbers of components of one structure: name one with --covariance")
    covariance = structures[0] if routes else "full"
    settings = settings_of(
        data, {**options, "components": options["components"] or SWEPT, "covariance": covariance}, False
    )
    table = read_table(settings.data.source, settings.data.text, settings.data.sheet)
    reading = reading_of(table, settings.data, declaration.takes_names(settings.model))
    x = observations_of(table, settings.data, reading)
    with _said(options):
        log.say(table.read)
        counted = [count for count in settings.model.components if count <= len(x)]
        if routes:
            return _select_by(listed(routes), x, counted, settings, options)
        return _select_structures(structures, x, counted, settings, options)


def _select_by(routes: Sequence[str], x: Observations, counted: list[int], settings: Settings, options: Options) -> int:
    """By several routes."""
    how = settings.fit
    family, law = declaration.family_of(settings.model, x), declaration.law_of(settings.model, x)
    model = Mixture(min(counted), family, assignment=law)
    with log.step(f"{', '.join(routes)}: {min(counted)} to {max(counted)} components"):
        found = inference.number_of_components(
            model, x, counted, routes=routes, restarts=how.restarts, seed=how.seed, backend=how.backend
        )
    if options["json"]:
        table = found.to_frame().reset_index()
        print(table.assign(**_in_words(table)).to_json(orient="records", indent=2))
    else:
        print(found)
    return DONE


def _select_structures(
    structures: tuple[str, ...], x: Observations, counted: list[int], settings: Settings, options: Options
) -> int:
    """By criteria."""
    is_gaussian = not settings.model.family and x.covariates is None and not settings.model.chain
    several = {"structures": None if structures == ("all",) else structures} if is_gaussian and structures != ("full",) else {
        "family": declaration.family_of(settings.model, x), "assignment": declaration.law_of(settings.model, x)
    }  # fmt: skip
    how = settings.fit
    with log.step(f"EM: {min(counted)} to {max(counted)} components, best of {how.restarts} starts each"):
        found = inference.select_components(
            x, counted, restarts=how.restarts, seed=how.seed, backend=how.backend, **several
        )
    best = found.to_frame()
    if options["json"]:
        print(best.assign(**_in_words(best)).to_json(orient="records", indent=2))
    else:
        print(found)
        structure, components = found.best_model
        print(f"\nBest by {found.criterion.upper()}: {components} components, {structure}.")
    return DONE


def _in_words(table: pd.DataFrame) -> dict[str, pd.Series]:
    """The statuses of a table, where it has some, as words."""
    return {"status": table["status"].map(lambda status: status.word)} if "status" in table else {}


def classify(path: Path, new: str, options: Options) -> int:
    """Components of new rows."""
    run = Run.open(path)
    data, formula = run.settings.data, declared_formula(run)
    table = read_table(new, data.text, data.sheet)
    columns = () if formula is not None else tuple(run.x.feature_names or data.columns)
    covariates = () if formula is not None else data.covariates
    wanted = replace(data, labels="", weights="", columns=columns, covariates=covariates)
    with _said(options):
        log.say(table.read)
    reading = replace(run.reading.after(run.x), formula=formula)
    found = stages.assignments(run.best, observations_of(table, wanted, reading), table.frame)
    if options["json"]:
        print(found.to_json(orient="records"))
    else:
        found.to_csv(sys.stdout, index=False, float_format="%.6g")
    return DONE


def declared_formula(run: Run) -> Formula | None:
    """The formula by which a run's declaration reads tables, if it has one."""
    mixture = run.program.mixture
    return None if mixture is None else mixture.formula


def diagnose(path: Path, options: Options) -> int:
    """Every check in full."""
    run = Run.open(path)
    fit = run.fit
    if options["json"]:
        print(dumped(checks_as_json(run)))
        return DONE if run.answer.is_sound else UNSOUND
    print(f"{run.answer}\n\n{restarts_text(fit, most=20)}")
    if run.is_sampled:
        posterior = run.posterior
        print(
            f"\n{inference.check_posterior(posterior)}\n\n{inference.diagnose_labels(posterior, reference_fit=fit).details}"
        )
    return DONE if run.answer.is_sound else UNSOUND


def partition(path: Path, loss: str, options: Options) -> int:
    """One clustering."""
    run = Run.open(path)
    if loss not in LOSSES:
        raise ModelError("--loss", got=loss, expected=f"one of {', '.join(LOSSES)}")
    found = inference.partition(run.posterior, loss=loss, seed=run.settings.fit.seed)
    rows = pd.DataFrame({"row": run.x.coords()["rows"], "cluster": found.labels, "uncertainty": found.row_uncertainty})
    stages.RunFolder(run.path).write_table(rows, "partition.csv")
    print(rows.to_json(orient="records") if options["json"] else found)
    return DONE


def draws(path: Path, options: Options) -> int:
    """The draws, for other programs."""
    found = draws_frame(Run.open(path).posterior)
    if options["json"]:
        print(found.to_json(orient="records"))
    else:
        found.to_csv(sys.stdout, index=False)
    return DONE


def plot(path: Path, formats: str, size: tuple[float, float] | None, options: Options) -> int:
    """The pictures anew."""
    run = Run.open(path)
    with _said(options), log.step("pictures"):
        made = stages.draw(run, listed(formats), size)
    files = [str(run.path / FIGURES / f"{picture.name}.{one}") for picture in made for one in listed(formats)]
    print(dumped(files) if options["json"] else "\n".join(files))
    return DONE


def report(path: Path, options: Options) -> int:
    """The report anew."""
    run = Run.open(path)
    with _said(options):
        stages.finish(run)
    print(dumped(as_json(run)) if options["json"] else f"{run.answer}\n\n{run.path / runs.REPORT}")
    return DONE


def compare(path: Path, other: Path, options: Options) -> int:
    """Two runs side by side."""
    first, second = Run.open(path), Run.open(other)
    table = compare_table(first, second)
    records = table.T.reset_index(names="run").to_dict("records")
    print(dumped(records) if options["json"] else plain(table))
    return DONE


def families_list(options: Options) -> int:
    """The families."""
    found = {}
    for name in declaration.FAMILIES:
        family = getattr(families, name)
        words = [
            f"{one.name}={one.default!r}" if _has_default(one) else one.name
            for one in fields(family)
            if one.name != "priors"
        ]
        found[f"{name}({', '.join(words)})"] = (family.__doc__ or "").strip().splitlines()[0]
    _list(found, options)
    return DONE


def _has_default(field: Any) -> bool:
    return field.default is not MISSING


def datasets(options: Options) -> int:
    """The data sets."""
    _list(SOURCES, options)
    return DONE


def _list(found: Mapping[str, str], options: Options) -> None:
    if options["json"]:
        print(dumped(dict(found)))
        return
    for name, text in found.items():
        print(f"{name}\n    {text}")


@contextmanager
def _said(options: Options) -> Iterator[None]:
    """What is being done is said on the standard error, unless it shall be quiet."""
    is_quiet = options["quiet"]
    with nullcontext() if is_quiet else log.heard_by(logging.StreamHandler(sys.stderr), "%(message)s"):
        yield
