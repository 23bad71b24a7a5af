"""One picture a family: data simulated from two overlapping components, and the mixture that MAP finds.

    weights ~ Dirichlet(1)
    parameters[k] ~ the family's default priors, scaled to the data
    assignment[i] ~ Categorical(weights)
    obs[i] ~ Family(parameters[assignment[i]])

`Laplace` is not in the package: it is declared here, in ten lines, as you would declare your own.

Run `python examples/05_families.py --backend pyro`; the picture goes to figures/.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

import inference
from inference import PointFit
from mixtures import Mixture, Observations, families, priors, simulate
from mixtures.families import PerComponent, PointMass, WithNoise

Site = dict[str, list[float]]


class Laplace(families.Columns):
    """A component with a sharp peak and long tails: the double exponential distribution."""

    default_priors = {  # noqa: RUF012 (as short as a user would write it)
        "loc": priors.Normal(priors.MIDRANGE, priors.RANGE),
        "scale": priors.LogNormal(priors.LOG_HALF_SD, 1.0),
    }

    def cell(self, ppl: Any, parameters: Any) -> Any:
        return ppl.dist.Laplace(parameters["loc"], parameters["scale"])

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        return {"loc": x[rows], "scale": np.full(x[rows].shape, x.std())}


CONTINUOUS: dict[str, tuple[Any, Site]] = {
    "Gaussian": (families.Gaussian(), {"loc": [-1.0, 2.5], "scale": [1.0, 0.8]}),
    "StudentT": (families.StudentT(df=3.0), {"loc": [-1.0, 2.5], "scale": [0.6, 0.5]}),
    "WithNoise(Gaussian)": (WithNoise(families.Gaussian(), -10.0, 10.0), {"loc": [0.0, 1.0], "scale": [1.0, 0.8]}),
    "Exponential": (families.Exponential(), {"rate": [0.3, 3.0]}),
    "Gamma": (families.Gamma(), {"concentration": [3.0, 12.0], "rate": [2.0, 2.0]}),
    "LogNormal": (families.LogNormal(), {"loc": [0.0, 1.2], "scale": [0.4, 0.3]}),
    "Weibull": (families.Weibull(), {"scale": [1.0, 4.0], "concentration": [1.2, 5.0]}),
    "Beta": (families.Beta(), {"concentration1": [2.0, 9.0], "concentration0": [8.0, 3.0]}),
    "your own: Laplace": (Laplace(), {"loc": [-1.0, 2.5], "scale": [0.6, 0.4]}),
    "VonMises": (families.VonMises(), {"loc": [-1.5, 1.0], "concentration": [4.0, 6.0]}),
}

COUNTS: dict[str, tuple[Any, Site]] = {
    "Poisson": (families.Poisson(), {"rate": [2.0, 9.0]}),
    "NegativeBinomial": (families.NegativeBinomial(), {"concentration": [3.0, 8.0], "rate": [2.0, 0.8]}),
    "ZeroInflatedPoisson": (families.ZeroInflatedPoisson(), {"gate": [0.4, 0.1], "rate": [2.0, 10.0]}),
    "PointMass + Poisson": (PerComponent([PointMass(0.0), families.Poisson()]), {"rate_1": 4.0}),
    "Binomial(20)": (families.Binomial(20), {"probs": [0.2, 0.6]}),
}

COLUMNS: dict[str, tuple[Any, Site, int]] = {
    "Bernoulli": (families.Bernoulli(), {"probs": [[0.9, 0.8, 0.2, 0.1, 0.6], [0.2, 0.1, 0.7, 0.8, 0.5]]}, 5),
    "Multinomial(12)": (families.Multinomial(12), {"probs": [[0.5, 0.3, 0.1, 0.1], [0.1, 0.2, 0.3, 0.4]]}, 4),
    "Categorical(3)": (
        families.Categorical(3),
        {
            "probs": [
                [[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.1, 0.2, 0.7]],
                [[0.1, 0.2, 0.7], [0.2, 0.3, 0.5], [0.7, 0.2, 0.1]],
            ]
        },
        3,
    ),
}


def fitted(
    family: Any, truth: Site, size: int | tuple[int, int], args: argparse.Namespace
) -> tuple[np.ndarray, PointFit]:
    """Simulated data and the best of a few starts."""
    x = simulate(Mixture(2, family), size, args.seed, {"weights": [0.4, 0.6], **truth}, args.backend)["obs"]
    fit = inference.fit_map(
        Mixture(2, family), x, restarts=args.restarts, steps=args.steps, seed=args.seed, backend=args.backend
    )
    return x, fit


def draw_density(axes: Axes, x: np.ndarray, fit: PointFit, grid: np.ndarray, is_count: bool) -> None:
    """The data's histogram, the mixture's density over it, and each component's share."""
    edges = np.arange(grid[0] - 0.5, grid[-1] + 1) if is_count else np.linspace(grid[0], grid[-1], 40)
    axes.hist(x, bins=edges, density=True, color="0.85")
    density = np.exp(inference.log_likelihood(fit, grid))
    shares = inference.responsibilities(fit, grid) * density[:, None]
    style = {"marker": "o", "markersize": 3} if is_count else {}
    for k, share in enumerate(shares.T):
        axes.plot(grid, share, color=f"C{k}", linewidth=1, **style)
    axes.plot(grid, density, color="black", linewidth=1.2)
    axes.set_ylim(bottom=0)
    axes.set_yticks([])


def draw_profile(axes: Axes, fit: PointFit) -> None:
    """Each component's probabilities of the last category, column by column."""
    probs = fit.parameters["probs"]
    for k, values in enumerate(probs.reshape(len(probs), probs.shape[1], -1)):
        axes.plot(values[:, -1], marker="o", markersize=4, color=f"C{k}")
    axes.set_xticks(range(probs.shape[1]))
    axes.set(xlabel="column", ylim=(0, 1), yticks=(0, 1))
    axes.set_ylabel("probability" if probs.ndim == 2 else f"P({probs.shape[-1] - 1})", labelpad=-4)


def main(argv: Sequence[str] | None = None) -> None:
    """Fit and draw every family.

    Args:
        argv: arguments of the command; None takes the process's.
    """
    parser = argparse.ArgumentParser(description="One picture a family.")
    parser.add_argument("--backend", choices=("numpyro", "pyro"), default="numpyro")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of the picture")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--restarts", type=int, default=6)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--only", nargs="*", help="names of families; all by default")
    args = parser.parse_args(argv)
    every = [*CONTINUOUS, *COUNTS, *COLUMNS]
    names = [name for name in every if not args.only or name in args.only]
    wide = min(6, len(names))
    tall = -(-len(names) // wide)
    figure, grid = plt.subplots(tall, wide, figsize=(2.5 * wide, 2.2 * tall), squeeze=False, layout="constrained")
    for axes, name in zip(grid.flat, names, strict=False):
        if name in COLUMNS:
            family, truth, columns = COLUMNS[name]
            _, fit = fitted(family, truth, (args.rows, columns), args)
            draw_profile(axes, fit)
        else:
            family, truth = (CONTINUOUS | COUNTS)[name]
            x, fit = fitted(family, truth, args.rows, args)
            low, high = np.quantile(x, [0.0, 0.95] if name == "Exponential" else [0.002, 0.998])
            points = np.arange(0, x.max() + 1) if name in COUNTS else np.linspace(low, high, 200)
            Mixture(2, family).check(Observations(points))
            draw_density(axes, x, fit, points, is_count=name in COUNTS)
        axes.set_title(name, fontsize=10)
        print(f"{name:<22} {fit.status.word:<20} log likelihood {fit.log_likelihood:10.3f}")
    for axes in list(grid.flat)[len(names) :]:
        axes.set_axis_off()
    args.out.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out / "05_families.png", dpi=120)
    plt.close(figure)
    print(f"\nThe picture is in {args.out}: data (grey), the mixture (black), its components (colours).")


if __name__ == "__main__":
    main()
