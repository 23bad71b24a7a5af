"""EM of rows measured with errors (extreme deconvolution), beside a plain NumPy implementation of the paper.

    python benchmarks/errors.py [--rows 100000] [--features 6] [--components 10] [--steps 10] [--large]

Full covariances, errors of each cell, the same start, as many steps. Least seconds of three runs, by the clock and of the processor. `--large`
fits once 879,516 rows of 51 columns, 4 components, 2 steps, alone.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from inference import fit_em
from mixtures import Mixture, Observations, gaussian_mixture

Parameters = dict[str, np.ndarray]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (("rows", 100_000), ("features", 6), ("components", 10), ("steps", 10)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--large", action="store_true")
    arguments = parser.parse_args(argv)
    if arguments.large:
        model, data, start = problem(879_516, 51, 4)
        _, clock, processor = timed(lambda: ours(model, data, start, 2))
        print(f"879,516 x 51, K = 4, 2 steps: {clock:.0f} s, {processor:.0f} processor seconds")
        return
    model, data, start = problem(arguments.rows, arguments.features, arguments.components)
    ours(model, data, start, 1)  # compiles
    found: dict[str, list[tuple[float, float]]] = {"this package": [], "NumPy": []}
    heights = {}
    for _ in range(3):
        for name, run in (("this package", ours), ("NumPy", by_numpy)):
            heights[name], *seconds = timed(lambda run=run: run(model, data, start, arguments.steps))
            found[name].append(tuple(seconds))
    least = {name: np.min(seconds, axis=0) for name, seconds in found.items()}
    for name, (clock, processor) in least.items():
        print(f"{name:<14}{clock:8.2f} s{processor:8.2f} processor seconds, log likelihood {heights[name]:.4f}")
    clock, processor = least["NumPy"] / least["this package"]
    print(f"ratio {clock:.1f} by the clock, {processor:.1f} of the processor")


def problem(rows: int, features: int, components: int) -> tuple[Mixture, Observations, Parameters]:
    """Overlapping components, errors as large as they are; and a start that is far from them."""
    rng = np.random.default_rng(0)
    centres, errors = 2 * rng.normal(size=(components, features)), rng.uniform(0.2, 1.5, size=(rows, features))
    x = centres[rng.integers(0, components, rows)] + rng.normal(size=(rows, features))
    x += errors * rng.normal(size=(rows, features))
    start = {
        "weights": np.full(components, 1 / components),
        "loc": x[:components] + 0.0,
        "scale": np.full((components, features), 1.5),
        "correlation_cholesky": np.broadcast_to(np.eye(features), (components, features, features)).copy(),
    }
    return gaussian_mixture(components), Observations(x, errors=errors), start


def ours(model: Mixture, data: Observations, start: Parameters, steps: int) -> float:
    fit = fit_em(model, data, init=start, restarts=1, max_steps=steps, tolerance=0.0, seed=0)
    return fit.log_likelihood


def by_numpy(model: Mixture, data: Observations, start: Parameters, steps: int) -> float:
    """Bovy, Hogg & Roweis (2011), equations 13 to 16, all rows of a component at once."""
    x, variances = data.x, data.errors**2
    weights, loc = start["weights"].copy(), start["loc"].copy()
    covariances = np.array([np.diag(scale**2) for scale in start["scale"]])
    for _ in range(steps):
        joint, means, spreads = e_step(x, variances, weights, loc, covariances)
        shares = np.exp(joint - np.logaddexp.reduce(joint, axis=0))
        counts = shares.sum(axis=1)
        weights = counts / len(x)
        for k in range(len(weights)):
            loc[k] = shares[k] @ means[k] / counts[k]
            apart = means[k] - loc[k]
            inner = np.einsum("n,nij->ij", shares[k], spreads[k])
            covariances[k] = ((apart * shares[k][:, None]).T @ apart + inner) / counts[k]
    return float(np.logaddexp.reduce(e_step(x, variances, weights, loc, covariances)[0], axis=0).sum())


def e_step(x: np.ndarray, variances: np.ndarray, weights: Any, loc: Any, covariances: Any) -> tuple[Any, Any, Any]:
    joint, means, spreads = [], [], []
    identity = np.eye(x.shape[1])
    for weight, mean, covariance in zip(weights, loc, covariances, strict=True):
        total = covariance + variances[:, :, None] * identity
        inverse = np.linalg.inv(total)
        apart = x - mean
        pulled = np.einsum("nij,nj->ni", inverse, apart)
        distance = np.einsum("ni,ni->n", apart, pulled)
        constant = x.shape[1] * np.log(2 * np.pi) + np.linalg.slogdet(total)[1]
        joint.append(np.log(weight) - 0.5 * (distance + constant))
        means.append(mean + pulled @ covariance)
        spreads.append(covariance - covariance @ inverse @ covariance)
    return np.array(joint), means, spreads


def timed(function: Callable[[], float]) -> tuple[float, float, float]:
    clock, processor = time.perf_counter(), time.process_time()
    found = function()
    return found, time.perf_counter() - clock, time.process_time() - processor


if __name__ == "__main__":
    main()
