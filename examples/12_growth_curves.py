"""Growth curves: children measured several times, and as many kinds of growth as the data say.

What is clustered are children, each known by all of its visits, and not visits: `PerGroup`. Within a component a visit's value is a line over
time, so that components are growth curves (a growth mixture; Nagin 1999, Psychological Methods 4). Visits are as many as there are, and at any
times.

Run `python examples/12_growth_curves.py`; the picture goes to figures/.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import inference
from mixtures import Observations, regression_mixture
from mixtures.assignments import PerGroup

INTERCEPT, SLOPE, SCALE = np.array([2.0, 2.6]), np.array([0.9, 0.3]), 0.9
"""Of two kinds of growth that overlap at every single visit."""


def visits(children: int, seed: int) -> tuple[Observations, np.ndarray]:
    """Simulated visits, and each child's kind."""
    rng = np.random.default_rng(seed)
    kind = (rng.random(children) < 0.4).astype(int)
    child = np.repeat(np.arange(children), rng.integers(2, 8, children))
    years = rng.uniform(0.0, 4.0, len(child))
    height = rng.normal(INTERCEPT[kind[child]] + SLOPE[kind[child]] * years, SCALE)
    names = np.array([f"child {number}" for number in range(children)])[child]
    return Observations(height, covariates=years, group=names), kind


def main(argv: list[str] | None = None) -> None:
    """Run the example.

    Args:
        argv: arguments of the command; None takes the process's.
    """
    parser = argparse.ArgumentParser(description="A mixture of growth curves.")
    parser.add_argument("--backend", choices=("numpyro", "pyro"), default="numpyro")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of the picture")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--children", type=int, default=150)
    parser.add_argument("--restarts", type=int, default=10)
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    x, kind = visits(args.children, args.seed)
    common = {"restarts": args.restarts, "seed": args.seed, "backend": args.backend}

    fit = inference.fit_em(regression_mixture(2, weights=PerGroup()), x, **common)
    one = inference.fit_em(regression_mixture(1, weights=PerGroup()), x, **common)
    print(f"{fit}\n\nBIC of one curve for all: {one.bic:.2f}, of two: {fit.bic:.2f}; n is {fit.sample_size} children\n")

    # an entry a visit, the same in all visits of a child: the first of each has the child's
    classes = inference.classify(fit, x)[x.first_of_group]
    by_visit = inference.classify(inference.fit_em(regression_mixture(2), x, **common), x)
    print(f"children told apart: {_agreement(classes, kind):.0%}")
    print(f"visits, one by one, without PerGroup: {_agreement(by_visit, kind[x.group]):.0%}")
    _draw(fit, x, args.out / "12_growth_curves.png")


def _agreement(found: np.ndarray, truth: np.ndarray) -> float:
    """The share that agrees, under the better of the two numberings."""
    same = float((found == truth).mean())
    return max(same, 1 - same)


def _draw(fit: inference.PointFit, x: Observations, file: Path) -> None:
    figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
    share, years = inference.responsibilities(fit, x)[:, 0], x.covariates[:, 0]
    for number in range(len(x.group_names)):
        rows = np.flatnonzero(x.group == number)
        rows = rows[np.argsort(years[rows])]
        ax.plot(years[rows], x.x[rows], color=plt.colormaps["cividis"](share[rows[0]]), alpha=0.5, lw=0.8)
    ends = np.array([0.0, 4.0])
    for k, style in enumerate(("-", "--")):
        line = fit.parameters["intercept"][k] + fit.parameters["slope"][k, 0] * ends
        ax.plot(ends, line, style, color="black", lw=2.5, label=f"component {k}")
    ax.set(
        xlabel="years", ylabel="height", title="children's visits, shaded by P(component 0 | all visits of the child)"
    )
    ax.legend()
    figure.savefig(file, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()
