"""NUTS and tempered SMC, which sum assignments out, have the partitions of sparse mixtures and of processes: by sums over all partitions.

The oracle is that of the telescoping sampler, which draws partitions. Assignments are drawn here, from weights and rates of each draw.
"""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from scipy.special import logsumexp

import inference
from mixtures import Mixture, families, priors
from mixtures.assignments import SparseDirichlet, StickBreaking
from tests.monte_carlo import standard_score
from tests.partition_oracles import COUNTS, RATE, SHAPE, Exact, exact, finite, gamma_grid, mixed, pitman_yor

Z = 5.0
RUNS = 12

GRID, LOG_SHARES = gamma_grid(1.0, 2.0)
LAWS: dict[str, tuple[int, Any, Any]] = {
    "sparse": (4, SparseDirichlet(priors.Gamma(1.0, 2.0)), mixed([finite(4, a / 4) for a in GRID], LOG_SHARES)),
    # 6 rows, 2^-11 of the weight cut off: what is lost is a fraction of a Monte Carlo error
    "process": (12, StickBreaking(1.0), pitman_yor(1.0, 0.0)),
}


def model(name: str) -> Mixture:
    components, law, _ = LAWS[name]
    return Mixture(components, families.Poisson(priors={"rate": priors.Gamma(SHAPE, RATE)}), law)


def events(tree: xr.DataTree, right: Exact) -> list[tuple[np.ndarray, float]]:
    """Whether K+ is k, and whether two rows are together, at each draw, (chains, draws); and how probable that is."""
    group = tree["posterior"].to_dataset().transpose("chain", "draw", "components", ...)
    weights, rates = group["weights"].values[..., None, :], group["rate"].values[..., None, :]
    logs = np.log(np.maximum(weights, 1e-300)) + stats.poisson(rates).logpmf(COUNTS[:, None])
    labels = np.argmax(logs + np.random.default_rng(0).gumbel(size=logs.shape), axis=-1)
    clusters = np.array([[len(set(draw)) for draw in chain] for chain in labels.tolist()])
    found = [(clusters == k, right.clusters[k]) for k in range(1, len(COUNTS) + 1)]
    pairs = [(i, j) for i in range(len(COUNTS)) for j in range(i)]
    found += [(labels[..., i] == labels[..., j], right.similarity[i, j]) for i, j in pairs]
    return [(event, share) for event, share in found if 1e-2 < share < 1 - 1e-2]


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("name", LAWS)
def test_nuts(name):
    tree = inference.sample_nuts(model(name), COUNTS, draws=2000, tune=1000, seed=0, progress=False)
    off = [standard_score(event, share) for event, share in events(tree, exact(LAWS[name][2]))]
    assert np.abs(off).max() < Z


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("name", LAWS)
def test_tempered_smc(name):
    right = exact(LAWS[name][2])
    tree = inference.sample_smc(model(name), COUNTS, particles=250, runs=RUNS, seed=0, progress=False)
    logs = tree["evidence"]["log_evidence"].values
    # errors are estimated from so many runs
    far = stats.t(RUNS - 1).isf(stats.norm.sf(Z))
    assert abs(logsumexp(logs) - np.log(RUNS) - right.log_evidence) < far * tree.attrs["log_evidence_error"]
    for event, share in events(tree, right):
        # a run's evidence times its mean has no bias, however few the particles
        apart = np.exp(logs - right.log_evidence) * (event.mean(axis=1) - share)
        assert abs(apart.mean()) < far * apart.std(ddof=1) / np.sqrt(RUNS)
