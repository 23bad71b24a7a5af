"""The optional parts of a family: declared in one value, with what they are where a family says nothing.

A class's other fields and methods are its own business, whatever their names: `components: int = 5` for the knots of a spline is no part.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from mixtures.among import EffectSites, LinearPredictor
from mixtures.families.support import REAL, Support
from mixtures.ppl.protocol import PPL, Array


def everything(x: Float[np.ndarray, "rows ..."], components: int) -> Bool[np.ndarray, "rows components"]:
    """Every row could be of every component."""
    return np.ones((len(x), components), dtype=bool)


def nothing(ppl: PPL, draw: Any, components: int, features: int | None) -> dict[str, Array]:
    """Components have nothing relative to each other."""
    return {}


def always(features: int | None) -> bool:
    """Whatever the number of columns."""
    return True


def never(features: int | None) -> bool:
    """With no number of columns."""
    return False


@dataclass(frozen=True)
class Parts:
    """The optional parts of a family.

    Args:
        support: the values that a cell can have.
        components: the number of components that the family is bound to, because it has a member for each; None: any.
        distinct_components: those that are not like the others, whatever the priors.
        parameter_free_components: those without parameters, such as noise: a fit in which no row belongs to them may be sound.
        redundant_sites: the sites of which one component's value is of no matter to the likelihood.
        circular_sites: the sites that are directions: angles on the real line, where those 2 pi apart are the same.
        linear_predictors: pairs of sites, intercept and slope, on which rows depend only through intercept + slope . covariates; of some of
            the covariates, a `mixtures.among.LinearPredictor`.
        with_covariates: number of covariates -> the family for them; None: rows do not depend on any.
        jointly: (ppl, draw, components, features) -> what the components have relative to each other, drawn outside the plate; leading
            axis components.
        observe: (ppl, parameters, x or None) -> observes a row at sites of the family's own; None: at `obs`, by its emission.
        can_be: (x, components) -> which rows could be of which component whatever the parameters, (rows, components); a missing cell (NaN)
            rules nothing out.
        covariances: (parameters, features) -> the components' covariance matrices, (..., components, features, features).
        point: a value that a share of the cells has by itself, which default priors and starts do not look at.
        takes: the known numbers of a row that its distribution depends on where there are some, `"trials"`, `"exposure"` or `"errors"`.
        needs: those of them that there must be.
        totals: whether a row's cells add up to its trials, which are then known from the row.
        ties_groups: whether rows of a group depend on each other given their component: only a law by which they share it can have them, and
            what a row adds to its group's density is no density of the row.
        effects: the sites of effects of groups, by which such rows hang together, and of the lines that these are around.
        has_distribution_function: features -> whether a cell may be known by bounds alone, or cut off at some: its emission then joins cells
            by `families.columns.joined`, and their distributions say `log_tails`.
        closed_form: EM's M-step, an `inference.point.em.closed_form.ClosedForm`; None: by gradients.

    Example:
        >>> from mixtures.families import Gaussian, PerComponent
        >>> PerComponent([Gaussian(), Gaussian()]).parts().components, Gaussian().parts().components
        (2, None)
    """

    support: Support = REAL
    components: int | None = None
    distinct_components: frozenset[int] = frozenset()
    parameter_free_components: frozenset[int] = frozenset()
    redundant_sites: frozenset[str] = frozenset()
    circular_sites: frozenset[str] = frozenset()
    linear_predictors: tuple[tuple[str, str] | LinearPredictor, ...] = ()
    with_covariates: Callable[[int], Any] | None = None
    jointly: Callable[..., dict[str, Array]] = nothing
    observe: Callable[[PPL, dict[Any, Array], Array | None], Any] | None = None
    can_be: Callable[[np.ndarray, int], np.ndarray] = everything
    covariances: Callable[..., np.ndarray] | None = None
    point: float | None = None
    takes: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    totals: bool = False
    ties_groups: bool = False
    effects: tuple[EffectSites, ...] = ()
    has_distribution_function: Callable[[int | None], bool] = never
    closed_form: Any | None = None

    @property
    def needs_covariates(self) -> bool:
        """Whether rows depend on covariates."""
        return self.with_covariates is not None

    def renamed(self, name: Callable[[str], str]) -> "Parts":
        """The parts of a family whose sites stand under other names, in a family that it is a member of."""
        return replace(
            self,
            redundant_sites=frozenset(map(name, self.redundant_sites)),
            circular_sites=frozenset(map(name, self.circular_sites)),
            linear_predictors=tuple(LinearPredictor(*one).renamed(name) for one in self.linear_predictors),
            effects=tuple(one.renamed(name) for one in self.effects),
        )


def of_members(members: Iterable[Parts]) -> Parts:
    """What members say of their sites, together; what they say of components and rows is for the family made of them to combine."""
    each = list(members)
    return Parts(
        redundant_sites=frozenset().union(*(parts.redundant_sites for parts in each)),
        circular_sites=frozenset().union(*(parts.circular_sites for parts in each)),
        linear_predictors=tuple(pair for parts in each for pair in parts.linear_predictors),
        takes=frozenset().union(*(parts.takes for parts in each)),
        needs=frozenset().union(*(parts.needs for parts in each)),
        ties_groups=any(parts.ties_groups for parts in each),
        effects=tuple(one for parts in each for one in parts.effects),
    )
