"""How families are asked, by mixtures and by families made of others: a user's own need not be of the class `Family`."""

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from mixtures.errors import ModelError, check_part
from mixtures.families.family import Family
from mixtures.families.parts import Parts

FORMER_PARTS = frozenset(
    field.name for field in fields(Parts) if field.name not in {"closed_form", "parameter_free_components", "redundant_sites"}
) | {"needs_covariates", "bare_components", "spare_sites"}  # fmt: skip
"""Attributes of a family's class that were parts before `Family.parts`."""


def check_family(what: str, value: Any) -> None:
    """Check that a part of a declaration is a family.

    Raises:
        ModelError: the class of a family, something else, or a family that states a part where none is looked for; the text says what to
            write instead.
    """
    check_part(what, value, "emission", "a family, such as families.Gaussian()")
    if unread := _unread_parts(value):
        raise ModelError(
            what,
            got=f"a {type(value).__name__} with an attribute {unread[0]!r} of its class, which nothing reads",
            expected="optional parts in one value",
            advice="Derive from families.Family and return families.Parts(...) from a method `parts`; or give the attribute another name.",
        )


def _unread_parts(family: Any) -> list[str]:
    """Parts that a class states by attributes, as was done formerly, beyond those that its method `parts` knows of."""
    own = {field.name for field in fields(family)} if is_dataclass(family) else set()
    stated: set[str] = set()
    for kind in type(family).__mro__:
        if issubclass(kind, Family) and "parts" in vars(kind):
            return sorted(name for name in stated if not hasattr(kind, name))
        stated |= (FORMER_PARTS & vars(kind).keys()) - own
    return sorted(stated)


def parts_of(family: Any) -> Parts:
    """The optional parts of a family; those of one that is not derived from `Family` say nothing."""
    return family.parts() if isinstance(family, Family) else Parts()


def with_covariates(family: Family, count: int) -> Family:
    """The family for that number of covariates; itself where it does not depend on any."""
    bind = parts_of(family).with_covariates
    return family if bind is None else bind(count)


def started(
    family: Family, x: np.ndarray, rows: np.ndarray, components: int, covariates: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Every site's value where optimisation starts, see `Family.start`."""
    extra = {"covariates": covariates} if parts_of(family).needs_covariates else {}
    return family.start(x, rows, components, **extra)


def can_be(family: Family, x: Float[np.ndarray, "rows ..."], components: int) -> Bool[np.ndarray, "rows components"]:
    """Which rows could be of which component, see `Parts`."""
    return parts_of(family).can_be(x, components)
