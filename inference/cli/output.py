"""What is printed of a run: text for people, JSON for programs."""

import json
import math
from typing import Any

import numpy as np
import pandas as pd

import inference
from inference.desk import run as runs
from inference.desk import stages
from inference.desk.html_report import labels_text
from inference.desk.run import Run
from inference.parameter_table import number, plain
from inference.partitions.losses import LOSSES, distances
from inference.report import occupancy_text, restarts_text, summary_text
from inference.results import PointFit
from mixtures.errors import DataError, ModelError

AGREEMENT = "rows' components alike (adjusted Rand index)"


def text_of(stage: stages.Stage, run: Run) -> str:
    """What a stage found."""
    if stage is stages.choose:
        table = pd.read_csv(run.path / runs.SELECTION)
        return f"By BIC {run.components} components:\n\n{plain(table.head(5), index=False)}\n"
    if stage is stages.fit:
        fit = run.fit
        classes = np.asarray(inference.classify(fit, run.x))
        return f"{fit}\n\n{restarts_text(fit)}\n{occupancy_text(classes, len(fit.components))}\n"
    if stage is stages.relabel:
        posterior = run.posterior
        labels = labels_text(run, inference.diagnose_labels(posterior, reference_fit=run.fit))
        return f"{inference.check_posterior(posterior)}\n\n{labels}\n\n{summary_text(posterior)}\n"
    return ""


def as_json(run: Run) -> dict[str, Any]:
    """A run's result for a program; see `dumped`."""
    fit, answer = run.fit, run.answer
    found: dict[str, Any] = {
        "folder": str(run.path),
        "answer": answer.found,
        "trust": answer.trust,
        "is_sound": answer.is_sound,
        "status": fit.status.word,
        "reason": fit.reason,
        "log_likelihood": fit.log_likelihood,
        "free_parameters": fit.free_parameters,
        "bic": _or_none(fit, "bic"),
        "parameters": {name: np.asarray(value).tolist() for name, value in fit.parameters.items()},
    }
    if run.is_sampled:
        summary = inference.summary(run.posterior)
        found["posterior"] = json.loads(summary.to_json(orient="index"))
    return found


def checks_as_json(run: Run) -> dict[str, Any]:
    """Every check of a run, for a program."""
    restarts = run.fit.restarts
    statuses = restarts["status"].map(lambda status: status.word)
    found: dict[str, Any] = {
        "answer": run.answer.found,
        "trust": run.answer.trust,
        "is_sound": run.answer.is_sound,
        "restarts": json.loads(
            restarts.drop(columns="occupancy", errors="ignore").assign(status=statuses).to_json(orient="records")
        ),
    }
    if run.is_sampled:
        posterior = run.posterior
        report = inference.check_posterior(posterior)
        labels = inference.diagnose_labels(posterior, reference_fit=run.fit)
        found["draws"] = [{"name": one.name, "found": one.found, "advice": one.advice} for one in report.warnings]
        found["labels"] = {"verdict": labels.verdict.value, "is_readable": labels.verdict.is_readable}
    return found


def dumped(found: Any) -> str:
    """JSON, which has no number that is not finite: null stands for it.

    Example:
        >>> dumped({"bic": float("nan"), "loc": [1.0]}).split()
        ['{', '"bic":', 'null,', '"loc":', '[', '1.0', ']', '}']
    """
    return json.dumps(_finite(found), indent=2)


def _finite(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: _finite(value) for name, value in found.items()}
    if isinstance(found, list):
        return [_finite(value) for value in found]
    return None if isinstance(found, float) and not math.isfinite(found) else found


def _or_none(fit: PointFit, criterion: str) -> float | None:
    try:
        return getattr(fit, criterion)
    except ModelError:  # row weights that do not count rows
        return None


def compare_table(first: Run, second: Run) -> pd.DataFrame:
    """What two runs of the same data found, a column each.

    Raises:
        DataError: other data.
    """
    if first.settings.fingerprint != second.settings.fingerprint:
        raise DataError(str(second.path), got="a run of other data", expected=f"the data of {first.path}")
    names = [str(run.path) for run in (first, second)]
    table = pd.concat(
        [pd.Series(_figures(run), name=name) for run, name in zip((first, second), names, strict=True)], axis=1
    )
    ours, theirs = (np.unique(inference.classify(run.fit, run.x), return_inverse=True)[1] for run in (first, second))
    same = 1 - float(distances(ours, theirs[None], LOSSES["omari"])[0])
    table.loc[AGREEMENT] = number(same)
    return table


def _figures(run: Run) -> dict[str, str]:
    fit = run.fit
    found = {
        "components": str(len(fit.components)),
        "method": run.settings.fit.method,
        "status": fit.status.word,
        "log likelihood": f"{fit.log_likelihood:.4f}",
        "free parameters": str(fit.free_parameters),
        "BIC, smaller is better": "-" if (bic := _or_none(fit, "bic")) is None else f"{bic:.4f}",
        "ICL, smaller is better": "-" if (icl := _or_none(fit, "icl")) is None else f"{icl:.4f}",
    }
    if run.is_sampled:
        found["labels"] = (
            inference.diagnose_labels(run.posterior, reference_fit=fit).verdict.name.lower().replace("_", " ")
        )
    return found
