"""Moves of what governs a partition, given the sizes of its clusters: the number of components, the concentration, the weights.

Clusters stand first: those numbered 0, ..., K+ - 1 have rows, the others have none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from mixtures.assignments.clustering import Clusters, FiniteClusters, InfiniteClusters
from mixtures.ppl.numpyro_ppl import WORDS

TRIES = (0.3, 1.0, 2.5)
"""Standard deviations of the proposals of the log concentration: one move of each."""


class Mixing(NamedTuple):
    """Args:
    components: how many there are, K; of an infinite law, how many are looked at.
    concentration: of the law.
    log_weights: (most,); -infinity where there is no component.
    left: the weight of all components beyond the most, which have no room.
    """

    components: jax.Array
    concentration: jax.Array
    log_weights: jax.Array
    left: jax.Array


@dataclass(frozen=True)
class Prior:
    """The prior of what is learned.

    Args:
        of_components: log P(K), K = 1, ..., most.
        name: of the distribution of the concentration; None where it is known.
        numbers: its parameters.
    """

    of_components: jax.Array
    name: str | None
    numbers: Mapping[str, Any]

    def of_concentration(self, concentration: jax.Array) -> jax.Array:
        """The log density of the concentration."""
        assert self.name is not None
        return getattr(WORDS.dist, self.name)(**self.numbers).log_prob(concentration)


def log_partition(law: Clusters, counts: jax.Array, components: jax.Array, concentration: jax.Array) -> jax.Array:
    """log P(partition), for each of some numbers of components where the law is finite.

    Args:
        law: of the clusters.
        counts: sizes of the clusters, zeros after them, (most,).
        components: numbers of components, (...,).
        concentration: of the law.
    """
    if isinstance(law, FiniteClusters):
        return _log_finite(law, counts, components, concentration)
    return _log_infinite(law, counts, concentration)


def _log_finite(law: FiniteClusters, counts: jax.Array, components: jax.Array, concentration: jax.Array) -> jax.Array:
    # P(C | K) = K! / (K - K+)! Gamma(a K) / Gamma(n + a K) prod_k Gamma(N_k + a) / Gamma(a); Miller & Harrison (2018), equation 3.3
    clusters, rows = jnp.sum(counts > 0), jnp.sum(counts)
    each = law.of_each(concentration, components)
    # clusters' terms are the same for all numbers of components, unless they share the concentration out
    a = each[..., None] if law.is_shared_out else concentration
    of_clusters = jnp.sum(jnp.where(counts > 0, gammaln(counts + a) - gammaln(a), 0.0), axis=-1)
    empty = components - clusters
    found = (
        gammaln(components + 1.0)
        - gammaln(jnp.maximum(empty, 0) + 1.0)
        + gammaln(each * components)
        - gammaln(rows + each * components)
        + of_clusters
    )
    return jnp.where(empty >= 0, found, -jnp.inf)


def _log_infinite(law: InfiniteClusters, counts: jax.Array, concentration: jax.Array) -> jax.Array:
    # P(C) = prod_(j < K+) (a + j d) / (a + 1)_(n - 1) prod_k (1 - d)_(N_k - 1); Pitman (1995), equation 10
    clusters, rows, number = jnp.sum(counts > 0), jnp.sum(counts), jnp.arange(len(counts))
    is_new = (number >= 1) & (number < clusters)
    of_new = jnp.sum(jnp.where(is_new, jnp.log(concentration + law.discount * number), 0.0))
    size = jnp.maximum(counts, 1)
    of_sizes = jnp.sum(jnp.where(counts > 0, gammaln(size - law.discount) - gammaln(1 - law.discount), 0.0))
    return of_new - gammaln(concentration + rows) + gammaln(concentration + 1.0) + of_sizes


def moved(key: jax.Array, law: Clusters, counts: jax.Array, mixing: Mixing, prior: Prior) -> Mixing:
    """The number of components, the concentration and the weights, one after the other from their conditional distributions.

    Args:
        key: of the random numbers.
        law: of the clusters.
        counts: sizes of the clusters, zeros after them, (most,).
        mixing: as it was.
        prior: of what is learned.
    """
    of_components, of_concentration, of_weights = jax.random.split(key, 3)
    components, concentration = mixing.components, mixing.concentration
    if isinstance(law, FiniteClusters):
        every = jnp.arange(1, len(counts) + 1)
        logits = prior.of_components + log_partition(law, counts, every, concentration)
        components = 1 + jax.random.categorical(of_components, logits)
    if prior.name is not None:
        for scale, own in zip(TRIES, jax.random.split(of_concentration, len(TRIES)), strict=True):
            concentration = _tried(own, law, counts, components, concentration, prior, scale)
    if isinstance(law, FiniteClusters):
        log_weights, left = _finite_weights(of_weights, law, counts, components, concentration), jnp.zeros(())
    else:
        log_weights, left = _infinite_weights(of_weights, law, counts, concentration)
    return Mixing(components, concentration, log_weights, left)


def _tried(
    key: jax.Array,
    law: Clusters,
    counts: jax.Array,
    components: jax.Array,
    concentration: jax.Array,
    prior: Prior,
    scale: float,
) -> jax.Array:
    """The concentration after a Metropolis step of its logarithm."""
    step, accept = jax.random.split(key)
    proposed = concentration * jnp.exp(scale * jax.random.normal(step))

    def height(value: jax.Array) -> jax.Array:
        # the logarithm's density has its Jacobian
        return log_partition(law, counts, components, value) + prior.of_concentration(value) + jnp.log(value)

    ratio = height(proposed) - height(concentration)
    return jnp.where(jnp.log(jax.random.uniform(accept)) < ratio, proposed, concentration)


def _finite_weights(
    key: jax.Array, law: FiniteClusters, counts: jax.Array, components: jax.Array, concentration: jax.Array
) -> jax.Array:
    # weights | partition ~ Dirichlet(N_k + a); by logarithms, since small a give weights below any float
    shapes = counts + law.of_each(concentration, components)
    drawn = jax.random.loggamma(key, shapes)
    is_there = jnp.arange(len(counts)) < components
    logs = jnp.where(is_there, drawn, -jnp.inf)
    return logs - jax.nn.logsumexp(logs)


def _infinite_weights(
    key: jax.Array, law: InfiniteClusters, counts: jax.Array, concentration: jax.Array
) -> tuple[jax.Array, jax.Array]:
    # (weights of clusters, the rest) ~ Dirichlet(N_1 - d, ..., a + K+ d); the rest is a stick of Pitman-Yor(a + K+ d, d); Pitman (1996)
    first, second, third = jax.random.split(key, 3)
    clusters, number = jnp.sum(counts > 0), jnp.arange(len(counts))
    is_cluster = number < clusters
    own = jnp.where(is_cluster, jax.random.loggamma(first, jnp.where(is_cluster, counts - law.discount, 1.0)), -jnp.inf)
    rest = jax.random.loggamma(second, concentration + law.discount * clusters)
    total = jnp.logaddexp(jax.nn.logsumexp(own), rest)
    broken, kept = jax.random.loggamma(
        third, jnp.stack([jnp.full(len(counts), 1 - law.discount), concentration + law.discount * (number + 1.0)])
    )
    both = jnp.logaddexp(broken, kept)
    left = jnp.cumsum(jnp.where(is_cluster, 0.0, kept - both))  # log of what is left of the rest after each stick
    before = jnp.concatenate([jnp.zeros(1), left[:-1]])
    log_weights = jnp.where(is_cluster, own, rest + before + broken - both) - total
    return log_weights, jnp.exp(rest + left[-1] - total)
