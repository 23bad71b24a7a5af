"""What `external` found: estimates with errors, tests, and what a reader must know of them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from inference.html import paragraphs, table
from inference.parameter_table import MOST_LINES, number, plain

if TYPE_CHECKING:
    import pandas as pd

LEAST_P = 1e-4
"""Smaller p values are read as smaller than it."""


@dataclass(frozen=True, eq=False)
class External:
    """How an external variable goes with the classes.

    Args:
        estimates: a line for each number, by component and parameter: estimate, standard_error, z, p, lower, upper; NaN where there is no
            standard error.
        tests: Wald's tests, chi2, df and p: of an outcome, that all classes are alike, and each pair; of covariates, that one says nothing
            of the class.
        covariance: of the estimates, (numbers, numbers).
        classification: P(assigned to column | class of the line), (classes, classes).
        kind: of the outcome, `"continuous"`, `"categorical"` or `"count"`; else `"covariates"`.
        correction: for errors of classification.
        assignment: `"modal"` or `"proportional"`; of no matter to two-step estimates.
        reference: of covariates, the class that the others are held against; else None.
        level: of the intervals.
        used: how many rows, or groups, were used.
        left_out: how many were left out, because the external variable is missing, or because they say nothing of their class.
        heading: what was asked, a sentence.
        notes: what a reader must know, sentences.
    """

    estimates: "pd.DataFrame"
    tests: "pd.DataFrame"
    covariance: Float[np.ndarray, "numbers numbers"]
    classification: "pd.DataFrame"
    kind: str
    correction: str
    assignment: str
    reference: str | int | None
    level: float
    used: int
    left_out: int
    heading: str
    notes: tuple[str, ...] = ()

    def to_frame(self) -> "pd.DataFrame":
        """The estimates, a line for each number."""
        return self.estimates.copy()

    def __str__(self) -> str:
        shown = _in_words(self.estimates.iloc[:MOST_LINES])
        left = len(self.estimates) - len(shown)
        more = [f"... and {left} more lines: see to_frame()"] if left else []
        return "\n".join(
            [
                self.heading,
                "",
                plain(shown.reset_index(), index=False),
                *more,
                "",
                plain(_in_words(self._shown_tests()).rename_axis(None)),
                *self.notes,
            ]
        )

    def _shown_tests(self) -> "pd.DataFrame":
        """The tests under headings that say what they are."""
        title = "no effect of" if self.kind == "covariates" else "classes"
        return self.tests.rename(index=lambda name: name if name == "all alike" else f"{title} {name}")

    def __repr__(self) -> str:
        return f"<External: {self.heading}>"

    def _repr_html_(self) -> str:
        shown = self.estimates.reset_index()
        return (
            paragraphs([self.heading])
            + table(shown, lines="")
            + table(self._shown_tests(), lines="test")
            + paragraphs(self.notes)
        )


def _in_words(table: "pd.DataFrame") -> "pd.DataFrame":
    """Numbers as they are read."""
    p = [f"<{LEAST_P:.4f}" if value < LEAST_P else number(value) for value in table["p"]]
    return table.drop(columns="p").map(number).assign(p=p)[list(table.columns)]
