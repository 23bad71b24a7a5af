"""Probabilities of partitions add up to one; weights given a partition have the moments of their distributions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp

from inference.samplers.clusterings import Mixing, Prior, log_partition, moved
from mixtures.assignments.clustering import FiniteClusters, InfiniteClusters
from tests.partition_oracles import finite, partitions, pitman_yor

ROWS, MOST = 6, 9


def padded(sizes):
    return jnp.array(np.pad(np.asarray(sizes, dtype=float), (0, MOST - len(sizes))))


@pytest.mark.parametrize(
    ("law", "oracle"),
    [
        (FiniteClusters(0.7), finite(4, 0.7)),
        (FiniteClusters(0.7, is_shared_out=True), finite(4, 0.7 / 4)),
        (InfiniteClusters(0.7), pitman_yor(0.7, 0.0)),
        (InfiniteClusters(0.7, 0.3), pitman_yor(0.7, 0.3)),
    ],
    ids=["of each", "shared out", "Dirichlet process", "Pitman-Yor"],
)
def test_log_probabilities_of_partitions(law, oracle):
    sizes = [np.bincount(labels) for labels in partitions(ROWS)]
    with jax.enable_x64(True):
        compute = jax.jit(lambda counts: log_partition(law, counts, jnp.array([4]), jnp.array(0.7)).reshape(()))
        found = np.array([compute(padded(each)) for each in sizes])
    np.testing.assert_allclose(found, [oracle(each) for each in sizes], rtol=1e-12)
    assert abs(logsumexp(found)) < 1e-12


@pytest.mark.quick("Finite*", "*discount=0.25)", reason="each kind of law")
@pytest.mark.statistical
@pytest.mark.parametrize("law", [FiniteClusters(0.5), InfiniteClusters(0.5), InfiniteClusters(0.5, 0.25)], ids=str)
def test_weights_given_the_partition(law):
    """E w_k = (n_k + a) / (n + K a), and (n_k - d) / (n + a): the means of their Dirichlet distributions."""
    counts, draws = padded([3, 2, 1]), 20_000
    prior = Prior(jnp.where(jnp.arange(MOST) == 4, 0.0, -jnp.inf), None, {})
    with jax.enable_x64(True):
        begin = Mixing(jnp.array(5), jnp.array(0.5), jnp.zeros(MOST), jnp.zeros(()))
        many = jax.jit(jax.vmap(lambda key: moved(key, law, counts, begin, prior)))(
            jax.random.split(jax.random.PRNGKey(0), draws)
        )
        weights, left = np.exp(np.asarray(many.log_weights)), np.asarray(many.left)
    np.testing.assert_allclose(weights.sum(axis=1) + left, 1.0)
    if isinstance(law, FiniteClusters):
        mean = (np.array([3, 2, 1]) + 0.5) / (6 + 5 * 0.5)
        assert (weights[:, 5:] == 0).all()
    else:
        mean = (np.array([3, 2, 1]) - law.discount) / (6 + 0.5)
    error = weights[:, :3].std(axis=0) / np.sqrt(draws)
    assert (np.abs(weights[:, :3].mean(axis=0) - mean) < 5 * error).all()
