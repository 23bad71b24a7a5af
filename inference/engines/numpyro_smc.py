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

from inference.engines.numpyro_jit import jit
from inference.engines.numpyro_nuts import constrained_draws, unconstrained_starts
from inference.engines.numpyro_programs import compiled_prior_draw
from inference.engines.numpyro_sites import CACHED, Values
from inference.engines.numpyro_vector import vector_parts
from inference.engines.protocol import Draws
from inference.engines.sites import Sites
from mixtures import Program
from mixtures.errors import FitError

LEAPFROGS = 8
"""Leapfrog steps of one Hamiltonian move."""

ACCEPTANCE = 0.75
"""The acceptance rate that step sizes are tuned for."""

LEAST_LOG_RISE = -700.0
"""Log of the smallest rise of the power: e^-700 is hardly a float."""

JITTER = 0.3
"""Spread of the particles' log step sizes: no trajectory length is bad for all."""


@functools.lru_cache(CACHED)
def _compiled(program: Program, sites: Sites, moves: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """(particles, data) -> log likelihoods and log priors; and the moves of all particles at one temperature."""
    from blackjax.mcmc import hmc

    parts, kernel = vector_parts(program, sites), hmc.build_kernel()

    def move(
        key: jax.Array, u: jax.Array, power: jax.Array, step: jax.Array, variances: jax.Array, data: Values
    ) -> tuple[jax.Array, jax.Array]:
        def tempered(u: jax.Array) -> jax.Array:
            # log p(u) + power * log p(x | u)
            likelihood, prior = parts(u, data)
            return prior + power * likelihood

        def once(state: Any, key: jax.Array) -> tuple[Any, jax.Array]:
            kick, length = jax.random.split(key)
            own = step * jnp.exp(JITTER * jax.random.normal(length))
            state, info = kernel(kick, state, tempered, own, variances, LEAPFROGS)
            return state, info.acceptance_rate

        state, accepted = jax.lax.scan(once, hmc.init(u, tempered), jax.random.split(key, moves))
        return state.position, jnp.mean(jnp.nan_to_num(accepted))

    return jit(jax.vmap(parts, (0, None))), jit(jax.vmap(move, (0, 0, None, None, None, None)))


def sample(
    program: Program,
    sites: Sites,
    data: Values,
    *,
    particles: int,
    runs: int,
    moves: int,
    least_effective: float,
    seed: int,
    progress: bool,
) -> tuple[Draws, np.ndarray]:
    """Equally weighted particles of independent runs, (runs, particles, ...), and each run's log evidence, (runs,)."""
    names = tuple(site.name for site in sites.parameters)
    data = jax.tree.map(jnp.asarray, data)
    prior_draws = jax.vmap(compiled_prior_draw(program, names), (0, None))
    clouds, evidence, densities = [], [], []
    with tqdm(total=runs, disable=not progress, desc="SMC", unit="run") as bar:
        for key in jax.random.split(jax.random.PRNGKey(seed), runs):
            begin, go = jax.random.split(key)
            start = unconstrained_starts(program, sites)(prior_draws(jax.random.split(begin, particles), data), data)
            u, value, density = _run(_compiled(program, sites, moves), start, data, go, least_effective, bar)
            clouds.append(u)
            evidence.append(value)
            densities.append(density)
            bar.update()
    values = constrained_draws(program, sites)(jnp.stack(clouds), data)
    stats = {"lp": np.stack(densities)}
    return Draws({name: np.asarray(values[name]) for name in names}, stats), np.array(evidence)


def _run(
    compiled: tuple[Callable[..., Any], Callable[..., Any]],
    u: jax.Array,
    data: Values,
    key: jax.Array,
    least_effective: float,
    bar: tqdm,
) -> tuple[jax.Array, float, np.ndarray]:
    """One cloud from the prior to the posterior: its particles, the log evidence, and the particles' log densities."""
    from blackjax.smc import resampling

    densities, move = compiled
    power, step, log_evidence = 0.0, 0.5, 0.0
    likelihood = _finite(densities(u, data)[0])
    if not np.isfinite(likelihood).any():
        raise FitError(
            "sample_smc",
            got=f"{len(u)} draws from the prior under none of which the data are possible",
            expected="a prior some of whose draws can have made the data",
            advice="Bring the prior nearer to the data, or take more particles.",
        )
    while power < 1:
        rise = _next_rise(likelihood, 1 - power, least_effective)
        log_weights = rise * likelihood
        # p(x) = prod_t mean_i p(x | u_i)^(power_t - power_(t-1))
        log_evidence += logsumexp(log_weights) - np.log(len(u))
        power = 1.0 if rise >= 1 - power else power + rise
        key, pick, kick = jax.random.split(key, 3)
        u = u[resampling.systematic(pick, jnp.exp(log_weights - logsumexp(log_weights)), len(u))]
        spread = jnp.var(u, axis=0)
        variances = jnp.where(spread > 0, spread, 1.0)
        u, accepted = move(jax.random.split(kick, len(u)), u, power, step, variances, data)
        step *= float(np.exp(np.mean(accepted) - ACCEPTANCE))
        log_likelihood, log_prior = densities(u, data)
        likelihood = _finite(log_likelihood)
        bar.set_postfix(power=f"{power:.2g}")
    return u, float(log_evidence), likelihood + np.asarray(log_prior)


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
