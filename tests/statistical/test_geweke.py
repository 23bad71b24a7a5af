"""The telescoping sampler passes Geweke's (2004) joint distribution test: data drawn anew after each sweep leave all at the prior.

Sweeps given the data, and data given parameters and assignments, in turn, have the joint distribution of all as their limit: what is learned
must then be distributed as before data are seen. A sweep with a fault in any of its parts drifts away from that.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from inference.backends import bind
from inference.samplers import clusterings, telescope, telescoping_sweep
from mixtures import Mixture, Observations, component_counts, families, priors
from mixtures.assignments import SparseDirichlet
from tests.monte_carlo import standard_score

ROWS, MOST, CHAINS, SWEEPS = 5, 8, 8, 12_000
PRIOR = component_counts.Poisson(1.0)
Z = 5.0


def simulated(seed: int) -> dict[str, np.ndarray]:
    """Sweeps and data in turn: K, the concentration, the first row's rate, (chains, sweeps)."""
    law = SparseDirichlet(priors.Gamma(2.0, 2.0))
    model = Mixture(MOST, families.Poisson(priors={"rate": priors.Gamma(2.0, 0.5)}), law)
    target = bind(model, Observations(np.arange(ROWS, dtype=float)), "numpyro").complete()
    kind = telescoping_sweep.Kind(target.density, law.clusters, "Gamma", True)
    start = telescope._compiled.__wrapped__(kind)[0]  # not from the cache: another test may have broken the sampler
    of_components = PRIOR.log_probs(MOST)

    def chain(state, data, width, key):
        def once(held, number):
            state, x, key = held
            key, draw = jax.random.split(key)
            given = {**data, "x": x}
            state, record = telescoping_sweep.sweep(
                kind, state, of_components, width, given, jnp.where(number < 1000, 1.0, 0.0), jnp.ones(())
            )
            own = state.own[record["assignment"]]
            # the rate is exp of its unconstrained value, and the data are what the family draws
            x = jax.random.poisson(draw, jnp.exp(own[:, 0])).astype(float)
            kept = (record["n_components"], record["concentration"], jnp.exp(own[0, 0]), jnp.sum(x))
            return (state, x, key), kept

        return jax.lax.scan(once, (state, data["x"], key), jnp.arange(1000 + SWEEPS))[1]

    with jax.enable_x64(True):
        data = jax.tree.map(jnp.asarray, target.data)
        keys = jax.random.split(jax.random.PRNGKey(seed), 2 * CHAINS)
        rates = {"rate": jnp.ones((CHAINS, MOST))}
        states, width = start(keys[:CHAINS], rates, jnp.asarray(3), jnp.asarray(1.0), data)
        run = jax.jit(jax.vmap(chain, (0, None, None, 0)))
        names = ("components", "concentration", "rate", "total")
        return {
            name: np.asarray(v)[:, 1000:]
            for name, v in zip(names, run(states, data, width, keys[CHAINS:]), strict=True)
        }


def scores(drawn: dict[str, np.ndarray]) -> np.ndarray:
    """Standard errors between what was drawn and the prior."""
    found = []
    for k, share in enumerate(np.exp(PRIOR.log_probs(MOST))[:4], start=1):
        found.append(standard_score(drawn["components"] == k, share))
    laws = {"concentration": stats.gamma(2.0, scale=0.5), "rate": stats.gamma(2.0, scale=2.0)}
    for name, law in laws.items():
        found += [standard_score(drawn[name] < law.ppf(share), share) for share in (0.1, 0.5, 0.9)]
    return np.array(found)


@pytest.mark.slow
@pytest.mark.statistical
def test_all_stays_at_the_prior():
    assert np.abs(scores(simulated(0))).max() < Z


def _without_empty(law, counts, components, concentration):
    """The number of components without the ways to choose those that have rows."""
    clusters = jnp.sum(counts > 0)
    whole = clusterings._log_finite(law, counts, components, concentration)
    return (
        whole
        - jax.scipy.special.gammaln(components + 1.0)
        + jax.scipy.special.gammaln(jnp.maximum(components - clusters, 0) + 1.0)
    )


def _too_wide(key, density, own, shared, assignment, width, tuning, data):
    """Parameters that move twice as far as the metric says, accepted always."""
    moved, heights, rates, information = WHOLE(key, density, own, shared, assignment, width, tuning, data)
    return own + 1.2 * (moved - own), heights, rates, information


WHOLE = telescoping_sweep._components_moved


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize(
    ("module", "name", "broken"),
    [(clusterings, "log_partition", _without_empty), (telescoping_sweep, "_components_moved", _too_wide)],
    ids=["number of components", "parameters"],
)
def test_a_broken_sampler_fails(monkeypatch, module, name, broken):
    monkeypatch.setattr(module, name, broken)
    assert np.abs(scores(simulated(1))).max() > Z
