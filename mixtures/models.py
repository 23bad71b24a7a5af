"""Ready-made model functions: a declaration in one call."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mixtures import families
from mixtures.assignments import Assignment, Dirichlet, Gating, Markov, PerGroup
from mixtures.checks import check_count
from mixtures.errors import ModelError
from mixtures.families.common import by_number
from mixtures.formula import Formula
from mixtures.mixture import Mixture
from mixtures.observations import Observations
from mixtures.priors import Prior, Priors, freeze

Given = Mapping[str, Prior] | Priors | None
"""`{site: prior}` in place of a family's defaults."""


def gaussian_mixture(
    components: int, covariance: str = "full", weights: Assignment | None = None, priors: Given = None
) -> Mixture:
    """A mixture of Gaussians, for data of shape (rows,) or (rows, features).

    Sites are `weights` (components,), `loc` (components[, features]), and what the covariance structure asks for, K components and d
    features, p = d (d - 1) / 2 planes::

        EII              scale ()
        VII  spherical   scale (K,)
        EEI              scale (d,)
        VEI              scale (d,)    log_volume (K,)
        EVI              scale (d,)    log_shape (K, d)
        VVI  diag        scale (K, d)
        EEE  tied        scale (d,)    correlation_cholesky (d, d)
        VEE              scale (d,)    correlation_cholesky (d, d)       log_volume (K,)
        EVE              scale (d,)    orientation (p,)                  log_shape (K, d)
        VVE              scale (K, d)  orientation (p,)
        EEV              scale (d,)    orientation (K, p)
        VEV              scale (d,)    orientation (K, p)                log_volume (K,)
        EVV              scale (d,)    correlation_cholesky (K, d, d)    log_shape (K, d)
        VVV  full        scale (K, d)  correlation_cholesky (K, d, d)

    With one variable, shape (rows,), there are two structures: E (and every code that begins with E, and `"tied"`) has one `scale` (),
    V (and the others) one for each component, `scale` (K,). What each site means is said in `families.Gaussian`.

    Args:
        components: the number of components.
        covariance: `"full"`, `"tied"`, `"diag"`, `"spherical"`, one of mclust's codes, or `"factor-1"`, `"factor-2"`, ... for many columns, see
            `mixtures.families.Gaussian`.
        weights: how the mixing weights are drawn; the default is `Dirichlet(1.0)`.
        priors: `{site: prior}` in place of the defaults, which are scaled to the data; those of sites that the structure does not have play no
            part.

    Returns:
        The declaration; `print` shows it in statistical notation.

    Raises:
        ModelError: `components` is not an int >= 1.
        ChoiceError: unknown covariance or site.

    Example:
        >>> from mixtures import priors, weights
        >>> model = gaussian_mixture(2, covariance="tied", weights=weights.Dirichlet(0.5),
        ...                          priors={"loc": priors.Normal(0.0, 10.0), "scale": priors.LogNormal(0.0, 2.0),
        ...                                  "correlation_cholesky": priors.LKJCholesky(1.0)})
        >>> print(model)
        A mixture of 2 components
        <BLANKLINE>
            weights       ~ Dirichlet(0.5)
            scale         ~ LogNormal(0, 2)
            loc[k]        ~ Normal(0, 10)
            assignment[i] ~ Categorical(weights)
            obs[i]        ~ Normal(loc[assignment[i]], scale)
        <BLANKLINE>
            k = 1, ..., 2; i = 1, ..., n
    """
    return _mixture(components, families.Gaussian(covariance, priors=priors), weights)


def student_t_mixture(
    components: int,
    df: float | None = None,
    covariance: str = "full",
    weights: Assignment | None = None,
    priors: Given = None,
) -> Mixture:
    """A mixture of Student's t: like Gaussians, but robust to outliers. See `families.StudentT`.

    Args:
        components: the number of components.
        df: degrees of freedom; None: learned, one for each component.
        covariance: how scale matrices vary, as for `gaussian_mixture`.
        weights: how the mixing weights are drawn; the default is `Dirichlet(1.0)`.
        priors: `{site: prior}` in place of the defaults.

    Example:
        >>> student_t_mixture(2).family.df is None
        True
    """
    return _mixture(components, families.StudentT(df, covariance, priors=priors), weights)


def hidden_markov(
    components: int,
    family: families.Family | None = None,
    *,
    initial: Any = 1.0,
    transition: Any = 1.0,
) -> Mixture:
    """A hidden Markov chain: rows in the order of time, each row's component (state) depending on that of the row before.

    Sites are `transition` (components, components), `initial` (components,), and those of the family.

    Args:
        components: the number of states.
        family: what a row looks like given its state; the default is `families.Gaussian()`.
        initial: the probabilities of a series' first state: `"stationary"`, `"uniform"`, or the Dirichlet concentration of their prior.
        transition: the Dirichlet concentration of each row of the transition matrix, a number or a matrix (components, components); for
            persistent states, `1.0 + 9.0 * np.eye(components)` say.

    Returns:
        The declaration, a `Mixture` whose law of the assignment is `assignments.Markov`. Data of several series:
        `Observations(x, sequence=...)`.

    Raises:
        ModelError: `components` is not an int >= 1, or a bad concentration.

    Example:
        >>> from mixtures.families import Poisson
        >>> print(hidden_markov(2, Poisson(), initial="stationary"))
        A hidden Markov chain of 2 components
        <BLANKLINE>
            transition[k] ~ Dirichlet(1)
            rate[k]       ~ Gamma(2, 1/mean(x))
            assignment[1] ~ Categorical(stationary(transition)), in each series
            assignment[i] ~ Categorical(transition[assignment[i-1]])
            obs[i]        ~ Poisson(rate[assignment[i]])
        <BLANKLINE>
            k = 1, ..., 2; i = 1, ..., n
    """
    return Mixture(components, families.Gaussian() if family is None else family, Markov(transition, initial))


def latent_class(components: int, categories: Any, weights: Assignment | None = None, priors: Given = None) -> Mixture:
    """Latent class analysis: several categorical columns, independent given the class (Lazarsfeld & Henry 1968).

    Args:
        components: the number of classes.
        categories: how many categories the columns have, numbered from 0: one number for all columns, or one for each. Or the table itself,
            whose names are counted: a DataFrame of categoricals, texts, truth values, or numbers from 0.
        weights: how the class shares are drawn; the default is `Dirichlet(1.0)`.
        priors: `{site: prior}` in place of the defaults. With one number of categories, or columns of the same names, the site is `probs`,
            shape (components, features, categories); with several `item0_probs`, `item1_probs`, ..., or the columns' names in their place.

    Returns:
        The declaration. Columns of different numbers of categories are called item0, item1, ...: pass an array, or the table here, or name
        them with `families.Product` yourself.

    Example:
        >>> latent_class(2, 3).family
        Categorical(priors=(), categories=3)
        >>> [name for name, _ in latent_class(2, [2, 3]).family.columns]
        ['item0', 'item1']
        >>> import pandas as pd
        >>> table = pd.DataFrame({"city": ["Oslo", "Rome", "Bonn"], "smokes": ["yes", "no", "no"]})
        >>> latent_class(2, table).family.columns
        (('city', Categorical(priors=(), categories=3)), ('smokes', Categorical(priors=(), categories=2)))
    """
    if hasattr(categories, "columns") or isinstance(categories, Observations):
        family = categorical_family(Observations(categories, missing="allow"))
        return _mixture(components, replace(family, priors=freeze(priors)), weights)
    counts = [check_count("categories", count, least=2) for count in _listed(categories)]
    if len(set(counts)) > 1:
        items = {f"item{index}": families.Categorical(count) for index, count in enumerate(counts)}
        return _mixture(components, families.Product(items, priors=priors), weights)
    count = counts[0]
    return _mixture(components, families.Categorical(count, priors=priors), weights)


def categorical_family(x: Observations) -> families.Categorical | families.Product:
    """Categories in every column, as many as the data have: one family where all columns have the same, else one for each column."""
    if x.categories is not None and len(set(x.categories)) == 1:
        return families.Categorical(_count(x, 0))
    columns = x.feature_names or tuple(f"item{index}" for index in range(x.features or 1))
    counts = [_count(x, index) for index in range(len(columns))]
    if x.categories is None and len(set(counts)) == 1:
        return families.Categorical(counts[0])
    return families.Product({name: families.Categorical(count) for name, count in zip(columns, counts, strict=True)})


def _count(x: Observations, index: int) -> int:
    """How many categories a column has: its names, or numbers from 0 up to the largest; two at least."""
    names = None if x.categories is None else x.categories[index]
    largest = np.nanmax(x.x.reshape(len(x), -1)[:, index], initial=1.0)
    return max(2, int(largest) + 1 if names is None else len(names))


def regression_mixture(
    components: int,
    formula: str | None = None,
    kind: str = "gaussian",
    weights: Assignment | None = None,
    priors: Given = None,
    *,
    data: Any = None,
    categories: int | None = None,
    df: float | None = None,
    common: Any = (),
    random: Any = None,
) -> Mixture:
    """A mixture of regressions. See `families.Regression`.

    Args:
        components: the number of components.
        formula: `"y ~ x + C(g)"`, read on `data`: the declaration then takes tables with these columns, new ones too, and codes them as it did
            `data`. Behind a bar, `"y ~ x | z"`, stands what the weights depend on. See `Formula.of`. None: data are
            `Observations(y, covariates=...)`.
        kind: of `families.Regression`; without a formula it may stand in its place.
        weights: how the mixing weights are drawn; `weights.Gating()` lets them depend on the covariates too (mixture of experts), and stands
            here by itself where the formula has a bar, and `PerGroup()` around it where there are random effects.
        priors: `{site: prior}` in place of the defaults.
        data: the DataFrame that the formula is read on: that of the fit.
        categories: the number of categories, where the kind has some.
        df: degrees of freedom, where the kind is `"student_t"`; None: learned, one for each component.
        common: what all components share: covariates, by their names in the formula (`"x"`, `"C(g)"`) or their numbers, and `"intercept"`,
            `"scale"` and other sites of `families.Regression`. A name of both is the covariate's.
        random: what differs between the groups of a component, `Observations(..., group=...)`: `"intercept"`, or the
            covariates whose slopes do beside it, by their names in the formula or their numbers (growth mixtures).

    Raises:
        ModelError: a formula that is none, or without data; one with a bar beside weights that depend on no covariates; a covariate in
            `random` that it does not make.
        BackendError: a formula, and formulaic is not installed.

    Example:
        >>> regression_mixture(2, "poisson").needs_covariates
        True
        >>> import pandas as pd
        >>> table = pd.DataFrame({"y": [1.0, 2.0, 4.0], "x": [0.0, 1.0, 2.0], "g": ["b", "a", "b"]})
        >>> model = regression_mixture(2, "y ~ x + C(g)", data=table)  # doctest: +SKIP
        >>> model.read(table).covariate_names  # doctest: +SKIP
        ('x', 'C(g)[T.b]')
    """
    if formula is not None and not (isinstance(formula, str) and "~" in formula):
        return regression_mixture(
            components,
            None,
            formula,
            weights,
            priors,
            data=data,
            categories=categories,
            df=df,
            common=common,
            random=random,
        )
    if (formula is None) != (data is None):
        got = "a formula without data" if data is None else "data without a formula"
        advice = "regression_mixture(2, 'y ~ x', data=table), and then fit_em(model, table)."
        raise ModelError("formula", got=got, expected="both: what the data say becomes part of it", advice=advice)
    read = None if formula is None else Formula.of(formula, data)
    of_rows = Dirichlet(1.0) if read is None or read.of_weights is None else Gating()
    usual: Assignment = of_rows if random is None else PerGroup(of_rows)
    if read is not None and random is not None and not isinstance(random, bool):  # True is refused as what it is
        random = by_number(random, read)
    family = families.Regression(kind, categories, common=by_number(common, read), random=random, df=df, priors=priors)
    return Mixture(components, family, usual if weights is None else weights, formula=read)


def bernoulli_mixture(components: int, weights: Assignment | None = None, priors: Given = None) -> Mixture:
    """A mixture for binary columns, (rows, features) of 0 and 1. See `families.Bernoulli`.

    Args:
        components, weights, priors: as for `poisson_mixture`.

    Example:
        >>> "probs" in bernoulli_mixture(2).priors
        True
    """
    return _mixture(components, families.Bernoulli(priors=priors), weights)


def beta_mixture(components: int, weights: Assignment | None = None, priors: Given = None) -> Mixture:
    """A mixture for proportions between 0 and 1. See `families.Beta`.

    Args:
        components, weights, priors: as for `poisson_mixture`.

    Example:
        >>> "concentration1" in beta_mixture(2).priors
        True
    """
    return _mixture(components, families.Beta(priors=priors), weights)


def binomial_mixture(
    components: int, total_count: int | None = None, weights: Assignment | None = None, priors: Given = None
) -> Mixture:
    """A mixture for numbers of successes out of `total_count`. See `families.Binomial`.

    Args:
        total_count: the number of trials of every cell; None: each row has its own, `Observations(x, trials=...)`.
        components, weights, priors: as for `poisson_mixture`.

    Example:
        >>> "probs" in binomial_mixture(2, 10).priors
        True
    """
    return _mixture(components, families.Binomial(total_count, priors=priors), weights)


def exponential_mixture(components: int, weights: Assignment | None = None, priors: Given = None) -> Mixture:
    """A mixture for waiting times. See `families.Exponential`.

    Args:
        components, weights, priors: as for `poisson_mixture`.

    Example:
        >>> "rate" in exponential_mixture(2).priors
        True
    """
    return _mixture(components, families.Exponential(priors=priors), weights)


def gamma_mixture(components: int, weights: Assignment | None = None, priors: Given = None) -> Mixture:
    """A mixture for positive numbers. See `families.Gamma`.

    Args:
        components, weights, priors: as for `poisson_mixture`.

    Example:
        >>> "concentration" in gamma_mixture(2).priors
        True
    """
    return _mixture(components, families.Gamma(priors=priors), weights)


def lognormal_mixture(components: int, weights: Assignment | None = None, priors: Given = None) -> Mixture:
    """A mixture for positive numbers, normal on the log scale. See `families.LogNormal`.

    Args:
        components, weights, priors: as for `poisson_mixture`.

    Example:
        >>> "loc" in lognormal_mixture(2).priors
        True
    """
    return _mixture(components, families.LogNormal(priors=priors), weights)


def multinomial_mixture(
    components: int, total_count: int | None = None, weights: Assignment | None = None, priors: Given = None
) -> Mixture:
    """A mixture for rows of counts over categories. See `families.Multinomial`.

    Args:
        total_count: the sum of every row; None: each row has its own.
        components, weights, priors: as for `poisson_mixture`.

    Example:
        >>> "probs" in multinomial_mixture(2, 10).priors
        True
    """
    return _mixture(components, families.Multinomial(total_count, priors=priors), weights)


def negative_binomial_mixture(components: int, weights: Assignment | None = None, priors: Given = None) -> Mixture:
    """A mixture for overdispersed counts. See `families.NegativeBinomial`.

    Args:
        components, weights, priors: as for `poisson_mixture`.

    Example:
        >>> "concentration" in negative_binomial_mixture(2).priors
        True
    """
    return _mixture(components, families.NegativeBinomial(priors=priors), weights)


def poisson_mixture(components: int, weights: Assignment | None = None, priors: Given = None) -> Mixture:
    """A mixture for counts. See `families.Poisson`.

    Args:
        components: the number of components.
        weights: how the mixing weights are drawn; the default is `Dirichlet(1.0)`.
        priors: `{site: prior}` in place of the defaults.

    Example:
        >>> "rate" in poisson_mixture(2).priors
        True
    """
    return _mixture(components, families.Poisson(priors=priors), weights)


def von_mises_mixture(components: int, weights: Assignment | None = None, priors: Given = None) -> Mixture:
    """A mixture for angles in radians. See `families.VonMises`.

    Args:
        components, weights, priors: as for `poisson_mixture`.

    Example:
        >>> "loc" in von_mises_mixture(2).priors
        True
    """
    return _mixture(components, families.VonMises(priors=priors), weights)


def weibull_mixture(components: int, weights: Assignment | None = None, priors: Given = None) -> Mixture:
    """A mixture for lifetimes. See `families.Weibull`.

    Args:
        components, weights, priors: as for `poisson_mixture`.

    Example:
        >>> "scale" in weibull_mixture(2).priors
        True
    """
    return _mixture(components, families.Weibull(priors=priors), weights)


def zero_inflated_poisson_mixture(components: int, weights: Assignment | None = None, priors: Given = None) -> Mixture:
    """A mixture for counts with extra zeros in every component. See `families.ZeroInflatedPoisson`.

    Args:
        components, weights, priors: as for `poisson_mixture`.

    Example:
        >>> "gate" in zero_inflated_poisson_mixture(2).priors
        True
    """
    return _mixture(components, families.ZeroInflatedPoisson(priors=priors), weights)


def _listed(categories: Any) -> list[Any]:
    several = isinstance(categories, Sequence | np.ndarray) and not isinstance(categories, str | bytes)
    has_axis = getattr(categories, "ndim", 1) > 0  # an array of one number has no length
    return list(categories) if several and has_axis and len(categories) else [categories]


def _mixture(components: int, family: families.Family, weights: Assignment | None) -> Mixture:
    return Mixture(components, family, Dirichlet(1.0) if weights is None else weights)
