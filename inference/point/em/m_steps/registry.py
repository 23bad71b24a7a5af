"""Which families have closed-form M-steps."""

from collections.abc import Callable
from typing import Any

import numpy as np

from inference.point.em.closed_form import ClosedForm, LawForm
from inference.point.em.m_steps.chain import ChainEM
from inference.point.em.m_steps.chain_gating import ChainGatingEM
from inference.point.em.m_steps.constant_weights import ConstantWeights
from inference.point.em.m_steps.errors import ErrorsGaussianEM
from inference.point.em.m_steps.exponential_family import ExponentialFamily, ExponentialFamilyEM
from inference.point.em.m_steps.factors import FactorEM
from inference.point.em.m_steps.gating import GatingEM
from inference.point.em.m_steps.gaussian import GaussianEM
from inference.point.em.m_steps.group_classes import GroupClassesEM
from inference.point.em.m_steps.groups import GroupsEM
from inference.point.em.m_steps.missing import MissingGaussianEM, most_missing
from inference.point.em.m_steps.multinomial_regression import MultinomialRegressionEM
from inference.point.em.m_steps.product import ProductEM
from inference.point.em.m_steps.rates import Rates
from inference.point.em.m_steps.regression import RegressionEM
from inference.point.em.m_steps.shares import Shares
from mixtures.assignments import Dirichlet, Gating, GroupClasses, Markov, MarkovGating, PerGroup
from mixtures.errors import ModelError
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
    Regression,
)
from mixtures.families.covariance import Structure, structure
from mixtures.families.members import parts_of
from mixtures.families.product import site_of
from mixtures.observations import Observations

CLOSED_FORMS: dict[type, Callable[[Any], ClosedForm | None]] = {
    Gaussian: lambda family: _gaussian(structure(family.covariance)),
    LogNormal: lambda family: GaussianEM("VVI", of_logarithm=True),
    Poisson: lambda family: ExponentialFamilyEM(Rates(is_waiting=False)),
    Exponential: lambda family: ExponentialFamilyEM(Rates(is_waiting=True)),
    Bernoulli: lambda family: ExponentialFamilyEM(Shares("successes")),
    Binomial: lambda family: (
        None if family.total_count is None else ExponentialFamilyEM(Shares("successes", trials=family.total_count))
    ),
    Categorical: lambda family: ExponentialFamilyEM(Shares("category", categories=family.categories)),
    Multinomial: lambda family: ExponentialFamilyEM(Shares("count", trials=family.total_count or 1)),
    Regression: lambda family: _regression(family),
    Product: lambda family: _product(family),
}
"""From a family's type to its closed form. A family that is not here brings its own, see `mixtures.families.Parts`, or has gradient M-steps."""


LAWS: dict[type, Callable[[Any, int], LawForm | None]] = {
    Dirichlet: lambda law, covariates: ConstantWeights(),
    Gating: lambda law, covariates: GatingEM(len(law.among.of(covariates)), law.among),
    Markov: lambda law, covariates: _of_chain(law),
    MarkovGating: lambda law, covariates: ChainGatingEM(
        len(law.among.of(covariates)), law.initial == "uniform", law.among
    ),
    GroupClasses: lambda law, covariates: GroupClassesEM(law.classes),
    PerGroup: lambda law, covariates: None if (own := closed_law(law.weights, covariates)) is None else GroupsEM(own),
}
"""From a law's type to its M-step, given the law and the number of covariates."""


def closed_law(law: Any, covariates: int) -> LawForm | None:
    """The M-step of a law of the assignment, if it has one."""
    make = LAWS.get(type(law))
    return None if make is None else make(law, covariates)


def _of_chain(law: Markov) -> ChainEM:
    return ChainEM(law.initial if isinstance(law.initial, str) else "free")


def for_missing(form: ClosedForm, observed: np.ndarray) -> ClosedForm:
    """The M-steps where cells are missing, if there are such; else the same, which takes only complete rows."""
    if isinstance(form, ProductEM):  # of each column one cell
        return ProductEM(tuple((name, for_missing(part, observed[:, :1])) for name, part in form.parts))
    if type(form) is not GaussianEM:
        return form
    return MissingGaussianEM(form.code, form.of_logarithm, most_missing(observed))


def for_known(form: ClosedForm, x: Observations) -> ClosedForm | None:
    """The M-steps of rows of which more is known than their cells, if there are such: of errors, where no cell is missing."""
    if type(form) is not GaussianEM or set(x.known_of_cells) != {"errors"} or x.observed is not None:
        return None
    return ErrorsGaussianEM(form.code, is_full=x.errors.ndim == 3)


def closed_form(family: Any) -> ClosedForm | None:
    """The family's closed-form M-steps, if it has them."""
    make = CLOSED_FORMS.get(type(family))
    return _brought(family) if make is None else make(family)


def _brought(family: Any) -> ClosedForm | None:
    """What the family itself brings.

    Raises:
        ModelError: no closed form.
    """
    found = parts_of(family).closed_form
    if isinstance(found, ExponentialFamily):
        name = type(found).__name__
        raise ModelError(
            "closed_form", got=f"a {name}", expected="EM's M-step", advice=f"ExponentialFamilyEM({name}(...))."
        )
    return found


def is_slow(form: ClosedForm) -> bool:
    """Whether EM takes many small steps near its maximum, since much is unseen, and a gradient gets there sooner."""
    return isinstance(form, FactorEM | ErrorsGaussianEM)


def is_brought(family: Any) -> bool:
    """Whether the M-step, or a column's, comes with the family, so that nobody here has tested it."""
    if type(family) is Product:
        return any(is_brought(column) for _, column in family.pairs)
    return type(family) not in CLOSED_FORMS


def _gaussian(form: Structure) -> GaussianEM:
    return FactorEM(form.code, factors=form.factors) if form.factors else GaussianEM(form.code)


def _regression(family: Regression) -> ClosedForm | None:
    """Closed, or by Newton's steps."""
    if family.kind == "multinomial":
        assert family.covariates is not None  # bound to the data
        assert family.categories is not None  # the family has checked
        count = len(family.among.of(family.covariates))
        return MultinomialRegressionEM(family.categories - 1, count, family.among)
    has_one = family.kind in ("gaussian", "poisson", "bernoulli") and not family.common and family.random is None
    if not has_one:
        return None
    assert family.covariates is not None  # bound to the data
    return RegressionEM(family.kind, len(family.among.of(family.covariates)), family.among)


def _product(family: Product) -> ClosedForm | None:
    """Closed only if every column's family is."""
    parts = [(site_of(name), closed_form(column)) for name, column in family.pairs]
    found = tuple((name, part) for name, part in parts if part is not None)
    return ProductEM(found) if len(found) == len(parts) else None
