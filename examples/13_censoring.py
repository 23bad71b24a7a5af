"""Survival with two causes of failure, of which some never fail: what censoring hides, and what a mixture that knows of it finds.

    time[i] ~ Weibull of the cause of i, or never;    what has not failed by the end of the study is known to last longer

Three fits of the same data: one that drops what has not failed, one that takes the end of the study for the time of failure, and one that
is told the bound, with a component `Never` for those who do not fail at all.

Run `python examples/13_censoring.py`; the picture goes to figures/.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import inference
from inference import PointFit
from mixtures import Mixture, Observations
from mixtures.families import Never, PerComponent, Weibull

NEVER, EARLY, LATE = 0.2, 0.3, 0.5
"""Shares of those who never fail, fail early and fail late."""


def study(rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Times of failure, and the ends of each row's observation."""
    cause = rng.choice(3, rows, p=[NEVER, EARLY, LATE])
    time = np.select([cause == 0, cause == 1], [np.inf, 1.5 * rng.weibull(1.3, rows)], 6.0 * rng.weibull(3.0, rows))
    return time, rng.uniform(3.0, 12.0, rows)


def survival(fit: PointFit, grid: np.ndarray) -> np.ndarray:
    """P(time > t) of the mixture: what rows censored at t add to the likelihood."""
    known = Observations(np.full(len(grid), np.nan), lower=grid)
    return np.exp(inference.log_likelihood(fit, known))


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit three times, print the weights, draw the survival curves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backend", choices=["numpyro", "pyro"], default="numpyro")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of the picture")
    args = parser.parse_args(arguments)

    time, end = study(args.rows, np.random.default_rng(args.seed))
    failed = time <= end
    print(f"{args.rows} rows, {1 - failed.mean():.0%} without a failure")

    bounds = Observations(np.where(failed, time, np.nan), lower=np.where(failed, np.nan, end))
    cure = Mixture(3, PerComponent([Never(), Weibull(), Weibull()]))
    fits = {
        "dropped": (Mixture(2, Weibull()), Observations(time[failed])),
        "taken for failures": (Mixture(2, Weibull()), Observations(np.minimum(time, end))),
        "censored, with a cure": (cure, bounds),
    }
    grid = np.linspace(0.05, 12.0, 120)
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    truth = NEVER + EARLY * np.exp(-((grid / 1.5) ** 1.3)) + LATE * np.exp(-((grid / 6.0) ** 3.0))
    axes.plot(grid, truth, color="black", lw=2, label="truth")
    for name, (model, x) in fits.items():
        fit = inference.fit_map(model, x, restarts=args.restarts, seed=args.seed, backend=args.backend)
        axes.plot(grid, survival(fit, grid), label=name)
        print(f"{name:>22}: weights {np.round(fit.parameters['weights'], 2)}, status {fit.status}")
    axes.set(xlabel="time", ylabel="P(no failure until then)", ylim=(0, 1))
    axes.legend()
    args.out.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out / "13_censoring.png", dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()
