"""Ready-made model functions: a declaration in one call."""

from collections.abc import Mapping

from mixtures import families
from mixtures.mixture import Mixture
from mixtures.priors import Prior, Priors
from mixtures.weights import Dirichlet


def gaussian_mixture(
    components: int,
    covariance: str = "full",
    weights: Dirichlet | None = None,
    priors: Mapping[str, Prior] | Priors | None = None,
) -> Mixture:
    """A mixture of Gaussians, for data of shape (rows,) or (rows, features).

    Args:
        components: the number of components.
        covariance: `"full"`, `"tied"`, `"diag"`, `"spherical"`, or one of mclust's codes. With one variable, `"tied"` has one shared
            `scale` and the others one for each component.
        weights: how the mixing weights are drawn; the default is `Dirichlet(1.0)`.
        priors: `{site: prior}` in place of the defaults, which are scaled to the data; sites are `loc`, `scale` and
            `correlation_cholesky`.

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
    family = families.Gaussian(covariance, priors=priors)  # type: ignore[arg-type]
    return Mixture(components, family, Dirichlet(1.0) if weights is None else weights)
