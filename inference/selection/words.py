"""Where routes to the number of components disagree, and why, in sentences."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from inference.selection.routes import Answer

MANY_BAD = 0.05
"""Share of rows with a bad Pareto k from which leave-one-out is not to be trusted."""


def words_of(answers: Sequence[Answer], table: pd.DataFrame) -> list[str]:
    """One sentence for each disagreement, and for what weakens an answer."""
    by = {answer.route: answer for answer in answers}
    numbers = {answer.components for answer in answers}
    said = [f"All routes say {numbers.pop()}."] if len(numbers) == 1 and len(answers) > 1 else []
    return [*said, *_disagreements(by), *_weaknesses(by, table)]


def _disagreements(by: Mapping[str, Answer]) -> list[str]:
    said = []
    if _differ(by, "icl", "bic") and by["icl"].components < by["bic"].components:
        said.append(
            f"{_both(by, 'icl', 'bic')}: the density needs components that overlap, as where a cluster is not of the family's shape; "
            "merge_components says which of them are one cluster."
        )
    predicting = [route for route in ("aic", "cross-validation", "loo") if _differ(by, route, "bic")]
    more = [route for route in predicting if by[route].components > by["bic"].components]
    less = [route for route in predicting if by[route].components < by["bic"].components]
    if more:
        said.append(
            f"{_both(by, *more, 'bic')}: a small component, real or not, hardly changes predictions, while BIC charges more for it the more "
            "rows there are."
        )
    if less:
        said.append(
            f"{_both(by, *less, 'bic')}: what further components gain in likelihood is not found again in new rows; look at the smallest of "
            "them."
        )
    if _differ(by, "evidence", "bic"):
        said.append(
            f"{_both(by, 'evidence', 'bic')}: the evidence averages over the priors; vague ones charge a further component more than BIC does, "
            "informative ones less. See how it changes with them."
        )
    if _differ(by, "p(K)", "p(K+)") and by["p(K+)"].components < by["p(K)"].components:
        said.append(f"{_both(by, 'p(K)', 'p(K+)')}: there may be components of which the data have no row.")
    if _differ(by, "p(K)", "evidence"):
        said.append(
            f"{_both(by, 'p(K)', 'evidence')}: the prior on the number weighs in p(K) alone, or the components' priors are not the same."
        )
    return said


def _both(by: Mapping[str, Answer], *routes: str) -> str:
    """What routes say: icl says 2, bic 3."""
    first, *rest = routes
    others = ", ".join(f"{route} {by[route].components}" for route in rest)
    return f"{first} says {by[first].components}, {others}"


def _weaknesses(by: Mapping[str, Answer], table: pd.DataFrame) -> list[str]:
    said = []
    tried = _tried(table)
    last = max(tried, default=0)
    asked = [answer for route, answer in by.items() if route not in ("p(K)", "p(K+)")]  # which try every number
    at_end = [answer.route for answer in asked if answer.components == last and len(tried) > 1]
    if at_end:
        said.append(f"{last} is the largest number that was tried, and the answer of {', '.join(at_end)}: try more.")
    if "status" in table:
        bad = [int(n) for n, status in table["status"].items() if not pd.isna(status) and not status.is_sound]
        if bad:
            said.append(
                f"The fits of {_listed(bad)} components are not sound, see the column status: criteria leave them out."
            )
    for column, name in {"log_score": "cross-validation", "elpd_loo": "LOO"}.items():
        if column in table:
            lost = [int(n) for n, value in table[column].items() if np.isnan(value) and n in tried]
            if lost:
                said.append(f"A fold has no sound fit of {_listed(lost)} components: {name} leaves these numbers out.")
    if "bad_k" in table:
        bad = [int(n) for n, share in table["bad_k"].items() if share > MANY_BAD]
        if bad:
            said.append(
                f"More than {MANY_BAD:.0%} of the rows have a large Pareto k at {_listed(bad)} components: LOO is not to be trusted there."
            )
    return said


def _tried(table: pd.DataFrame) -> list[int]:
    """The numbers that were tried: others are in the table because a posterior has them."""
    columns = [name for name in ("log_likelihood", "log_score_error", "log_evidence", "bad_k") if name in table]
    return [int(n) for n in table.index[table[columns].notna().any(axis=1)]]


def _differ(by: Mapping[str, Answer], one: str, other: str) -> bool:
    return one in by and other in by and by[one].components != by[other].components


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
