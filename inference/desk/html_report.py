"""`report.html`: one page, complete in itself, that can be sent to a colleague: the answer first, then what it rests on."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
import pandas as pd

import inference
from inference.desk import run as runs
from inference.desk import stages
from inference.desk.figures import MODEL, Picture
from inference.desk.run_folder import FIGURES
from inference.desk.settings import to_toml
from inference.html import table
from inference.parameter_table import heading
from inference.report import readable_summary
from inference.whole_files import write_whole
from mixtures import __version__
from mixtures.errors import ModelError
from mixtures.typeset import typeset

if TYPE_CHECKING:
    import xarray as xr

MOST_SVG_BYTES = 400_000
"""Larger drawings, of many rows, go into the page as PNG."""
MOST_LINES = 60
DESCRIBED = {"50%": "median", "unique": "categories", "top": "most frequent", "freq": "rows of it"}
"""What a reader calls what pandas says of names."""
CITATION = f"bayes-mixtures {__version__}. Bayesian mixture models in Python, declared once for NumPyro and Pyro."


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Args:
        name: of the check.
        found: what was found, in words.
        is_good: whether it speaks for the result.
    """

    name: str
    found: str
    is_good: bool


def write(run: "runs.Run") -> Path:
    """Write the report of a run.

    Returns:
        Its path.
    """
    path = run.path / runs.REPORT
    write_whole(path, report(run).encode(), overwrite=True)
    return path


def report(run: "runs.Run") -> str:
    """The page."""
    fit, posterior = run.fit, run.posterior if run.is_sampled else None
    labels = None if posterior is None else inference.diagnose_labels(posterior, reference_fit=fit)
    drawn = [(picture, address) for picture in stages.pictures(run) if (address := _embedded(run, picture))]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("inference.desk", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.jinja").render(
        title=f"{run.settings.name}: {_kind(fit)}",
        answer=run.answer,
        model=typeset(str(fit.program)),
        data=run.x,
        read=run.settings.read,
        notes=run.notes,
        described=table(
            run.x.to_frame()
            .describe(include="all", percentiles=[0.5])
            .T.astype(object)
            .fillna("")
            .rename(columns=DESCRIBED),
            "column",
        ),
        parameters=_cut(fit.to_frame().rename(columns=heading) if posterior is None else readable_summary(posterior)),
        is_sampled=posterior is not None,
        fit=fit,
        criteria=_criteria(fit),
        certainty=inference.certainty(fit if posterior is None else posterior, run.x),
        labels=None if labels is None else labels_text(run, labels),
        partition=None if posterior is None else inference.partition(posterior, seed=run.settings.fit.seed),
        checks=_checks(run, fit, posterior, labels),
        pictures=[(picture, address) for picture, address in drawn if picture.name != MODEL],
        graph=next(((picture, address) for picture, address in drawn if picture.name == MODEL), None),
        selection=_cut(
            pd.read_csv(run.path / runs.SELECTION).rename(columns=lambda name: name.replace("_", " ")), lines=""
        )
        if run.has(runs.SELECTION)
        else "",
        settings=to_toml(run.settings),
        folder=run.path.name,
        versions=run.settings.versions,
        citation=CITATION,
    )


def _kind(fit: "inference.PointFit") -> str:
    mixture = fit.program.mixture
    if mixture is None:
        return "a program of one's own"
    title = mixture.assignment.title
    return f"{title[0].lower()}{title[1:]} of {mixture.components} component{'s' if mixture.components != 1 else ''}"


def _criteria(fit: "inference.PointFit") -> str:
    """The information criteria, where row weights count rows."""
    try:
        return ", ".join(f"{name.upper()} {getattr(fit, name):.4f}" for name in ("aic", "bic", "sabic", "caic", "icl"))
    except ModelError:
        return ""


def labels_text(run: "runs.Run", labels: "inference.LabelReport") -> str:
    """The report on the labels, which names the command that shows the rest of it."""
    return str(labels).replace("See report.details", f"See mixtures diagnose {run.path}")


def _cut(frame: pd.DataFrame, lines: str = "parameter") -> str:
    left = len(frame) - MOST_LINES
    return table(frame.head(MOST_LINES), lines) + (
        f"<p>... and {left} more lines, in the run's folder.</p>" if left > 0 else ""
    )


def _checks(
    run: "runs.Run",
    fit: "inference.PointFit",
    posterior: "xr.DataTree | None",
    labels: "inference.LabelReport | None",
) -> list[Check]:
    found = [Check("Point fit", f"{fit.status.value}. {fit.reason}".strip(), fit.status.is_sound)]
    if posterior is None or labels is None:
        unfinished = Check("Draws", f"there are none yet: mixtures resume {run.path.name} goes on", False)
        return found if run.settings.sample is None else [*found, unfinished]
    draws = inference.check_posterior(posterior)
    if draws.is_sound:
        found.append(Check("Draws", "chains agree, and no sign of trouble was found", True))
    found += [Check(warning.name, f"{warning.found}. {warning.advice}", False) for warning in draws.warnings]
    return [*found, Check("Labels", labels.verdict.value, labels.verdict.is_readable)]


def _embedded(run: "runs.Run", picture: Picture) -> str:
    """A picture as an address that holds it; nothing where it was not drawn."""
    folder = run.path / FIGURES
    for kind, media, most in (("svg", "image/svg+xml", MOST_SVG_BYTES), ("png", "image/png", None)):
        path = folder / f"{picture.name}.{kind}"
        if path.is_file() and (most is None or path.stat().st_size <= most):
            return f"data:{media};base64,{base64.b64encode(path.read_bytes()).decode()}"
    return ""
