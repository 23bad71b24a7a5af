"""Langevin moves leave a density as it is, though their metric is another at each point."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from inference.samplers.langevin import Point, move

SHAPE = 3.0


@pytest.mark.quick("False", reason="the other is the same density in other coordinates")
@pytest.mark.statistical
@pytest.mark.parametrize("is_dense", [False, True])
def test_the_logarithm_of_a_gamma_variable(is_dense):
    """Two coordinates, logarithms of Gamma(3, 1) variables: quantiles by scipy, in a metric that varies with the point by design."""

    def height(u):
        return jnp.sum(SHAPE * u - jnp.exp(u), axis=-1)

    def look(u):
        # not the best metric, but one that depends on where it is: a sampler without the correction would be wrong
        own = SHAPE * (0.5 + jax.nn.sigmoid(u))
        metric = jax.vmap(jnp.diag)(own) if is_dense else own
        return Point(u, height(u), jax.grad(lambda v: jnp.sum(height(v)))(u), metric)

    def once(at, key):
        at, rate = move(key, at, look, jnp.array(1.0))
        return at, (at.u, rate)

    with jax.enable_x64(True):
        start = look(jnp.zeros((400, 2)))
        draws, rates = jax.jit(lambda keys: jax.lax.scan(once, start, keys)[1])(
            jax.random.split(jax.random.PRNGKey(1), 220)
        )
    kept = np.asarray(draws)[20::10].reshape(-1)  # every tenth: nearly independent
    assert 0.3 < np.asarray(rates).mean() < 0.99
    for share in (0.05, 0.25, 0.5, 0.75, 0.95):
        below = np.mean(kept < np.log(stats.gamma(SHAPE).ppf(share)))
        assert abs(below - share) < 6 * np.sqrt(share * (1 - share) / len(kept))
