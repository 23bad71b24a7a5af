"""One script for a machine with a GPU: EM at Flash-GMM's shape, then the other benchmarks on the device that JAX finds.

    python benchmarks/accelerator.py [--rows 1000000] [--features 128] [--components 1024] [--steps 5] [--alone]

Spherical and full covariances, from the same start: seconds of as many steps less those of one, so that compiling and copying to the device
are left out. `--alone` leaves out `em.py`, `nuts.py` and `chains.py`. On a machine without an accelerator it says so, and runs on the CPU: take
few rows then.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import numpy as np

from inference import fit_em
from mixtures import gaussian_mixture

OTHERS = ("em.py", "nuts.py", "chains.py")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (("rows", 1_000_000), ("features", 128), ("components", 1024), ("steps", 5)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--alone", action="store_true")
    arguments = parser.parse_args(argv)
    device = jax.devices()[0]
    print(f"{device.platform}: {device.device_kind}" + (", no accelerator" if device.platform == "cpu" else ""))
    rng = np.random.default_rng(0)
    centres = 2 * rng.normal(size=(arguments.components, arguments.features))
    x = centres[rng.integers(0, arguments.components, arguments.rows)] + rng.normal(
        size=(arguments.rows, arguments.features)
    )
    for covariance in ("spherical", "full"):
        seconds = per_step(lambda steps, covariance=covariance: ours(x, centres, covariance, steps), arguments.steps)
        rate = len(x) / seconds / 1e6
        print(f"{covariance:<10}{seconds:9.3f} s a step, {rate:8.2f} million rows a second", flush=True)
    for script in () if arguments.alone else OTHERS:
        print(f"== {script}", flush=True)
        subprocess.run([sys.executable, Path(__file__).with_name(script)], check=True)


def per_step(run: Callable[[int], None], steps: int) -> float:
    """Seconds of one step, warm."""
    taken = []
    for count in (1, 1, 1 + steps):  # the first compiles
        begin = time.perf_counter()
        run(count)
        taken.append(time.perf_counter() - begin)
    return (taken[2] - taken[1]) / steps


def ours(x: np.ndarray, centres: np.ndarray, covariance: str, steps: int) -> None:
    components, features = centres.shape
    start = {"weights": np.full(components, 1 / components), "loc": centres + 0.5, "scale": np.ones(components)}
    if covariance == "full":
        start["scale"] = np.ones(centres.shape)
        start["correlation_cholesky"] = np.broadcast_to(np.eye(features), (components, features, features)).copy()
    model = gaussian_mixture(components, covariance)
    fit_em(model, x, init=start, restarts=1, max_steps=steps, tolerance=0.0, seed=0)


if __name__ == "__main__":
    main()
