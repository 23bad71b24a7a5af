"""NumPyro's AutoDelta and TraceEnum_ELBO, as a function of one unconstrained vector.

Guides are made inside the compiled function and die with it: a guide that outlives the tracing in which it was first called keeps its
tracers, and one that is used for two starts keeps the first start for both.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
from numpyro import handlers
from numpyro.infer import TraceEnum_ELBO, init_to_value
from numpyro.infer.autoguide import AutoDelta

from inference.backends.numpyro.jit import ON_ONE_CORE, jit
from inference.backends.numpyro.sites import CACHED, Values, native
from inference.backends.numpyro.vector import Space, many_of, vector_functions
from inference.backends.run_arguments import ROW_WEIGHTS
from inference.backends.sites import Sites
from mixtures import Program


@functools.lru_cache(CACHED)
def compiled_elbos(program: Program, sites: Sites) -> Callable[..., Any]:
    """Compiled: (vectors (points, size), data) -> AutoDelta's ELBOs (points,), and their gradients."""
    # NumPyro's enumeration refuses programs in which no row has a choice, sums others as their plates say, which may not be as they run, and
    # knows no weight of a row and no tree over a chain: the log posterior density is what the ELBO of a delta guide is
    is_summed = sites.is_trivial or sites.structure is not None or not sites.is_row_wise
    log_density, _, _ = vector_functions(program, sites, prior=True, jacobian=False)

    def elbo(u: jax.Array, data: Values) -> jax.Array:
        if is_summed or ROW_WEIGHTS in data:
            return log_density(u, data)
        space = Space(program, sites, data)
        return _autodelta(program, sites, space.values(space.split(u)), data)

    return jit(many_of(elbo, sites), ON_ONE_CORE)


def _autodelta(program: Program, sites: Sites, values: Values, data: Values) -> jax.Array:
    """The ELBO of a delta guide at constrained values."""
    model, key = native(program), jax.random.PRNGKey(0)  # nothing is random: deltas and exact enumeration
    hidden = handlers.block(model, hide=[site.name for site in sites.assignments])
    guide = AutoDelta(hidden, init_loc_fn=init_to_value(values=jax.lax.stop_gradient(values)))
    with handlers.block(), handlers.seed(rng_seed=key):
        guide(**data)  # reads its model
    located = {f"{name}_auto_loc": value for name, value in values.items()}
    return -TraceEnum_ELBO().loss(key, located, model, guide, **data)
