"""The numbers of priors go with their sites' axes: one, or as many as an axis of the site is long."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from mixtures.errors import MixturesError, ModelError
from mixtures.families.members import parts_of, with_covariates
from mixtures.observations import Observations
from mixtures.ppl.notation import Notation, Symbol
from mixtures.rows import Rows

if TYPE_CHECKING:
    from mixtures.mixture import Mixture


def check_prior_numbers(mixture: "Mixture", x: Observations) -> None:
    """Check them by having all sites of a declaration drawn on paper.

    Raises:
        ModelError: more numbers than the site has, or as many as no axis of it is long.
    """
    table = mixture.priors
    if not any(np.ndim(value) for prior in table.values() for _, value in prior.parameters if isinstance(value, tuple)):
        return
    count = None if x.covariates is None else x.covariates.shape[1]
    covariates = Symbol("covariates[i]", shape=("n", count)) if mixture.needs_covariates else None
    family = with_covariates(mixture.family, count) if count else mixture.family

    def drawing(plate: tuple[int, ...]) -> Callable[..., Symbol]:
        def draw(site: str, *, shape: Any = (), event: Any = (), columns: Any = None, **_: Any) -> Symbol:
            whole = (*plate, *(shape if columns is None else (int(columns.max()) + 1,)), *event)
            for name, value in table[site].parameters:
                if isinstance(value, tuple):
                    _check_broadcasts(f"priors[{site!r}]: {name}", np.shape(value), whole)
            return Symbol(site)

        return draw

    try:
        mixture.assignment.draw(Notation(), drawing(()), mixture.components, Rows(None, covariates=covariates))
        family.shared(Notation(), drawing(()), x.features)
        parts_of(family).jointly(Notation(), drawing(()), mixture.components, x.features)
        family.per_component(Notation(), drawing((mixture.components,)), x.features)
    except MixturesError:
        raise
    except Exception:  # a user's family that does with its parameters what cannot be done on paper
        return


def _check_broadcasts(what: str, given: tuple[int, ...], whole: tuple[int, ...]) -> None:
    """Check that numbers of one shape can be repeated to that of a site."""
    try:
        fits = np.broadcast_shapes(given, whole) == whole
    except ValueError:
        fits = False
    if not fits:
        expected = f"one number, or an array of shape {whole}" + (f" or {whole[1:]}" if len(whole) > 1 else "")
        raise ModelError(what, got=f"an array of shape {given}", expected=expected if whole else "one number")
