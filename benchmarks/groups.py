"""Groups that share an assignment: EM's steps against those of the plain mixture of the same rows.

    python benchmarks/groups.py

10,000 groups of 20 rows, and as many rows in groups of 1 to 39, three overlapping normals; both fits take as many steps, one after the other in
turns, warm, the least of three runs. What is printed is milliseconds a step, and how many times as long the grouped one takes.
"""

import time

import numpy as np

import inference
from mixtures import Observations, gaussian_mixture
from mixtures.assignments import PerGroup

GROUPS, ROWS, STEPS, RUNS = 10_000, 20, 40, 3


def simulated(is_ragged: bool, features: int) -> Observations:
    """Data of three overlapping kinds of groups."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 2 * ROWS, GROUPS) if is_ragged else np.full(GROUPS, ROWS)
    group = np.repeat(np.arange(GROUPS), lengths)
    means = np.array([-0.3, 0.0, 0.3])[rng.integers(3, size=GROUPS)[group]]
    return Observations(rng.normal(means[:, None], 1.5, size=(len(group), features)), group=group)


def milliseconds(x: Observations, weights: PerGroup | None) -> float:
    """Of one step, that of starting included."""
    start = {
        "weights": np.full(3, 1 / 3),
        "loc": np.linspace(-0.2, 0.2, 3)[:, None] * np.ones(x.features),
        "scale": np.full((3, x.features), 1.5),
        "correlation_cholesky": np.tile(np.eye(x.features), (3, 1, 1)),
    }
    before = time.perf_counter()
    fit = inference.fit_em(
        gaussian_mixture(3, weights=weights), x, restarts=1, init=start, max_steps=STEPS, tolerance=0.0, seed=0
    )
    return 1e3 * (time.perf_counter() - before) / max(1, len(fit.losses) - 1)


def main() -> None:
    """Print the table."""
    print("groups   columns   grouped   plain   times")
    for is_ragged in (False, True):
        for features in (2, 5):
            x = simulated(is_ragged, features)
            for law in (PerGroup(), None):  # compiled
                milliseconds(x, law)
            runs = np.array([[milliseconds(x, law) for law in (PerGroup(), None)] for _ in range(RUNS)]).min(axis=0)
            name = "ragged" if is_ragged else "equal"
            print(f"{name:<8} {features:>7} {runs[0]:>9.1f} {runs[1]:>7.1f} {runs[0] / runs[1]:>7.2f}")


if __name__ == "__main__":
    main()
