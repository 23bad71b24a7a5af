"""How families are asked, by mixtures and by families made of others: a user's own need not be of the class `Family`."""

from dataclasses import fields
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from mixtures.errors import ModelError, check_dataclass, check_part, in_words
from mixtures.families.family import Family
from mixtures.families.parts import Parts

PARTS = frozenset(field.name for field in fields(Parts)) | {"needs_covariates", "bare_components", "spare_sites"}
"""What a family may say in `parts`, and what was said by attributes of its class before there was such a method."""

METHODS = sorted(Family.__abstractmethods__)
"""What every family says."""


def check_family(what: str, value: Any) -> None:
    """Check that a part of a declaration is a family.

    Raises:
        ModelError: the class of a family, something else, a class that is no dataclass or lacks a method or a field `priors`, a family that
            states a part where none is looked for, or parts of sites that it does not have; the text says what to write instead.
    """
    check_part(what, value, "emission", "a family, such as families.Gaussian()")
    name = type(value).__name__
    if missing := [method for method in METHODS if not hasattr(value, method)]:
        raise ModelError(what, got=f"a {name} without {', '.join(missing)}", expected="all that families.Family lists")
    check_dataclass(what, value)
    if not any(field.name == "priors" for field in fields(value)):
        raise ModelError(
            what,
            got=f"a {name} without a field `priors`",
            expected="a field in which a user's priors stand, and the numbers of priors that are scaled to the data",
            advice="Add priors: GivenPriors = (), and give back override(DEFAULTS, self.priors) from priors_by_site.",
        )
    if unread := _unread_parts(value):
        derive = "Return it" if isinstance(value, Family) else "Derive from families.Family, and return it"
        raise ModelError(
            what,
            got=f"a {name} with an attribute {unread[0]!r} of its class, which nothing reads",
            expected="optional parts in one value",
            advice=f"{derive} in families.Parts(...) from the method `parts`; or give the attribute another name.",
        )
    _check_sites(what, value)


def _unread_parts(family: Any) -> list[str]:
    """Parts that a class states by attributes beyond those that its method `parts` knows of."""
    own = {field.name for field in fields(family)}
    stated: set[str] = set()
    for kind in type(family).__mro__:
        if issubclass(kind, Family) and "parts" in vars(kind):
            return sorted(name for name in stated if not hasattr(kind, name))
        stated |= (PARTS & vars(kind).keys()) - own
    return sorted(stated)


def _check_sites(what: str, family: Any) -> None:
    """Check that the sites that parts speak of are the family's."""
    parts = parts_of(family)
    named = {
        *parts.redundant_sites,
        *parts.circular_sites,
        *(site for one in parts.linear_predictors for site in one[:2] if site is not None),
    }
    if unknown := sorted(named - set(family.priors_by_site)):
        raise ModelError(
            what,
            got=f"parts of a site {unknown[0]!r}",
            expected=f"sites among {', '.join(map(repr, family.priors_by_site))}, in a set of their names",
        )


def parts_of(family: Any) -> Parts:
    """The optional parts of a family; those of one that is not derived from `Family` say nothing."""
    if not isinstance(family, Family):
        return Parts()
    found = family.parts()
    if not isinstance(found, Parts):
        raise ModelError(
            "family", got=f"{in_words(found)} from {type(family).__name__}.parts", expected="a families.Parts(...)"
        )
    return found


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
