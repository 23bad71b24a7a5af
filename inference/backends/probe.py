"""A program and its data, which can be asked for the terms of its density: what structure and exchange are read off."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from inference.backends.structure import Assigned, Choice, Term, Terms

POINTS = 2
"""Parameter values drawn from the prior, at which terms are compared: a dependence is missed only if it shows at none."""

SPREADS = (1.0, 1.0, 3.0, 3.0, 10.0, 10.0)
"""Spreads, in unconstrained coordinates, of further parameter values: where the prior lies, data may be impossible, or a maximum be flat."""


class Probe(Protocol):
    """A program and its data, which can be asked for terms; a backend's.

    Attributes:
        terms: its terms, in the program's order.
        choices: its assignment sites.
        data: the arrays that are data, by name, each with an entry a row; `x` is one.
        points: parameter values, `POINTS` drawn from the prior, then some further apart, see `SPREADS`.
    """

    terms: tuple[Term, ...]
    choices: tuple[Choice, ...]
    data: dict[str, np.ndarray]
    points: Sequence[Assigned]

    def at(self, parameters: Assigned, assigned: Assigned, data: Assigned | None = None) -> Terms:
        """The terms at parameters and at assignments of any shape; of other data in place of the program's, where given."""
        ...
