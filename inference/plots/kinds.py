"""What kind of values a column has: each kind has a picture of its own."""

from typing import Any, Literal

import numpy as np
import xarray as xr

from inference.assignment.density import noise_of, program_in
from inference.backends import engine
from inference.draws import backend_of
from inference.frames import components_of
from inference.plots.palette import Look, looks
from mixtures import Observations
from mixtures.errors import ModelError
from mixtures.families import Bernoulli, Categorical, Ordinal, PerComponent, WithNoise
from mixtures.families.by_column import families_by_column
from mixtures.families.members import parts_of
from mixtures.families.support import REAL, Support
from mixtures.families.whole_rows import WholeRows

Kind = Literal["measurement", "count", "category", "direction", "response", "share"]
"""Numbers on a line; whole numbers; names; angles; what depends on covariates; how many of each category in a row."""

MOST_CATEGORIES = 200
"""Names that are looked for in a support."""


def looks_of(result: Any, x: Observations) -> list[Look]:
    """The looks of a result's components.

    Raises:
        ModelError: a program with several assignments a row, or none.
    """
    program = program_in(result)
    if program.mixture is not None:
        return looks(program.mixture.components, noise_of(program), components_of(result))
    assignments = _sites(result, x).assignments
    if len(assignments) != 1:
        raise ModelError(
            "fit", got=f"a program with {len(assignments)} assignments a row", expected="one assignment a row"
        )
    return looks(assignments[0].categories, names=components_of(result))


def kinds_of(result: Any, x: Observations) -> list[Kind]:
    """The kind of each column."""
    mixture = program_in(result).mixture
    if mixture is None:
        observed = [site for site in _sites(result, x).all if site.kind == "observed"]
        is_discrete = all(site.is_discrete for site in observed)
        return ["count" if is_discrete else "measurement"] * (x.features or 1)
    return [_kind(family) for family in families_by_column(mixture.family, x.features or 1)]


def supports_of(result: Any, x: Observations) -> list[Support | None]:
    """The support of each column; None where all that is known is that it is not the whole line."""
    mixture = program_in(result).mixture
    if mixture is None:
        is_real = all(site.is_real for site in _sites(result, x).all if site.kind == "observed")
        return [REAL if is_real else None] * (x.features or 1)
    return [parts_of(family).support for family in families_by_column(mixture.family, x.features or 1)]


def categories_of(support: Support | None) -> np.ndarray:
    """The whole numbers that name categories, (categories,)."""
    assert support is not None  # of a family that knows its categories
    values = np.arange(float(MOST_CATEGORIES))
    return values[support.holds(values)]


def _sites(result: Any, x: Observations) -> Any:
    backend = backend_of(result) if isinstance(result, xr.DataTree) else result.backend
    return engine(backend).sites(program_in(result), x)


def _kind(family: Any) -> Kind:
    parts = parts_of(family)
    while isinstance(family, WithNoise | PerComponent):
        family = family.family if isinstance(family, WithNoise) else family.members[-1]
    if parts.needs_covariates:
        return "response"
    if isinstance(family, Bernoulli | Categorical | Ordinal):
        return "category"
    if isinstance(family, WholeRows):
        return "share"
    if parts.circular_sites:
        return "direction"
    return "count" if parts.support.is_discrete else "measurement"
