"""Variational families of NumPyro on the collapsed log density of the unconstrained vector.

The guide sees one real vector and a factor, whatever the program; guides are made inside the compiled function and die with it. The vector
is in units of the posterior, by the curvature at the start: widths and steps mean the same whatever the data's units.
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

from inference.backends.ascent import FINAL_LEARNING_RATE
from inference.backends.numpyro.hub import at_once
from inference.backends.numpyro.jit import jit, recorded
from inference.backends.numpyro.sites import CACHED, Values
from inference.backends.pieces import Pace, pieces
from inference.backends.target import Density, Target
from inference.samplers.jax_targets import log_density
from inference.samplers.protocol import Frame, VariationalDraws
from mixtures.interrupts import held_interrupts


class _AutoMultivariateNormal(AutoMultivariateNormal):
    """NumPyro's, which does not look whether its own matrix is a Cholesky factor: that takes twenty small programs."""

    def _get_posterior(self) -> Any:
        with numpyro.validation_enabled(False):
            return super()._get_posterior()


NORMALS = {"normal": AutoDiagonalNormal, "multivariate": _AutoMultivariateNormal}

PARTICLES = 8
"""Draws of the guide that estimate the ELBO at one step."""

NARROW = 0.5
"""Width of a normal at first, in units of the posterior: wide ones begin outside it."""

FLOWS, HIDDEN = 2, 4
"""Inverse autoregressive transforms of a flow, and the width of their networks in units of the vector's length."""

LEAST_CURVATURE = 1e-3
"""Smaller curvatures, in units of the frame, are taken for this one: nothing is known of directions so flat."""

DRAWS_AT_REST = 1000
"""Draws that tell whether the ELBO is at its maximum."""


class _Problem:
    """What is fitted, made anew wherever it is traced: the guide and its SVI, about a centre, in units that are one in every direction."""

    def __init__(
        self,
        density: Density,
        family: str,
        steps: int,
        batch: int | None,
        about: tuple[jax.Array, ...],
        data: Values,
    ):
        self.centre, self.root, key, learning_rate = about
        self.density, size = density, len(self.centre)
        begin, self.go, self.draw, self.look = jax.random.split(key, 4)

        def model(data: Values) -> None:
            z = numpyro.sample("z", ImproperUniform(constraints.real_vector, (), (size,)))
            key = None if batch is None else numpyro.prng_key()
            with handlers.block():  # the program's own sites are no business of the guide's
                height = self.log_density(z, data) if batch is None else self.estimate(z, data, batch, key)
            numpyro.factor("collapsed", height)

        self.guide = _guide(family, model, size)
        with handlers.block(), handlers.seed(rng_seed=begin):
            self.guide(data)
        decay = optax.cosine_decay_schedule(learning_rate, steps, FINAL_LEARNING_RATE)
        self.svi = SVI(model, self.guide, optax.adam(decay), Trace_ELBO(num_particles=PARTICLES))

    def start(self, data: Values) -> Any:
        """The state of SVI before the first step; without it SVI knows no parameters."""
        return self.svi.init(self.go, data)

    def place(self, z: jax.Array) -> jax.Array:
        """The unconstrained vector."""
        return self.centre + self.root @ z

    def log_density(self, z: jax.Array, data: Values) -> jax.Array:
        """Of z."""
        return log_density(self.density, self.place(z), data) + jnp.linalg.slogdet(self.root)[1]

    def estimate(self, z: jax.Array, data: Values, batch: int, key: Any) -> jax.Array:
        """The same from so many rows, drawn with replacement: without bias, and so are its gradients."""
        rows = len(data["x"])
        some = jax.random.randint(key, (batch,), 0, rows)
        likelihood, rest = self.density.parts(self.place(z), data, rows=some)
        return rows / batch * likelihood + rest + jnp.linalg.slogdet(self.root)[1]


@functools.lru_cache(CACHED)
def _compiled(
    density: Density, family: str, steps: int, batch: int | None, draws: int, group: int
) -> Callable[..., Any]:
    """(centre, unit, key, learning rate, data) -> draws by site, log densities under model and guide, losses, unrest."""
    problem = functools.partial(_Problem, density, family, steps, batch)

    def begin(centre: jax.Array, unit: jax.Array, key: jax.Array, learning_rate: jax.Array, data: Values) -> Any:
        def in_frame(v: jax.Array) -> jax.Array:
            return log_density(density, centre + unit * v, data)

        root = unit[:, None] * _root_of_covariance(-jax.hessian(in_frame)(jnp.zeros(len(centre))), family == "normal")
        about = centre, root, key, learning_rate
        return about, problem(about, data).start(data)

    def advance(state: Any, losses: jax.Array, span: Any, about: tuple[jax.Array, ...], data: Values) -> Any:
        made = problem(about, data)
        made.start(data)

        def step(count: jax.Array, held: tuple[Any, jax.Array]) -> tuple[Any, jax.Array]:
            state, loss = made.svi.stable_update(held[0], data)
            return state, recorded(held[1], loss, count)

        state, losses = jax.lax.fori_loop(span[0], span[1], step, (state, losses))
        return state, losses, made.svi.get_params(state)

    def each(function: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
        # so many vectors at once as a cache holds
        return lambda z, data: jax.lax.map(lambda one: function(one, data), z, batch_size=group)

    def finish(parameters: Values, about: tuple[jax.Array, ...], data: Values) -> tuple[Any, ...]:
        made = problem(about, data)
        with handlers.block(), handlers.substitute(data=parameters):
            found = made.guide._get_posterior()
        posterior = found.to_event(len(found.batch_shape))
        # a flow knows the density of what it has drawn, by what it came from
        z, origin = posterior.sample_with_intermediates(made.draw, (draws,))
        proposal = posterior.log_prob(z, origin) if origin else posterior.log_prob(z)
        unrest = _unrest(each(jax.grad(made.log_density)), posterior.sample(made.look, (DRAWS_AT_REST,)), data)
        values = jax.vmap(lambda one: density.constrain(made.place(one), data))(z)
        return values, each(made.log_density)(z, data), proposal, unrest

    first_state, next_states, last, pace = jit(begin), jit(advance), jit(finish), Pace()

    def fit(*arguments: Any) -> tuple[Any, ...]:
        (about, state), losses, data = first_state(*arguments), np.zeros(steps), arguments[-1]
        for span in pieces(steps, pace):
            state, losses, parameters = next_states(state, losses, span, about, data)
        values, heights, proposal, unrest = last(parameters, about, data)
        return values, heights, proposal, losses, unrest

    return fit


def _guide(family: str, model: Callable[..., None], size: int) -> Any:
    if family == "flow":
        return AutoIAFNormal(model, num_flows=FLOWS, hidden_dims=[HIDDEN * size] * 2)
    return NORMALS[family](model, init_loc_fn=init_to_value(values={"z": jnp.zeros(size)}), init_scale=NARROW)


def _root_of_covariance(precision: jax.Array, is_diagonal: bool) -> jax.Array:
    """A root of the inverse; directions in which the density rises are taken to be as wide as it is steep."""
    if is_diagonal:  # coordinates are to stay what they are: the family's are independent
        precision = jnp.diag(jnp.diagonal(precision))
    curvature, axes = jnp.linalg.eigh(precision)
    root = axes / jnp.sqrt(jnp.maximum(jnp.abs(curvature), LEAST_CURVATURE))
    return root @ axes.T


def _unrest(gradients: Callable[..., jax.Array], z: jax.Array, data: Values) -> jax.Array:
    """How far the family is from the maximum of its ELBO along each coordinate, which it can move and stretch: 0 at rest.

    With z = m + s e, the ELBO's derivatives by m and log s, in units of s, are s E[g] and E[g (z - m)] + 1, where g = d log p / d z.
    """
    g, deviation = gradients(z, data), z - jnp.mean(z, axis=0)
    move = jnp.std(z, axis=0) * jnp.mean(g, axis=0)
    stretch = jnp.mean(g * deviation, axis=0) + 1
    return jnp.maximum(jnp.abs(move), jnp.abs(stretch))


def fit(
    target: Target,
    frame: Frame,
    *,
    family: str,
    steps: int,
    batch: int | None = None,
    learning_rate: float,
    draws: int,
    seed: int,
) -> VariationalDraws:
    """Fit a family to the posterior from the frame's centre, in the frame's units, and draw from it; each step by all rows, or by a batch."""
    with held_interrupts(), jax.enable_x64(True):
        group = at_once(max(draws, DRAWS_AT_REST), target.cells)
        run = _compiled(target.density, family, steps, batch, draws, group)
        values, *rest = run(frame.centre, frame.unit, jax.random.PRNGKey(seed), np.float64(learning_rate), target.data)
        parameters = {name: np.asarray(value) for name, value in values.items()}
        return VariationalDraws(parameters, *map(np.asarray, rest))
