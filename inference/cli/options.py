"""The options that commands share, each said once; a command names the groups that it takes."""

import inspect
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class Method(StrEnum):
    """How to fit."""

    map = "map"
    em = "em"
    mle = "mle"


class Backend(StrEnum):
    """What runs the model."""

    numpyro = "numpyro"
    pyro = "pyro"


class Missing(StrEnum):
    """What an empty cell is."""

    forbidden = "raise"
    allowed = "allow"


def listed(text: str) -> tuple[str, ...]:
    """Names between commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def counts(text: str) -> tuple[int, ...]:
    """Numbers of components: 3, or 2:6, or 1,2,4; none for no text.

    Raises:
        typer.BadParameter: something else.

    Example:
        >>> counts("2:4"), counts("1,3")
        ((2, 3, 4), (1, 3))
    """
    try:
        first, colon, last = text.partition(":")
        found = tuple(range(int(first), int(last) + 1)) if colon else tuple(map(int, listed(text)))
    except ValueError:
        found = ()
    if text and (not found or min(found) < 1):
        raise typer.BadParameter(f"got {text!r}; expected a number from 1, or several: 2:6, 1,2,4")
    return found


def inches(text: str) -> tuple[float, float] | None:
    """Width and height of a picture; none for no text.

    Raises:
        typer.BadParameter: something else.

    Example:
        >>> inches("8x5"), inches("")
        ((8.0, 5.0), None)
    """
    if not text:
        return None
    try:
        width, height = map(float, text.lower().split("x"))
    except ValueError:
        width = height = 0.0
    if not (0.5 <= width <= MOST_INCHES and 0.5 <= height <= MOST_INCHES):
        raise typer.BadParameter(f"got {text!r}; expected width x height in inches, 8x5, up to {MOST_INCHES}")
    return width, height


MOST_INCHES = 100


def _counted(text: str) -> str:
    counts(text)
    return text


def _option(
    kind: Any,
    names: str,
    default: Any,
    text: str,
    panel: str,
    metavar: str | None = None,
    check: Callable[[str], str] | None = None,
) -> inspect.Parameter:
    """One option; its first name is that of the argument."""
    listed = names.split()
    option = typer.Option(
        *listed,
        help=text,
        rich_help_panel=panel,
        metavar=metavar,
        show_default=default not in ("", (), None),
        callback=check,
    )
    name = listed[0].lstrip("-").split("/")[0].replace("-", "_")
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


DATA = (
    _option(
        str,
        "--columns",
        "",
        "What is modelled, by name; all columns that have no other purpose if not given.",
        "Data",
        "A,B",
    ),
    _option(
        str, "--covariates", "", "Columns that a regression, or with --gating the weights, depend on.", "Data", "A,B"
    ),
    _option(
        str,
        "--formula",
        "",
        "The response and its covariates, in both's place: 'y ~ x + C(g)', weights' behind a bar.",
        "Data",
        "Y~A",
    ),
    _option(bool, "--standardise", False, "Measure columns in standard deviations from their means.", "Data"),
    _option(str, "--labels", "", "The column of known components: 0, 1, ..., empty where unknown.", "Data", "A"),
    _option(str, "--weights", "", "The column that says how often each row counts.", "Data", "A"),
    _option(
        str,
        "--sequence",
        "",
        "The column of series: rows of a series follow one another, a hidden Markov chain.",
        "Data",
        "A",
    ),
    _option(
        str,
        "--groups",
        "",
        "The column of groups, such as persons: all rows of a group are of one component.",
        "Data",
        "A",
    ),
    _option(
        str,
        "--lower",
        "",
        "Columns of lower bounds, one for each of --columns, whose cells are empty where only bounds are known.",
        "Data",
        "A,B",
    ),
    _option(str, "--upper", "", "Columns of upper bounds, likewise.", "Data", "A,B"),
    _option(str, "--trials", "", "The column of trials, out of which a binomial's successes are.", "Data", "A,B"),
    _option(str, "--exposure", "", "The column of exposures, over which counts were made.", "Data", "A,B"),
    _option(str, "--errors", "", "Columns of standard errors, one for each of --columns, of Gaussians.", "Data", "A,B"),
    _option(str, "--index", "", "The column of the rows' names.", "Data", "A"),
    _option(Missing, "--missing", Missing.forbidden, "Whether empty cells are an error, or were not observed.", "Data"),
    _option(str, "--separator", "", "Between fields: , ; | tab blanks. Found out if not given.", "Data", "S"),
    _option(str, "--decimal", "", "The decimal mark, . or , and found out if not given.", "Data", "M"),
    _option(str, "--encoding", "", "Of the text; found out if not given.", "Data", "E"),
    _option(str, "--sheet", "", "Of a workbook; the first if not given.", "Data", "NAME"),
    _option(str, "--na", "", "Further texts that stand for an empty cell, such as '?'.", "Data", "A,B"),
    _option(bool, "--header/--no-header", True, "Whether the first row has the columns' names.", "Data"),
)
MODEL = (
    _option(str, "--components", "", "How many: 3, or several to choose from by BIC: 2:6, 1,2,4.", "Model", "K", _counted),
    _option(list[str], "--family", (), "What a component looks like, see mixtures families; or of each column, height=Gaussian.", "Model", "F"),
    _option(str, "--covariance", "full", "Of Gaussians: full, tied, diag, spherical, a code of mclust's, such as VEV; factor-2.", "Model", "C"),
    _option(list[str], "--prior", (), "In place of a default: 'loc=Normal(0, 10)'.", "Model", "P"),
    _option(bool, "--chain", False, "Rows follow one another: a hidden Markov chain.", "Model"),
    _option(bool, "--gating", False, "The weights, or a chain's moves, depend on the covariates.", "Model"),
    _option(str, "--model", "", "A program of your own, file.py:name, in place of all this.", "Model", "FILE"),
)  # fmt: skip
FIT = (
    _option(Method, "--method", Method.map, "Posterior mode, or maximum likelihood by EM or gradients.", "Fit"),
    _option(int, "--restarts", 20, "Starts of the fit.", "Fit", "N"),
    _option(int, "--seed", 0, "An int from 0; the same seed gives the same results.", "Fit", "N"),
    _option(Backend, "--backend", Backend.numpyro, "What runs the model.", "Fit"),
)
SAMPLE = (
    _option(int, "--draws", 1000, "Kept draws of each chain.", "Posterior", "N"),
    _option(int, "--tune", 1000, "Warm-up draws of each chain.", "Posterior", "N"),
    _option(int, "--chains", 4, "Chains.", "Posterior", "N"),
    _option(str, "--sampler", "auto", "numpyro, nutpie or pyro.", "Posterior", "S"),
)
OUTPUT = (
    _option(Path, "--out", Path("runs"), "Parent of the run's folder.", "Output", "DIR"),
    _option(str, "--name", "", "Of the run; that of the data if not given.", "Output", "NAME"),
)
SAID = (
    _option(bool, "--json", False, "Print the result as JSON.", "Output"),
    _option(bool, "--quiet", False, "Say nothing of the progress.", "Output"),
    _option(bool, "--debug", False, "Show where an error came from.", "Output"),
)


def takes(*groups: tuple[inspect.Parameter, ...]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command, which takes them as `**options`, the options of some groups."""

    def with_options(function: Callable[..., Any]) -> Callable[..., Any]:
        own = [one for one in inspect.signature(function).parameters.values() if one.kind is not one.VAR_KEYWORD]
        every = [*own, *(option for group in groups for option in group)]
        function.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
        function.__annotations__ = {one.name: one.annotation for one in every}
        return function

    return with_options
