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
from numpyro.infer.autoguide import AutoDiagonalNormal, AutoIAFNormal, AutoMultivariateNormal

from inference.engines.numpyro_jit import jit
from inference.engines.numpyro_sites import CACHED, Values
from inference.engines.numpyro_vector import vector_functions
from inference.engines.protocol import FINAL_LEARNING_RATE, VariationalDraws
from inference.engines.sites import Sites
from mixtures import Program
from mixtures.ppl.numpyro_ppl import TRACING

NORMALS = {"normal": AutoDiagonalNormal, "multivariate": AutoMultivariateNormal}

PARTICLES = 8
"""Draws of the guide that estimate the ELBO at one step."""

NARROW = 0.05
"""Spread of a guide at first, on the unconstrained scale: wide ones begin far outside the posterior."""

FLOWS, HIDDEN = 2, 4
"""Inverse autoregressive transforms of a flow, and the width of their networks in units of the vector's length."""

LEAST_CURVATURE = 1e-6
"""Smaller curvatures, relative to the largest, are taken for this one: nothing is known of directions so flat."""


@functools.lru_cache(CACHED)
def _compiled(program: Program, sites: Sites, family: str, steps: int, draws: int) -> Callable[..., Any]:
    """(start, key, learning rate, data) -> draws of the vector, its log densities under model and guide, losses."""
    of_vector, _, _ = vector_functions(program, sites, prior=True, jacobian=True)

    def fit(start: jax.Array, key: jax.Array, learning_rate: jax.Array, data: Values) -> Any:
        begin, go, draw = jax.random.split(key, 3)
        # A flow bends a standard normal: it is given a posterior that is one as far as the curvature at the start says.
        root = _root_of_covariance(of_vector, start, data) if family == "flow" else jnp.eye(len(start))

        def place(z: jax.Array) -> jax.Array:
            return start + root @ z

        def log_density(z: jax.Array, data: Values) -> jax.Array:
            return of_vector(place(z), data) + jnp.linalg.slogdet(root)[1]

        def model(data: Values) -> None:
            z = numpyro.sample("z", ImproperUniform(constraints.real_vector, (), (sites.coordinates,)))
            with handlers.block():  # the program's own sites are no business of the guide's
                density = log_density(z, data)
            numpyro.factor("collapsed", density)

        guide = _guide(family, model, len(start))
        with handlers.block(), handlers.seed(rng_seed=begin):
            guide(data)
        decay = optax.cosine_decay_schedule(learning_rate, steps, FINAL_LEARNING_RATE)
        svi = SVI(model, guide, optax.adam(decay), Trace_ELBO(num_particles=PARTICLES))
        state, losses = jax.lax.scan(lambda state, _: svi.stable_update(state, data), svi.init(go, data), length=steps)
        with handlers.block(), handlers.substitute(data=svi.get_params(state)):
            found = guide._get_posterior()
        posterior = found.to_event(len(found.batch_shape))
        # a flow knows the density of what it has drawn, by what it came from
        z, origin = posterior.sample_with_intermediates(draw, (draws,))
        proposal = posterior.log_prob(z, origin) if origin else posterior.log_prob(z)
        return jax.vmap(place)(z), jax.vmap(log_density, (0, None))(z, data), proposal, losses

    return jit(fit)


def _guide(family: str, model: Callable[..., None], size: int) -> Any:
    if family == "flow":
        return AutoIAFNormal(model, num_flows=FLOWS, hidden_dims=[HIDDEN * size] * 2)
    return NORMALS[family](model, init_loc_fn=init_to_value(values={"z": jnp.zeros(size)}), init_scale=NARROW)


def _root_of_covariance(log_density: Callable[..., jax.Array], start: jax.Array, data: Values) -> jax.Array:
    """A root of the inverse curvature; directions in which the density rises are taken to be as wide as it is steep."""
    curvature, axes = jnp.linalg.eigh(-jax.hessian(log_density)(start, data))
    size = jnp.abs(curvature)
    return axes / jnp.sqrt(jnp.maximum(size, LEAST_CURVATURE * jnp.max(size)))


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
    with TRACING:
        begin = unconstrain(start, data)
    u, density, proposal, losses = run(begin, jax.random.PRNGKey(seed), jnp.asarray(learning_rate), data)
    values = jit(jax.vmap(constrain, (0, None)))(u, data)
    parameters = {site.name: np.asarray(values[site.name]) for site in sites.parameters}
    return VariationalDraws(parameters, np.asarray(density), np.asarray(proposal), np.asarray(losses))
