"""The package's formulas of log densities and tails, in the array code of JAX."""

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln, i0e, log_ndtr

from mixtures.ppl.log_densities import LogDensities
from mixtures.ppl.log_positive import LogPositive
from mixtures.ppl.log_skewed import LogSkewed
from mixtures.ppl.log_tails import LogTails

DENSITIES = LogDensities(jnp, gammaln, i0e)
TAILS = LogTails(
    DENSITIES,
    log_ndtr=lambda z: log_ndtr(z, series_order=10),  # the library's three terms have eight digits at z = -20
    constant=jax.lax.stop_gradient,
    array=lambda value, like: jnp.asarray(value, dtype=like.dtype),
)
SKEWED = LogSkewed(TAILS)
POSITIVE = LogPositive(TAILS)
