"""Tempered sequential Monte Carlo: a cloud of particles goes from the prior to the posterior, so that no mode is lost on the way.

At each temperature the particles are weighted, resampled and moved by Hamiltonian steps (BlackJAX); the next temperature is the one at
which the weights still keep a given share of effective particles. Del Moral, Doucet & Jasra (2006), JRSS B 68, 411; adaptive
temperatures: Jasra, Stephens, Doucet & Tsagaris (2011), Scand. J. Stat. 38, 1.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import brentq
from scipy.special import logsumexp
from tqdm import tqdm

from inference.backends.numpyro.hub import at_once
from inference.backends.numpyro.jit import Compiled, group_by_group, jit, recorded
from inference.backends.numpyro.sites import CACHED, Values
from inference.backends.pieces import Pace, pieces
from inference.backends.target import Density, Target
from inference.samplers.jax_targets import constrained_draws
from inference.samplers.protocol import Draws
from mixtures.errors import FitError
from mixtures.interrupts import held_interrupts

LEAPFROGS = 8
"""Leapfrog steps of one Hamiltonian move: on the galaxies, three components, 16 halve the variance of the log evidence for almost twice the
time."""

ACCEPTANCE = 0.75
"""The acceptance rate that step sizes are tuned for."""

MEDIAN = 0.6745
"""The median of a standard normal's absolute value."""

LEAST_LOG_RISE = -700.0
"""Log of the smallest rise of the power: e^-700 is hardly a float."""

JITTER = 0.3
"""Spread of the particles' log step sizes: no trajectory length is bad for all."""


@functools.lru_cache(CACHED)
def _compiled(density: Density, moves: int, group: int) -> Compiled:
    """The moves of some groups of particles at one temperature, and what the likelihood and the prior are at their ends.

    (cloud, keys, particles, (power, step, inverse masses), moves to make, (first group, end), data) -> cloud, of the positions, mean acceptance
    rates, log likelihoods, log priors and gradients of all particles.
    """
    from blackjax.mcmc import hmc

    parts, kernel = density.parts, hmc.build_kernel()

    def advance(
        cloud: Values, keys: jax.Array, u: jax.Array, tempering: Any, wanted: Any, span: Any, data: Values
    ) -> Values:
        power, step, inverse_masses = tempering

        def tempered(u: jax.Array) -> jax.Array:
            # log p(u) + power * log p(x | u)
            likelihood, prior = parts(u, data)
            return prior + power * likelihood

        def once(count: jax.Array, held: tuple[Any, jax.Array, jax.Array]) -> tuple[Any, jax.Array, jax.Array]:
            state, accepted, own = held
            kick, length = jax.random.split(own[count])
            size = step * jnp.exp(JITTER * jax.random.normal(length))
            state, info = kernel(kick, state, tempered, size, inverse_masses, LEAPFROGS)
            return state, recorded(accepted, info.acceptance_rate, count), own

        def moved(key: jax.Array, u: jax.Array) -> Values:
            begun = hmc.init(u, tempered), jnp.zeros(moves), jax.random.split(key, moves)
            state, accepted, _ = jax.lax.fori_loop(0, wanted, once, begun)
            likelihood, prior = parts(state.position, data)
            rate = jnp.mean(jnp.nan_to_num(accepted))
            found = {"u": state.position, "accepted": rate, "likelihood": likelihood, "prior": prior}
            return {**found, "gradient": state.logdensity_grad}

        return group_by_group(moved, (keys, u), cloud, group, span)

    return jit(advance)


@functools.cache
def _compiled_choice() -> Compiled:
    """(key, particles, weights) -> the next key, keys of the particles, and as many of them, resampled."""
    from blackjax.smc import resampling

    def choose(key: jax.Array, u: jax.Array, weights: jax.Array) -> tuple[jax.Array, ...]:
        key, pick, kick = jax.random.split(key, 3)
        return key, jax.random.split(kick, len(u)), u[resampling.systematic(pick, weights, len(u))]

    return jit(choose)


def sample(
    target: Target, *, particles: int, runs: int, moves: int, least_effective: float, seed: int, progress: bool
) -> tuple[Draws, np.ndarray]:
    """Equally weighted particles of independent runs, (runs, particles, ...), and each run's log evidence, (runs,).

    Args:
        target: one whose prior can be drawn from.
        particles: how many, in each run.
        runs: how many.
        moves: of each particle at each temperature.
        least_effective: the share of particles that stay effective from one temperature to the next.
        seed: an int in [0, 2**32).
        progress: show a bar.
    """
    with held_interrupts(), jax.enable_x64(True):
        data, group = jax.device_put(target.data), at_once(particles, target.cells)
        clouds, evidence, densities, pace = [], [], [], Pace()
        with tqdm(total=runs, disable=not progress, desc="SMC", unit="run") as bar:
            for key in jax.random.split(jax.random.PRNGKey(seed), runs):
                begin, go = jax.random.split(key)
                start = target.from_prior(jax.random.split(begin, particles))
                move = functools.partial(_moved, _compiled(target.density, moves, group), (group, pace), data)
                u, value, density = _run(move, moves, start, go, least_effective, bar)
                clouds.append(u)
                evidence.append(value)
                densities.append(density)
                bar.update()
        return Draws(constrained_draws(target, jnp.stack(clouds)), {"lp": np.stack(densities)}), np.array(evidence)


def _moved(
    advance: Compiled,
    paced: tuple[int, Pace],
    data: Values,
    keys: jax.Array,
    u: jax.Array,
    tempering: tuple[Any, ...],
    moves: int,
) -> Values:
    """All particles after so many moves, a few groups of them in one call: how large groups are, and at what pace they go."""
    group, pace = paced
    nothing = jnp.zeros(len(u))
    cloud = {"u": u, "accepted": nothing, "likelihood": nothing, "prior": nothing, "gradient": u}
    for span in pieces(-(-len(u) // group), pace):
        cloud = advance(cloud, keys, u, tempering, moves, span, data)
    return cloud


def _run(
    move: Callable[..., Values], moves: int, u: jax.Array, key: jax.Array, least_effective: float, bar: tqdm
) -> tuple[jax.Array, float, np.ndarray]:
    """One cloud from the prior to the posterior: its particles, the log evidence, and the particles' log densities."""
    power, step, log_evidence = 0.0, 0.5, 0.0
    plain = jnp.ones(u.shape[1])
    cloud = move(jax.random.split(key, len(u)), u, (power, step, plain), 0)
    if not np.isfinite(_finite(cloud["likelihood"])).any():
        raise FitError(
            "sample_smc",
            got=f"{len(u)} draws from the prior under none of which the data are possible",
            expected="a prior some of whose draws can have made the data",
            advice="Bring the prior nearer to the data, or take more particles.",
        )
    while power < 1:
        likelihood = _finite(cloud["likelihood"])
        rise = _next_rise(likelihood, 1 - power, least_effective)
        log_weights = rise * likelihood
        # p(x) = prod_t mean_i p(x | u_i)^(power_t - power_(t-1))
        log_evidence += logsumexp(log_weights) - np.log(len(u))
        power = 1.0 if rise >= 1 - power else power + rise
        key, kicks, u = _compiled_choice()(key, cloud["u"], np.exp(log_weights - logsumexp(log_weights)))
        gradient = np.asarray(move(kicks, u, (power, step, plain), 0)["gradient"])
        _check_gradients(gradient)
        cloud = move(kicks, u, (power, step, _inverse_masses(gradient)), moves)
        step *= float(np.exp(np.mean(np.asarray(cloud["accepted"])) - ACCEPTANCE))
        bar.set_postfix(power=f"{power:.2g}")
    return cloud["u"], float(log_evidence), _finite(cloud["likelihood"]) + np.asarray(cloud["prior"])


def _check_gradients(gradient: np.ndarray) -> None:
    """Check that some particle can be moved.

    Raises:
        FitError: none has a gradient.
    """
    if not np.isfinite(gradient).all(axis=1).any():
        raise FitError(
            "sample_smc",
            got=f"{len(gradient)} particles without a finite gradient of the log density, which cannot be moved",
            expected="a log density that has a gradient where it is finite",
            advice="In a where(), the side that is not taken must be legal too: put a filler in.",
        )


def _inverse_masses(gradient: np.ndarray) -> np.ndarray:
    """By the curvature that particles see, (size,), not by their spread, which is wide where labels or modes are far apart: each mode is narrow.

    The mean square of a gradient is the mean curvature, E[(d log p)^2] = -E[d^2 log p]; the median, since a few steep particles of a wide
    prior would else decide alone.
    """
    slope = np.median(np.nan_to_num(np.abs(gradient), nan=np.inf, posinf=np.inf), axis=0)
    return (MEDIAN / np.where(np.isfinite(slope) & (slope > 0), slope, MEDIAN)) ** 2


def _finite(values: jax.Array) -> np.ndarray:
    """Particles without a likelihood have none: NaN is weight zero."""
    array = np.asarray(values)
    return np.where(np.isnan(array), -np.inf, array)


def _next_rise(likelihood: np.ndarray, most: float, least_effective: float) -> float:
    """The largest rise of the power, up to `most`, at which the given share of the particles stays effective."""
    least = least_effective * np.isfinite(likelihood).sum()

    def surplus(rise: float) -> float:
        weights = rise * likelihood
        # ESS = (sum w)^2 / sum w^2
        return float(np.exp(2 * logsumexp(weights) - logsumexp(2 * weights)) - least)

    if surplus(most) >= 0:
        return most
    # by its logarithm: under a prior much wider than the posterior the first rises are many decades small
    return float(np.exp(brentq(lambda log_rise: surplus(np.exp(log_rise)), LEAST_LOG_RISE, np.log(most), xtol=1e-9)))
