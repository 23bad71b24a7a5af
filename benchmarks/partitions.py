"""How long the search for a partition takes, how it grows, and how much better it is than a hierarchical clustering.

    python benchmarks/partitions.py [--rows 250 500 1000 2000] [--draws 4000] [--components 5] [--losses vi binder ...]

Each line is one search over a simulated posterior of overlapping Gaussian components. The peer is what is usually done in Python:
average linkage of 1 - S by SciPy, cut where the same expected loss is least. `over peer` is the time of the search over the time of
that, `gain` how much lower the search's expected loss is.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence

import numpy as np

from inference.partitions.allocation import Allocation
from inference.partitions.evidence import Evidence, gather
from inference.partitions.losses import Loss, loss_of
from inference.partitions.search import hierarchical_cuts, search


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[250, 500, 1000, 2000])
    parser.add_argument("--draws", type=int, default=4000)
    parser.add_argument("--components", type=int, default=5)
    parser.add_argument("--losses", nargs="+", default=["vi", "vi-lower-bound", "binder", "omari", "omari-approximate"])
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args(argv)
    print(f"{arguments.draws} draws, {arguments.components} components, median of {arguments.repeats}")
    print(f"{'rows':>5}  {'loss':<18}{'evidence s':>11}{'search s':>10}{'over peer':>11}{'clusters':>10}{'gain':>8}")
    for rows in arguments.rows:
        evidence, gathering = timed(gather, posterior(rows, arguments.draws, arguments.components), 0)
        for name in arguments.losses:
            loss = loss_of(name)
            runs = [timed(search, evidence, loss, seed=seed) for seed in range(arguments.repeats)]
            seconds = statistics.median(run[1] for run in runs)
            peer, peer_seconds = timed(best_cut, evidence, loss)
            found = runs[0][0]
            print(
                f"{rows:>5}  {name:<18}{gathering:>11.2f}{seconds:>10.2f}{seconds / peer_seconds:>11.1f}"
                f"{found.labels.max() + 1:>10}{1 - found.expected_loss / peer:>8.1%}",
                flush=True,
            )


def posterior(rows: int, draws: int, components: int) -> np.ndarray:
    """Responsibilities of overlapping Gaussian components with uncertain parameters, labels switching in every draw."""
    rng = np.random.default_rng(0)
    x = rng.normal(2.5 * rng.integers(0, components, rows), 1.0)
    loc = 2.5 * np.arange(components) + rng.normal(0, 0.15, (draws, components))
    weights = rng.dirichlet(np.full(components, rows / components), draws)
    order = rng.permuted(np.tile(np.arange(components), (draws, 1)), axis=1)
    loc, weights = np.take_along_axis(loc, order, axis=1), np.take_along_axis(weights, order, axis=1)
    density = weights[:, None] * np.exp(-0.5 * (x[None, :, None] - loc[:, None]) ** 2)
    return density / density.sum(axis=2, keepdims=True)


def best_cut(evidence: Evidence, loss: Loss) -> float:
    """Least expected loss among the cuts of an average linkage into at most 20 clusters."""
    cuts = hierarchical_cuts(evidence.similarity, 20)
    return min(Allocation(evidence, loss, labels, evidence.rows).expected_loss() for labels in cuts)


def timed(function, *arguments, **options):
    """What the function returns, and the seconds that it took."""
    start = time.perf_counter()
    result = function(*arguments, **options)
    return result, time.perf_counter() - start


if __name__ == "__main__":
    main(sys.argv[1:])
