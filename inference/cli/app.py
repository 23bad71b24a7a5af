"""The commands: arguments here, work in `inference.cli.work`, which is imported when there is work."""

import functools
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from inference.cli import DONE, FAILED, INTERRUPTED, MISUSED, MisuseError
from inference.cli.options import DATA, FIT, MODEL, OUTPUT, SAID, SAMPLE, inches, takes

EPILOG = (
    "Exit codes: 0 done; 1 bad data, or a result that could not be had or written; 2 bad use of the command; "
    "3 done, but the best fit is not sound, see its status; 130 interrupted by Ctrl-C, what was written before is kept. "
    "What went wrong is said in one line; --debug shows where."
)
HELP = """Bayesian mixture models: which groups are in the data, which row belongs to which, and how sure that is.

A run gets a folder of its own: results, tables, pictures, and a report to read or to send. For example:

    mixtures demo

    mixtures sample plants.csv --components 3

    mixtures fit visits.csv --family Poisson --components 2:6
"""
TABLE = "A table: CSV, TSV, Parquet, Arrow, Excel; - for the standard input; or a data set of the package, see mixtures datasets."

ROUTES = "Of one structure, every route side by side: criteria, cross-validation, evidence, loo, between commas."

Data = Annotated[str, typer.Argument(metavar="DATA", help=TABLE)]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")]
Other = Annotated[Path, typer.Argument(metavar="OTHER", help="The folder of another run of the same data.")]

app = typer.Typer(
    name="mixtures", help=HELP, epilog=EPILOG, no_args_is_help=True, rich_markup_mode="rich", pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


def _version(is_asked: bool) -> None:
    if is_asked:
        from mixtures import __version__

        typer.echo(f"mixtures {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def _work(context: typer.Context) -> Any:
    """The module that works; from here on heavy things are imported."""
    from inference.cli import work

    if (context.obj or {}).get("keep"):
        from inference.compiled_programs import keep_compiled_programs

        keep_compiled_programs()
    return work


def _command(*groups: tuple[inspect.Parameter, ...]) -> Callable[[Callable[..., int]], Callable[..., Any]]:
    """A command with the options of some groups, which gives its exit code; what goes wrong is said in one line."""

    def with_answer(function: Callable[..., int]) -> Callable[..., Any]:
        @functools.wraps(function)
        def carried_out(*args: Any, **options: Any) -> None:
            raise typer.Exit(_code(function, args, options))

        return app.command()(takes(*groups)(carried_out))

    return with_answer


def _code(function: Callable[..., int], args: Sequence[Any], options: dict[str, Any]) -> int:
    try:
        return function(*args, **options)
    except KeyboardInterrupt:
        typer.echo("mixtures: interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        from mixtures.errors import MixturesError

        if options["debug"] or not isinstance(error, MisuseError | MixturesError | OSError):
            raise
        typer.echo(f"mixtures: error: {' '.join(str(error).split())}", err=True)
        return MISUSED if isinstance(error, MisuseError) else FAILED


@_command(FIT, SAMPLE, OUTPUT, SAID)
def demo(context: typer.Context, **options: Any) -> int:
    """Old Faithful: fit, posterior, labels, partition, pictures, report."""
    return _work(context).demo(options)


@_command(DATA, MODEL, FIT, SAMPLE, OUTPUT, SAID)
def fit(
    context: typer.Context,
    data: Data,
    nuts: Annotated[bool, typer.Option("--nuts", help="Sample the posterior too, as mixtures sample does.")] = False,
    **options: Any,
) -> int:
    """The best parameters, and each row's component."""
    return _work(context).begin(data, options, is_sampled=nuts)


@_command(DATA, MODEL, FIT, SAMPLE, OUTPUT, SAID)
def sample(context: typer.Context, data: Data, **options: Any) -> int:
    """The same, and the posterior by NUTS: how sure all of it is."""
    return _work(context).begin(data, options, is_sampled=True)


@_command(DATA, MODEL, FIT, OUTPUT, SAID)
def select(
    context: typer.Context,
    data: Data,
    routes: Annotated[str, typer.Option("--routes", help=ROUTES)] = "",
    **options: Any,
) -> int:
    """How many components, by BIC and ICL: 1:9 if not said otherwise; with --covariance all, which structure too."""
    return _work(context).select(data, options, routes)


@_command(SAID)
def classify(context: typer.Context, run: Run, new: Data, **options: Any) -> int:
    """Each row's component for new rows, as CSV on the standard output."""
    return _work(context).classify(run, new, options)


@_command(SAID)
def diagnose(context: typer.Context, run: Run, **options: Any) -> int:
    """Every check of a run in full: restarts, chains, labels."""
    return _work(context).diagnose(run, options)


@_command(SAID)
def partition(
    context: typer.Context,
    run: Run,
    loss: Annotated[str, typer.Option("--loss", help="vi, binder, omari, nid, ...")] = "vi",
    **options: Any,
) -> int:
    """One clustering that sums a run's posterior up; each row's cluster in partition.csv."""
    return _work(context).partition(run, loss, options)


@_command(SAID)
def plot(
    context: typer.Context,
    run: Run,
    format: Annotated[str, typer.Option("--format", help="svg, png, pdf; several between commas.")] = "svg,png",
    size: Annotated[
        str, typer.Option("--size", help="Width and height in inches, 8x5; each picture's own if not given.")
    ] = "",
    **options: Any,
) -> int:
    """Draw a run's pictures anew, in its folder figures/."""
    return _work(context).plot(run, format, inches(size), options)


@_command(SAID)
def draws(context: typer.Context, run: Run, **options: Any) -> int:
    """The draws of a run's posterior as CSV on the standard output: a line a draw, a column a number."""
    return _work(context).draws(run, options)


@_command(SAID)
def report(context: typer.Context, run: Run, **options: Any) -> int:
    """Write a run's report.html anew, and print the answer."""
    return _work(context).report(run, options)


@_command(SAID)
def resume(context: typer.Context, run: Run, **options: Any) -> int:
    """Go on with a run that was cut short, where it was."""
    return _work(context).resume(run, options)


@_command(OUTPUT[:1], SAID)
def rerun(context: typer.Context, run: Run, **options: Any) -> int:
    """Do a run again in a new folder, from its run.toml, and say whether the numbers are the same."""
    return _work(context).rerun(run, options)


@_command(SAID)
def compare(context: typer.Context, run: Run, other: Other, **options: Any) -> int:
    """Two runs of the same data side by side."""
    return _work(context).compare(run, other, options)


@_command(SAID)
def families(context: typer.Context, **options: Any) -> int:
    """What a component can look like, and each family's parameters."""
    return _work(context).families_list(options)


@_command(SAID)
def datasets(context: typer.Context, **options: Any) -> int:
    """The data sets that come with the package."""
    return _work(context).datasets(options)
