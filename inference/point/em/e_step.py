"""The E-step on one block of rows: array code, `xp` is the namespace of NumPy, JAX or torch."""

from collections.abc import Callable
from typing import Any, NamedTuple

from inference.point.em.closed_form import Array, State, Statistics
from inference.point.em.mixture_em import MixtureEM
from inference.point.em.shares import shares_of

LIKELIHOODS = "likelihoods"
"""Among the statistics of a pass that was asked for it: the log likelihood and the classification log likelihood, (2,)."""


class Block(NamedTuple):
    """Some rows, as EM passes over them.

    Args:
        x: (columns, rows), in EM's coordinates.
        row_weights: (rows,); multiply a row's log likelihood. None: 1.
        labels: (rows,), the known component of a row or -1. None: all unknown.
    """

    x: Array
    row_weights: Array | None = None
    labels: Array | None = None


def e_step(
    xp: Any,
    closed: MixtureEM,
    state: State,
    rows: Block,
    is_hard: bool,
    with_likelihoods: bool = False,
) -> tuple[Array, Statistics]:
    """One pass over a block: its objective, and what the M-step needs to know of it.

    Args:
        xp: the array namespace.
        closed: the family's closed form.
        state: the current parameters.
        rows: the block.
        is_hard: whether each row goes to its most probable component alone (classification EM).
        with_likelihoods: whether statistics have `LIKELIHOODS` beside, of which the objective is one; of independent rows.
    """
    x, row_weights, labels = rows
    if closed.law.follows:
        return over_paths(
            xp,
            closed,
            state,
            rows,
            lambda table, law_columns: closed.over_paths(xp, state, table, law_columns, is_hard, row_weights),
        )
    log_joint, seen = closed.log_joint(xp, state, x)
    table = with_labels(xp, log_joint, labels)
    responsibilities, log_likelihood = shares_of(xp, table, is_hard)
    if row_weights is not None:
        responsibilities = responsibilities * row_weights
        log_likelihood = log_likelihood * row_weights
    objective, statistics = xp.sum(log_likelihood), closed.statistics(xp, responsibilities, x, seen)
    if with_likelihoods:
        of_rows = shares_of(xp, table, False)[1] if is_hard else xp.max(table, axis=0)
        other = xp.sum(of_rows if row_weights is None else of_rows * row_weights)
        statistics[LIKELIHOODS] = xp.stack([other, objective] if is_hard else [objective, other])
    return objective, statistics


def with_labels(xp: Any, log_density: Array, labels: Array | None) -> Array:
    """The table, (components, rows), in which known components exclude the others."""
    if labels is None:
        return log_density
    numbers = xp.arange(log_density.shape[0])[:, None]
    return xp.where((labels >= 0) & (labels != numbers), -xp.inf, log_density)


def over_paths(
    xp: Any,
    closed: MixtureEM,
    state: State,
    rows: Block,
    summed: Callable[[Array, Array], tuple[Array, Array, Statistics]],
) -> tuple[Array, Statistics]:
    """The pass over all rows of chains, or groups; a row of weight 0 is one at which nothing was seen.

    Args:
        xp, closed, state, rows: as for `e_step`.
        summed: (log p(x_i | assignment_i = k), (components, rows), all columns) -> what `PathForm.over_paths` returns.
    """
    own = closed.cut(rows.x)[0]
    log_density, seen = closed.family.log_density(xp, state, own)
    if rows.row_weights is not None:
        log_density = xp.where(rows.row_weights > 0, log_density, xp.zeros_like(log_density))
    log_density = with_labels(xp, log_density, rows.labels)
    log_likelihood, responsibilities, moved = summed(log_density, rows.x)
    if rows.row_weights is not None:
        responsibilities = responsibilities * rows.row_weights
    occupancy = xp.sum(responsibilities, axis=-1)
    return log_likelihood, {"rows": occupancy, **closed.family.statistics(xp, responsibilities, own, seen), **moved}


def with_prior(
    xp: Any, closed: MixtureEM, state: State, objective: Array, statistics: Statistics, pseudo: Statistics
) -> tuple[Array, Statistics]:
    """The objective and the statistics with the prior, known by the statistics of the rows that it stands for."""
    return (
        objective + closed.log_prior(xp, state, pseudo),
        {name: value + pseudo[name] for name, value in statistics.items()},
    )
