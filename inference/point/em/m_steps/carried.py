"""Statistics of rows told from one state, as they are told from another: what running averages of them need, while parameters move.

Gaussians alone tell theirs from the state, of y = W (x - mu) with W = R^-1. From another state, y' = A y + b with A = W' R, b = W' (mu - mu').
"""

import numpy as np

from inference.point.em.closed_form import ClosedForm, State, Statistics
from inference.point.em.m_steps.exponential_family import ExponentialFamilyEM
from inference.point.em.m_steps.gaussian import GaussianEM
from inference.point.em.m_steps.product import ProductEM, named, own_of


def can_be_carried(form: ClosedForm) -> bool:
    """Whether it is known how statistics depend on the state."""
    if isinstance(form, ProductEM):
        return all(can_be_carried(part) for _, part in form.parts)
    return type(form) in (GaussianEM, ExponentialFamilyEM)


def carried(form: ClosedForm, statistics: Statistics, state: State, to: State) -> Statistics:
    """Statistics of rows, told from a state, as they are told from another.

    Args:
        form: one that `can_be_carried`.
        statistics: NumPy arrays; `rows`, and of the family.
        state: what they are told from.
        to: what they shall be told from.
    """
    return statistics | _moved(form, statistics, state, to)


def _moved(form: ClosedForm, statistics: Statistics, state: State, to: State) -> Statistics:
    """Those of them that depend on the state."""
    if isinstance(form, ProductEM):
        found: Statistics = {}
        for column, part in form.parts:
            own = own_of(statistics, column) | {"rows": statistics["rows"]}
            found |= named(_moved(part, own, own_of(state, column), own_of(to, column)), column)
        return found
    if not isinstance(form, GaussianEM):
        return {}
    rows = statistics["rows"][:, None]
    turn = to["whiten"] @ state["root"]
    shift = np.einsum("kij,kj->ki", to["whiten"], state["loc"] - to["loc"])
    turned = np.einsum("kij,kj->ki", turn, statistics["sum"])
    across = turned[:, :, None] * shift[:, None, :]
    square = turn @ statistics["square"] @ turn.swapaxes(1, 2) + across + across.swapaxes(1, 2)
    return {"sum": turned + rows * shift, "square": square + (rows * shift)[:, :, None] * shift[:, None, :]}
