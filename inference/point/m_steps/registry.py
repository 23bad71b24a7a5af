"""Which families have closed-form M-steps."""

from collections.abc import Callable
from typing import Any

from inference.engines.closed_form import ClosedForm
from inference.point.m_steps.gaussian import GaussianEM
from mixtures.families import Gaussian
from mixtures.families.covariance import structure

CLOSED_FORMS: dict[type, Callable[[Any], ClosedForm]] = {
    Gaussian: lambda family: GaussianEM(structure(family.covariance).code),
}
"""From a family's type to its closed form; a family that is not here has gradient M-steps."""


def closed_form(family: Any) -> ClosedForm | None:
    """The family's closed-form M-steps, if it has them."""
    make = CLOSED_FORMS.get(type(family))
    return None if make is None else make(family)
