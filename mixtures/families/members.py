"""What a family made of other families takes over from them: the optional parts of a family, with what they are where there are none.

A part is a method, a property or a `ClassVar` of the family's class. A field of its own that happens to have a part's name, such as
`components: int = 5` for the knots of a spline, is none: it is the family's own business.
"""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from mixtures.errors import check_part
from mixtures.families.family import Family
from mixtures.families.support import REAL, Support
from mixtures.ppl.protocol import Array


def check_family(what: str, value: Any) -> None:
    """Check that a part of a declaration is a family.

    Raises:
        ModelError: the class of a family, or something else; the text says what to write instead.
    """
    check_part(what, value, "emission", "a family, such as families.Gaussian()")


def part_of(family: Any, name: str, default: Any = None) -> Any:
    """An optional part of a family; `default` where it has none, or a field of that name.

    Example:
        >>> from mixtures.families import Gaussian, PerComponent
        >>> part_of(PerComponent([Gaussian(), Gaussian()]), "components"), part_of(Gaussian(), "components")
        (2, None)
    """
    is_field = dataclasses.is_dataclass(family) and name in (field.name for field in dataclasses.fields(family))
    return getattr(family, name) if hasattr(type(family), name) and not is_field else default


def needs_covariates(family: Family) -> bool:
    """Whether the family's rows depend on covariates."""
    return part_of(family, "needs_covariates", False)


def with_covariates(family: Family, count: int) -> Family:
    """The family for that number of covariates; itself where it has none."""
    return family.with_covariates(count) if needs_covariates(family) else family  # type: ignore[attr-defined]


def started(
    family: Family, x: np.ndarray, rows: np.ndarray, components: int, covariates: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Every site's value where optimisation starts, see `Family.start`."""
    extra = {"covariates": covariates} if needs_covariates(family) else {}
    return family.start(x, rows, components, **extra)


def support_of(family: Family) -> Support:
    """The values that the family can describe: a part, or a field that is a `Support`."""
    own = getattr(family, "support", REAL)
    return own if isinstance(own, Support) else REAL


def can_be(family: Family, x: Float[np.ndarray, "rows ..."], components: int) -> Bool[np.ndarray, "rows components"]:
    """Which rows could be of which component whatever the parameters; a missing cell (NaN) rules nothing out.

    A family whose components are bounded says so by a method `can_be(x, components)`; its bounds hold for no other family.
    """
    own = part_of(family, "can_be")
    return own(x, components) if own else np.ones((len(x), components), dtype=bool)


def distinct_components(family: Family) -> frozenset[int]:
    """The components that are not like the others, whatever the priors."""
    return part_of(family, "distinct_components", frozenset())


def bare_components(family: Family) -> frozenset[int]:
    """The components without parameters of their own, such as noise: that no row belongs to them is an answer too."""
    return part_of(family, "bare_components", frozenset())


def spare_sites(family: Family) -> frozenset[str]:
    """The sites of which one component's value is of no matter to the likelihood."""
    return part_of(family, "spare_sites", frozenset())


def circular_sites(family: Family) -> frozenset[str]:
    """The sites that are directions: angles on the real line, where those 2 pi apart are the same."""
    return part_of(family, "circular_sites", frozenset())


def linear_predictors(family: Family) -> tuple[tuple[str, str], ...]:
    """Pairs of sites, intercept and slope, of which rows depend on intercept + slope . covariates alone."""
    return part_of(family, "linear_predictors", ())


def jointly(family: Family) -> Callable[..., dict[str, Array]] | None:
    """How a family draws what its components have relative to each other, if they do: leading axis components, outside the plate."""
    return part_of(family, "jointly")


def fixed_components(families: Iterable[Family]) -> set[int]:
    """The numbers of components that families are bound to, where they have a member for each."""
    bound = (part_of(family, "components") for family in families)
    return {count for count in bound if count is not None}
