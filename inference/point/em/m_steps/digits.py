"""Which digits passes of EM lose: a log density is made there for speed, of terms that may be much larger than their sum."""

import numpy as np

from inference.point.em.closed_form import ClosedForm, State
from inference.point.em.m_steps.diagonal import LARGEST
from inference.point.em.m_steps.exponential_family import ExponentialFamilyEM
from inference.point.em.m_steps.gaussian import GaussianEM
from inference.point.em.m_steps.product import ProductEM, own_of


def keeps_digits(form: ClosedForm, state: State, x: np.ndarray) -> bool:
    """Whether the log densities that passes have at a state keep twelve digits.

    Args:
        form: the family's closed form; of one that is not known here, nothing is said.
        state: its parameters, and others.
        x: some rows that are like all, (columns, rows), in EM's coordinates.
    """
    if isinstance(form, ProductEM):
        return all(keeps_digits(part, own_of(state, column), x[cut]) for column, part, cut in form.cuts())
    if type(form) is GaussianEM:
        # from the centre, in the component's own standard deviations
        apart = np.einsum("kij,kj->ki", np.asarray(state["whiten"]), np.asarray(state["loc"]))
        return bool((apart**2).sum(axis=1).max() < LARGEST)
    if type(form) is ExponentialFamilyEM:
        return bool((np.abs(state["coefficients"]) @ np.abs(x).mean(axis=1)).max() < LARGEST)
    return False
