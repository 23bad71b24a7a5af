"""The package's formulas of log densities and tails, in the array code of torch."""

import torch
from array_api_compat import torch as torch_namespace

from mixtures.ppl.log_densities import LogDensities
from mixtures.ppl.log_positive import LogPositive
from mixtures.ppl.log_skewed import LogSkewed
from mixtures.ppl.log_tails import LogTails

DENSITIES = LogDensities(torch_namespace, torch.lgamma, torch.special.i0e)


def log_ndtr(z):
    """log P(Z <= z) of a standard normal; the library's own has no batching rule."""
    is_low = z < -1
    low, high = torch.where(is_low, z, -1.0) / 2**0.5, torch.where(is_low, 0.0, z) / 2**0.5
    tail = torch.log(0.5 * torch.special.erfcx(-low)) - low**2
    return torch.where(is_low, tail, torch.log1p(-0.5 * torch.special.erfc(high)))


TAILS = LogTails(
    DENSITIES,
    log_ndtr=log_ndtr,
    constant=torch.Tensor.detach,
    array=lambda value, like: torch.as_tensor(value, dtype=like.dtype),
)
SKEWED = LogSkewed(TAILS)
POSITIVE = LogPositive(TAILS)
