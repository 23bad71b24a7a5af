"""Rows filled up to one of few numbers, with rows that do not count, so that data of about as many share a compiled program."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from inference.backends.run_arguments import ROW_WEIGHTS, rows_of
from inference.backends.sites import Sites

FEWEST = 8
"""Numbers of rows are filled up to multiples of this at least."""

SIZES_AN_OCTAVE = 16
"""To how many numbers of rows those between one power of two and the next are filled up: a sixteenth more at most."""

MOST = 20_000
"""Rows of which a program takes longer to run than to compile."""


def filled_number(rows: int) -> int:
    """To how many rows so many are filled up."""
    step = max(FEWEST, (1 << (rows - 1).bit_length()) // (2 * SIZES_AN_OCTAVE))
    return rows + -rows % step


def filled(data: Mapping[str, Any], rows: int) -> dict[str, Any]:
    """The run arguments with so many rows: the first one again, without weight. Where rows had no weights, a flag says which count."""
    own = len(data["x"])
    first = np.append(np.arange(own), np.zeros(rows - own, dtype=int))
    weights = data.get(ROW_WEIGHTS, np.ones(own, dtype=bool))
    return {**rows_of(data, first), ROW_WEIGHTS: np.append(weights, np.zeros(rows - own, weights.dtype))}


def filled_up(data: Mapping[str, Any], sites: Sites) -> tuple[dict[str, Any], Sites]:
    """The run arguments and sites that densities are compiled for: filled up where rows are few, and nothing but their own terms is of them.

    Linear predictors have coordinates that depend on all rows; what is known of a user's own program is known of its data.
    """
    rows = len(data["x"])
    is_plain = sites.has_hub and sites.is_row_wise and sites.structure is None
    if not is_plain or sites.has_prior_in_rows or sites.predictors or rows > MOST:
        return dict(data), sites
    more = filled_number(rows)
    return filled(data, more), replace(sites, all=tuple(site.with_rows(more) for site in sites.all))
