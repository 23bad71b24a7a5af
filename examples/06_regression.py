"""Mixtures of regressions: every component has a line of its own; and weights that depend on the covariate (mixture of experts).

    slope[k], intercept[k], scale[k] ~ priors scaled to the data        gating_slope[k], gating_intercept[k] ~ the same
              |                                                                       |
              v                                                                       v
    y[i] ~ Normal(intercept[z] + slope[z] * c[i], scale[z])       z = assignment[i] ~ softmax(a + b * c[i])

Run `python examples/06_regression.py`; the picture goes to figures/.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

import inference
from inference import PointFit
from mixtures import Mixture, Observations, regression_mixture, weights


def crossing_lines(rows: int, rng: np.random.Generator) -> Observations:
    """Two lines that cross: nothing but the slope tells the groups apart in the middle."""
    c, z = rng.uniform(-2, 2, rows), rng.random(rows) < 0.4
    return Observations(np.where(z, 1 + 2 * c, 2 - c) + rng.normal(scale=0.5, size=rows), covariates=c)


def broken_line(rows: int, rng: np.random.Generator) -> Observations:
    """One line on the left and another on the right: where one ends the other begins."""
    c = rng.uniform(-3, 3, rows)
    z = rng.random(rows) < 1 / (1 + np.exp(-4 * c))
    return Observations(np.where(z, 3 - 1.5 * c, 2 * c) + rng.normal(scale=0.5, size=rows), covariates=c)


def counts(rows: int, rng: np.random.Generator) -> Observations:
    """Counts that grow in one group and shrink in the other."""
    c, z = rng.uniform(-2, 2, rows), rng.random(rows) < 0.5
    return Observations(rng.poisson(np.exp(np.where(z, 1 + 0.7 * c, 1.5 - 0.6 * c))), covariates=c)


def draw(axes: Axes, x: Observations, fit: PointFit, title: str, is_count: bool = False) -> None:
    """Rows in the colour of their component, and every component's line as far as its rows reach."""
    c, z = x.covariates[:, 0], inference.classify(fit, x)
    axes.scatter(c, x.x, c=[f"C{k}" for k in z], s=8, alpha=0.6)
    for k, (intercept, slope) in enumerate(zip(fit.parameters["intercept"], fit.parameters["slope"], strict=True)):
        line = np.linspace(c[z == k].min(), c[z == k].max(), 100)
        eta = intercept + slope[0] * line
        axes.plot(line, np.exp(eta) if is_count else eta, color=f"C{k}", linewidth=2)
    axes.set(title=title, xlabel="covariate", ylabel="count" if is_count else "response")
    if is_count:
        axes.yaxis.get_major_locator().set_params(integer=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Fit and draw three mixtures of regressions.

    Args:
        argv: arguments of the command; None takes the process's.
    """
    parser = argparse.ArgumentParser(description="Mixtures of regressions.")
    parser.add_argument("--backend", choices=("numpyro", "pyro"), default="numpyro")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of the picture")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=250)
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--steps", type=int, default=300)
    args = parser.parse_args(argv)
    rng = np.random.default_rng(args.seed)
    experts = regression_mixture(2, weights=weights.Gating())
    cases: list[tuple[str, Mixture, Observations]] = [
        ("Lines that cross", regression_mixture(2), crossing_lines(args.rows, rng)),
        ("Experts: weights follow the covariate", experts, broken_line(args.rows, rng)),
        ("Poisson regressions", regression_mixture(2, "poisson"), counts(args.rows, rng)),
    ]
    print(experts, "\n")
    figure, grid = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    for axes, (title, model, x) in zip(grid, cases, strict=True):
        fit = inference.fit_map(
            model, x, restarts=args.restarts, steps=args.steps, seed=args.seed, backend=args.backend
        )
        draw(axes, x, fit, title, is_count="Poisson" in title)
        print(f"{title}\n{fit}\n")
    args.out.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out / "06_regression.png", dpi=120)
    plt.close(figure)
    print(f"The picture is in {args.out}.")


if __name__ == "__main__":
    main()
