"""Variational families of NumPyro on the collapsed log density of the unconstrained vector.

The guide sees one real vector and a factor, whatever the program; guides are made inside the compiled function and die with it.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import optax
from numpyro import handlers
from numpyro.distributions import ImproperUniform, constraints
from numpyro.infer import SVI, Trace_ELBO, init_to_value
from numpyro.infer.autoguide import AutoDiagonalNormal, AutoMultivariateNormal

from inference.engines.numpyro_programs import CACHED, Values, vector_functions
from inference.engines.protocol import FINAL_LEARNING_RATE, Sites, VariationalDraws
from mixtures import Program

FAMILIES = {"normal": AutoDiagonalNormal, "multivariate": AutoMultivariateNormal}

PARTICLES = 8
"""Draws of the guide that estimate the ELBO at one step."""

NARROW = 0.05
"""Spread of a guide at first, on the unconstrained scale: wide ones begin far outside the posterior."""


@functools.lru_cache(CACHED)
def _compiled(program: Program, sites: Sites, family: str, steps: int, draws: int) -> Callable[..., Any]:
    """(start, key, learning rate, data) -> draws of the vector, its log densities under model and guide, losses."""
    log_density, _, _ = vector_functions(program, sites, prior=True, jacobian=True)

    def fit(start: jax.Array, key: jax.Array, learning_rate: jax.Array, data: Values) -> Any:
        begin, go, draw = jax.random.split(key, 3)

        def model(data: Values) -> None:
            u = numpyro.sample("u", ImproperUniform(constraints.real_vector, (), (sites.coordinates,)))
            with handlers.block():  # the program's own sites are no business of the guide's
                density = log_density(u, data)
            numpyro.factor("collapsed", density)

        guide = FAMILIES[family](model, init_loc_fn=init_to_value(values={"u": start}), init_scale=NARROW)
        with handlers.block(), handlers.seed(rng_seed=begin):
            guide(data)
        decay = optax.cosine_decay_schedule(learning_rate, steps, FINAL_LEARNING_RATE)
        svi = SVI(model, guide, optax.adam(decay), Trace_ELBO(num_particles=PARTICLES))
        state, losses = jax.lax.scan(lambda state, _: svi.stable_update(state, data), svi.init(go, data), length=steps)
        with handlers.block(), handlers.substitute(data=svi.get_params(state)):
            found = guide._get_posterior()
        posterior = found.to_event(len(found.batch_shape))
        u = posterior.sample(draw, (draws,))
        return u, jax.vmap(log_density, (0, None))(u, data), posterior.log_prob(u), losses

    return jax.jit(fit)


def fit(
    program: Program,
    sites: Sites,
    data: Values,
    start: Values,
    *,
    family: str,
    steps: int,
    learning_rate: float,
    draws: int,
    seed: int,
) -> VariationalDraws:
    """Fit a family to the posterior, and draw from it."""
    _, constrain, unconstrain = vector_functions(program, sites, prior=True, jacobian=True)
    data = jax.tree.map(jnp.asarray, data)
    run = _compiled(program, sites, family, steps, draws)
    u, density, proposal, losses = run(
        unconstrain(start, data), jax.random.PRNGKey(seed), jnp.asarray(learning_rate), data
    )
    values = jax.jit(jax.vmap(constrain, (0, None)))(u, data)
    parameters = {site.name: np.asarray(values[site.name]) for site in sites.parameters}
    return VariationalDraws(parameters, np.asarray(density), np.asarray(proposal), np.asarray(losses))
