"""Normal distributions that this package has and Pyro has not."""

import pyro.distributions
import torch
from array_api_compat import torch as torch_namespace

from mixtures.ppl.loadings import loadings_of
from mixtures.ppl.rotation import rotated_tril


def factor_normal(loc, scale, loading):
    """Factors and what they leave over: Sigma = L L' + diag(scale)^2."""
    loadings = loadings_of(torch_namespace, loading, loc.shape[-1])
    return pyro.distributions.LowRankMultivariateNormal(loc, loadings, scale**2)


def rotated_normal(loc, scale, orientation):
    """Standard deviations `scale` along axes turned by Cayley's coordinates: Sigma = Q diag(scale^2) Q'."""

    def as_array(value):
        return torch.as_tensor(value, dtype=scale.dtype)

    tril = rotated_tril(torch_namespace, scale, orientation, as_array)
    return pyro.distributions.MultivariateNormal(loc, scale_tril=tril)


def equal_volume_normal(loc, scale, correlation_cholesky):
    """Sigma = diag(scale) R diag(scale) / det(R)^(1/d), whose determinant is that of diag(scale^2) whatever the correlation R."""
    # det(R)^(1/(2d)) = geometric mean of C's diagonal, R = C C'
    diagonal = torch.diagonal(correlation_cholesky, dim1=-2, dim2=-1)
    scale = scale / diagonal.log().mean(-1, keepdim=True).exp()
    return pyro.distributions.MultivariateNormal(loc, scale_tril=scale[..., None] * correlation_cholesky)
