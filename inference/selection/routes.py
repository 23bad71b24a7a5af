"""What each route to the number of components asks, and what it answers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

UNDECIDED = 2.0
"""Differences of a criterion, twice a log likelihood, that are not worth more than a bare mention: Kass & Raftery (1995)."""

LIKELY = 0.05
"""A number of components less probable than this is left out."""


@dataclass(frozen=True)
class Answer:
    """What one route says.

    Args:
        route: its name.
        question: what it asks.
        components: its number of components.
        close: others that it cannot tell from that one.
    """

    route: str
    question: str
    components: int
    close: tuple[int, ...]


QUESTIONS = {
    "bic": "Which number generated the data?",
    "caic": "The same, more cautiously",
    "sabic": "The same, less cautiously",
    "icl": "How many clusters are apart?",
    "aic": "Which number predicts new rows best?",
    "log_score": "Which number predicts rows that were left out best?",
    "elpd_loo": "The same, averaged over the posterior",
    "log_evidence": "Which number is most probable under these priors?",
    "p_components": "The same, with a prior on the number",
    "p_clusters": "How many components have rows?",
}
"""By column of the table."""

NAMES = {
    "log_score": "cross-validation",
    "elpd_loo": "loo",
    "log_evidence": "evidence",
    "p_components": "p(K)",
    "p_clusters": "p(K+)",
}
"""What a column is called as a route, where that is not its own name."""


def answers_of(table: pd.DataFrame) -> list[Answer]:
    """The answers of all routes in a table, see `NumberOfComponents`; unsound fits and missing numbers have no say."""
    answers = []
    for column, question in QUESTIONS.items():
        if column not in table:
            continue
        losses = _losses(column, table)
        if losses.isna().all():
            continue
        best = losses.idxmin()
        slack = _slack(column, table, losses)
        close = tuple(int(n) for n in losses.index[losses - losses[best] <= slack] if n != best)
        answers.append(Answer(NAMES.get(column, column), question, int(best), close))
    return answers


def _losses(column: str, table: pd.DataFrame) -> pd.Series:
    """What is smallest at the best number of components."""
    values = table[column].astype(np.float64)
    if column in ("log_score", "elpd_loo", "log_evidence") or column.startswith("p_"):
        return -values
    return values.where([not pd.isna(status) and status.is_sound for status in table["status"]])


def _slack(column: str, table: pd.DataFrame, losses: pd.Series) -> pd.Series | float:
    """How much worse than the best is as good."""
    if column in ("log_score", "elpd_loo"):
        return table[f"{column}_error"]
    if column == "log_evidence":
        errors = table["log_evidence_error"].fillna(0.0)
        return 2 * np.hypot(errors, errors[losses.idxmin()]) + np.log(3.0)
    if column.startswith("p_"):
        return float(-losses.min() - LIKELY)
    return UNDECIDED
