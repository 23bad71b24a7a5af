"""One sweep of the telescoping sampler, see `telescope.py`: assignments, clusters' parameters, what is shared, the number of components."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from inference.backends.complete import CompleteDensity
from inference.backends.numpyro.sites import Values
from inference.samplers.annealing import Annealed
from inference.samplers.clusterings import Mixing, Prior, log_partition, moved
from inference.samplers.langevin import ACCEPTANCE, Point, move
from mixtures.assignments.clustering import CONCENTRATION, Clusters

MOVES = 3
"""Langevin moves of the clusters' parameters, and of what is shared, in each sweep."""


class Tuning(NamedTuple):
    """What warm-up learns.

    Args:
        sweeps: how many it had.
        log_step: of the moves of clusters' parameters, and of what is shared, (2,).
        information: a row's information on its component's vector, on average: (size, size), or (size,).
        mean, variance: of what is shared, (size,).
    """

    sweeps: jax.Array
    log_step: jax.Array
    information: jax.Array
    mean: jax.Array
    variance: jax.Array


class State(NamedTuple):
    """A chain's state.

    Args:
        own: vectors of the components, (most, size).
        shared: what they share, (size,).
        mixing: number of components, concentration, weights.
        tuning: what warm-up learned.
        key: of the random numbers to come.
    """

    own: jax.Array
    shared: jax.Array
    mixing: Mixing
    tuning: Tuning
    key: jax.Array


@dataclass(frozen=True)
class Kind:
    """What a compiled sampler is kept by, beside the shapes of the data.

    Args:
        density: of the mixture.
        clusters: the law of the partition.
        concentration: the name of the distribution that the learned concentration has a prior of; None: it is known.
        keeps_assignments: whether these are kept.
    """

    density: Any
    clusters: Clusters
    concentration: str | None
    keeps_assignments: bool


def _prior(kind: Kind, of_components: jax.Array, data: Values) -> Prior:
    numbers = data["hyper"][CONCENTRATION] if kind.concentration else {}
    return Prior(of_components, kind.concentration, numbers)


def sweep(
    kind: Kind,
    state: State,
    of_components: jax.Array,
    width: jax.Array,
    data: Values,
    tunes: jax.Array,
    power: jax.Array,
) -> tuple[State, Values]:
    """One sweep, and what there is to record of it.

    Args:
        kind: of the sampler.
        state: of a chain.
        of_components: log P(K), (most,).
        width: the prior's standard deviations of a component's vector, (size,).
        data: what the density's functions take.
        tunes: whether this is warm-up, 1.0 or 0.0.
        power: of the likelihood, 1.0 but where warm-up is hot.
    """
    density, prior = Annealed(kind.density, power), _prior(kind, of_components, data)
    key, assign, of_own, of_shared, of_mixing, of_empty = jax.random.split(state.key, 6)
    most = len(state.own)
    assignment = _assigned(assign, state.mixing.log_weights + density.emissions(state.own, state.shared, data))
    own, assignment, counts = _clusters_first(state.own, assignment)
    is_cluster = counts > 0
    own, heights, accepted, information = _components_moved(
        of_own, density, own, state.shared, assignment, width, state.tuning, data
    )
    own_rate = jnp.sum(jnp.where(is_cluster, accepted, 0.0)) / jnp.sum(is_cluster)
    shared, height, shared_rate = state.shared, jnp.sum(jnp.where(is_cluster, heights, 0.0)), jnp.ones(())
    if len(shared):
        shared, height, shared_rate = _shared_moved(
            of_shared, density, own, shared, assignment, is_cluster, state.tuning, data
        )
    mixing = moved(of_mixing, kind.clusters, counts, state.mixing, prior)
    empty = density.components_draw(of_empty, shared, data)
    own = jnp.where(is_cluster[:, None], own, empty)
    rates = jnp.stack([own_rate, shared_rate])
    tuning = _tuned(state.tuning, rates, information, shared, tunes)
    record = {
        "own": own,
        "shared": shared,
        "log_weights": mixing.log_weights,
        "n_components": mixing.components,
        "n_clusters": jnp.sum(is_cluster),
        "concentration": mixing.concentration,
        "left": mixing.left,
        "acceptance_rate": own_rate,
        "shared_acceptance_rate": shared_rate,
        "lp": height + log_partition(kind.clusters, counts, mixing.components[None], mixing.concentration).reshape(()),
    }
    if kind.keeps_assignments:
        record["assignment"] = assignment.astype(_small(most))
    return State(own, shared, mixing, tuning, key), record


def _assigned(key: jax.Array, logits: jax.Array) -> jax.Array:
    """A draw of each row's component, by inversion: one random number a row; of no component without a density, as where a scale is 0."""
    logits = jnp.where(jnp.isnan(logits), -jnp.inf, logits)
    cumulated = jnp.cumsum(jnp.exp(logits - jnp.max(logits, axis=1, keepdims=True)), axis=1)
    at = jax.random.uniform(key, (len(logits), 1)) * cumulated[:, -1:]
    return jnp.sum(cumulated <= at, axis=1).clip(0, logits.shape[1] - 1)


def _clusters_first(own: jax.Array, assignment: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Components under new numbers, those with rows first; the assignments, and the sizes, (most,)."""
    counts = jnp.bincount(assignment, length=len(own))
    order = jnp.argsort(counts == 0, stable=True)
    return own[order], jnp.argsort(order)[assignment], counts[order].astype(own.dtype)


def _components_moved(
    key: jax.Array,
    density: CompleteDensity,
    own: jax.Array,
    shared: jax.Array,
    assignment: jax.Array,
    width: jax.Array,
    tuning: Tuning,
    data: Values,
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """The vectors after some moves; their log densities and acceptance rates, (most,); and the rows' information, on average."""
    most = len(own)
    is_dense = tuning.information.ndim == 2

    def summed(values: jax.Array) -> jax.Array:
        return jax.ops.segment_sum(values, assignment, most)

    def squares(scores: jax.Array) -> jax.Array:
        return scores[:, :, None] * scores[:, None, :] if is_dense else scores**2

    precision = jnp.diag(width**-2.0) if is_dense else width**-2.0

    def look(own: jax.Array) -> Point:
        # rows say which way their component's vector should go; the squares of that are their information (BHHH)
        of_rows, back = jax.vjp(lambda each: density.of_rows(each, shared, data), own[assignment])
        scores = back(jnp.ones_like(of_rows))[0]
        prior, up = jax.value_and_grad(
            lambda own: (lambda each: (jnp.sum(each), each))(density.of_components(own, shared, data)), has_aux=True
        )(own)
        metric = summed(squares(scores)) + tuning.information + precision
        return Point(own, summed(of_rows) + prior[1], summed(scores) + up, metric)

    def once(held: tuple[Point, jax.Array], key: jax.Array) -> tuple[tuple[Point, jax.Array], None]:
        at, accepted = held
        at, rate = move(key, at, look, jnp.exp(tuning.log_step[0]))
        return (at, accepted + rate / MOVES), None

    (at, accepted), _ = jax.lax.scan(once, (look(own), jnp.zeros(most)), jax.random.split(key, MOVES))
    information = jnp.sum(at.metric - tuning.information - precision, axis=0) / len(assignment)
    return at.u, at.log_density, accepted, information


def _shared_moved(
    key: jax.Array,
    density: CompleteDensity,
    own: jax.Array,
    shared: jax.Array,
    assignment: jax.Array,
    is_cluster: jax.Array,
    tuning: Tuning,
    data: Values,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """What is shared after some moves, given the clusters alone; the log density there, and the acceptance rate."""

    def height(shared: jax.Array) -> jax.Array:
        of_clusters = jnp.where(is_cluster, density.of_components(own, shared, data), 0.0)
        of_rows = density.of_rows(own[assignment], shared, data)
        return jnp.sum(of_rows) + jnp.sum(of_clusters) + density.of_shared(shared, data)

    def look(u: jax.Array) -> Point:
        value, up = jax.value_and_grad(height)(u[0])
        return Point(u, value[None], up[None], 1 / tuning.variance[None])

    def once(held: tuple[Point, jax.Array], key: jax.Array) -> tuple[tuple[Point, jax.Array], None]:
        at, accepted = held
        at, rate = move(key, at, look, jnp.exp(tuning.log_step[1]))
        return (at, accepted + rate[0] / MOVES), None

    (at, accepted), _ = jax.lax.scan(once, (look(shared[None]), jnp.zeros(())), jax.random.split(key, MOVES))
    return at.u[0], at.log_density[0], accepted


def _tuned(tuning: Tuning, rates: jax.Array, information: jax.Array, shared: jax.Array, tunes: jax.Array) -> Tuning:
    """Steps nearer to those that are accepted as often as they should be (Robbins & Monro 1951), averages nearer to the truth."""
    gain = tunes / (tuning.sweeps + 10.0) ** 0.6
    share = tunes * jnp.maximum(1 / (tuning.sweeps + 2.0), 0.01)
    mean = tuning.mean + share * (shared - tuning.mean)
    return Tuning(
        tuning.sweeps + tunes,
        tuning.log_step + gain * (rates - ACCEPTANCE),
        tuning.information + share * (jnp.nan_to_num(information) - tuning.information),
        mean,
        tuning.variance + share * ((shared - tuning.mean) * (shared - mean) - tuning.variance),
    )


def blank_record(kind: Kind, states: State, data: Values) -> Values:
    """What a sweep records, for its shapes."""
    most, kinds = states.own.shape[1], states.own.dtype
    number, count = jnp.zeros((), kinds), jnp.zeros((), int)
    found = {
        "own": jnp.zeros(states.own.shape[1:], kinds),
        "shared": jnp.zeros(states.shared.shape[1:], kinds),
        "log_weights": jnp.zeros(most, kinds),
        **dict.fromkeys(("n_components", "n_clusters"), count),
        **dict.fromkeys(("concentration", "left", "acceptance_rate", "shared_acceptance_rate", "lp"), number),
    }
    if kind.keeps_assignments:
        found["assignment"] = jnp.zeros(len(data["x"]), _small(most))
    return found


def _small(most: int) -> Any:
    """The smallest integers that number so many components."""
    return jnp.int8 if most <= 127 else jnp.int32
