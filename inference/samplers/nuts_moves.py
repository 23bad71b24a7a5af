"""What NumPyro's NUTS kernel is driven by: where a chain begins, how it moves, and what is recorded of it."""

from collections.abc import Callable
from typing import Any

import jax
from numpyro.infer.hmc import hmc

from inference.backends.numpyro.sites import Values
from inference.backends.target import Density
from inference.samplers.jax_targets import log_density
from inference.samplers.options import NutsOptions

Given = tuple[Any, ...]
"""The run arguments, the centre and the unit of the frame, and whatever else a potential is made of."""

Potential = Callable[..., Callable[[jax.Array], jax.Array]]
"""What is given -> a function of v, minus the log density."""

Moves = Callable[[jax.Array, jax.Array, Given], tuple[Any, Callable[[Any], Any]]]
"""(key, v, given) -> the state of a chain that begins there, and state -> next state. The kernel keeps what its beginning has seen: both are
to be made anew wherever they are traced."""


def of_all(density: Density, options: NutsOptions) -> Moves:
    """NUTS on the log density of all rows."""

    def potential(data: Values, centre: jax.Array, unit: jax.Array) -> Callable[[jax.Array], jax.Array]:
        return lambda v: -log_density(density, v, data, centre, unit)

    def moves(key: jax.Array, v: jax.Array, given: Given) -> tuple[Any, Callable[[Any], Any]]:
        state, sample = nuts(potential, options, key, v, given)
        return state, lambda state: sample(state, given)

    return moves


def nuts(
    potential: Potential, options: NutsOptions, key: jax.Array, v: jax.Array, given: Given
) -> tuple[Any, Callable[[Any, Given], Any]]:
    """NumPyro's kernel: the state of a chain that begins at v, and (state, given) -> next state."""
    init, sample = hmc(potential_fn_gen=potential, algo="NUTS")
    state = init(
        v,
        num_warmup=options.tune,
        target_accept_prob=options.target_accept,
        dense_mass=options.is_dense,
        model_args=given,
        rng_key=key,
    )
    return state, sample


def record_of_all(state: Any) -> Values:
    """What is kept of a draw, and of how it was made."""
    return {
        "v": state.z,
        "lp": -state.potential_energy,
        "energy": state.energy,
        "diverging": state.diverging,
        "n_steps": state.num_steps,
        "acceptance_rate": state.accept_prob,
        "step_size": state.adapt_state.step_size,
    }
