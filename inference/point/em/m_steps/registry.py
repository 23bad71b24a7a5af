"""Which families have closed-form M-steps."""

from collections.abc import Callable
from typing import Any

from inference.point.em.closed_form import ClosedForm
from inference.point.em.m_steps.exponential_family import ExponentialFamilyEM
from inference.point.em.m_steps.gaussian import GaussianEM
from inference.point.em.m_steps.product import ProductEM
from inference.point.em.m_steps.rates import Rates
from inference.point.em.m_steps.shares import Shares
from mixtures.families import (
    Bernoulli,
    Binomial,
    Categorical,
    Exponential,
    Gaussian,
    LogNormal,
    Multinomial,
    Poisson,
    Product,
)
from mixtures.families.covariance import structure
from mixtures.families.members import parts_of
from mixtures.families.product import site_of

CLOSED_FORMS: dict[type, Callable[[Any], ClosedForm | None]] = {
    Gaussian: lambda family: GaussianEM(structure(family.covariance).code),
    LogNormal: lambda family: GaussianEM("VVI", of_logarithm=True),
    Poisson: lambda family: ExponentialFamilyEM(Rates(is_waiting=False)),
    Exponential: lambda family: ExponentialFamilyEM(Rates(is_waiting=True)),
    Bernoulli: lambda family: ExponentialFamilyEM(Shares("successes")),
    Binomial: lambda family: ExponentialFamilyEM(Shares("successes", trials=family.total_count)),
    Categorical: lambda family: ExponentialFamilyEM(Shares("category", categories=family.categories)),
    Multinomial: lambda family: ExponentialFamilyEM(Shares("count", trials=family.total_count)),
    Product: lambda family: _product(family),
}
"""From a family's type to its closed form. A family that is not here brings its own, see `mixtures.families.Parts`, or has gradient M-steps."""


def closed_form(family: Any) -> ClosedForm | None:
    """The family's closed-form M-steps, if it has them."""
    make = CLOSED_FORMS.get(type(family))
    return parts_of(family).closed_form if make is None else make(family)


def _product(family: Product) -> ClosedForm | None:
    """Closed only if every column's family is."""
    parts = [(site_of(name), closed_form(column)) for name, column in family.pairs]
    found = tuple((name, part) for name, part in parts if part is not None)
    return ProductEM(found) if len(found) == len(parts) else None
