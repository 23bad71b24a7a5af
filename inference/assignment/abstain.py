"""Classify, but only where it is safe: rows without a clear component get no class."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from inference.assignment.calibration import checked_probabilities
from mixtures.checks import is_number
from mixtures.errors import ModelError, in_words

ABSTAINED = -1
"""The class of a row that is not classified."""


@dataclass(frozen=True, eq=False)
class Abstention:
    """Classes of the rows that are clear enough.

    Args:
        labels: the most probable component of each row, -1 where the rule abstains.
        threshold: the smallest probability at which a row is classified.
        kept: share of the rows that are classified.
        expected_error: expected share of wrong classes among them; NaN where none is kept.
        expected_error_of_all: the same without abstaining.
    """

    labels: Int[np.ndarray, " rows"]
    threshold: float
    kept: float
    expected_error: float
    expected_error_of_all: float

    def __str__(self) -> str:
        return (
            f"{self.kept:.1%} of {len(self.labels)} rows classified at probability >= {self.threshold:g}: expected error "
            f"{self.expected_error:.2%}, without abstaining {self.expected_error_of_all:.2%}"
        )


def abstain(probabilities: np.ndarray, *, threshold: float = 0.9) -> Abstention:
    """Classify the rows whose largest component probability reaches a threshold, and report the expected error.

    The expected errors are as accurate as the probabilities: see `calibration_table`. For a posterior, pass the
    responsibilities averaged over relabelled draws.

    Args:
        probabilities: P(assignment | row), (rows, components), such as `responsibilities` returns them.
        threshold: the smallest probability at which a row is classified, in (0, 1].

    Returns:
        An `Abstention`: each row's class, or -1, and the errors to be expected; a sentence when printed.

    Raises:
        DataError: the rows of `probabilities` do not sum to one.
        ModelError: a threshold outside (0, 1].

    Source: Chow (1970), IEEE Trans. Information Theory 16: this rule has the least error among all that abstain as
        often.

    Example:
        >>> import numpy as np
        >>> print(abstain(np.array([[0.98, 0.02], [0.4, 0.6], [0.05, 0.95]])))
        66.7% of 3 rows classified at probability >= 0.9: expected error 3.50%, without abstaining 15.67%
    """
    probabilities = checked_probabilities(probabilities)
    if not is_number(threshold) or not 0 < threshold <= 1:
        raise ModelError("threshold", got=in_words(threshold), expected="a probability in (0, 1]")
    largest = probabilities.max(axis=1)
    clear = largest >= threshold
    # P(wrong | row) = 1 - max_k P(k | row)
    errors = 1.0 - largest
    return Abstention(
        labels=np.where(clear, probabilities.argmax(axis=1), ABSTAINED),
        threshold=threshold,
        kept=float(clear.mean()),
        expected_error=float(errors[clear].mean()) if clear.any() else float("nan"),
        expected_error_of_all=float(errors.mean()),
    )
