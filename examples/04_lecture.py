"""A lecture on probabilistic clustering: known labels, means alone, Old Faithful step by step, and what hard assignment does.

    supervised          every label known: one estimate a group, in closed form
    means only          variances 1 and equal weights known: EM learns the means
    unsupervised        nothing known: EM, drawn after 1, 5 and 20 iterations
    hard assignment     each row wholly in its most probable component: with equal spheres and weights, k-means

Run `python examples/04_lecture.py`; the pictures go to figures/.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

import inference
from inference import plots
from mixtures import Observations, gaussian_mixture, load_dataset


def supervised(x: Observations, args: argparse.Namespace) -> None:
    """Labels known for all rows, then for five of each group."""
    labels = (x.x[:, 0] > 3).astype(int)
    known = inference.fit_em(gaussian_mixture(2), x, labels=labels, restarts=1, seed=args.seed, backend=args.backend)
    means = np.stack([x.x[labels == group].mean(axis=0) for group in (0, 1)])
    print(f"1. All labels known: means\n{known.parameters['loc']}\n   each group's own:\n{means}")
    some = np.full(len(x), -1)
    for group in (0, 1):
        some[np.flatnonzero(labels == group)[:5]] = group
    anchored = inference.fit_em(gaussian_mixture(2), x, labels=some, restarts=10, seed=args.seed, backend=args.backend)
    right = np.mean(inference.classify(anchored, x) == labels)
    print(f"   Ten labels known: {right:.1%} of all rows get the label that they would have had.")


def means_only(args: argparse.Namespace) -> None:
    """The simple example: one variable, two components, variances 1, equal weights."""
    rng = np.random.default_rng(args.seed)
    x = np.concatenate([rng.normal(-1.5, 1, 150), rng.normal(1.5, 1, 150)])
    fixed = {"weights": [0.5, 0.5], "scale": np.ones(2)}
    fit = inference.fit_em(gaussian_mixture(2), x, fixed=fixed, restarts=5, seed=args.seed, backend=args.backend)
    print(f"\n2. Means only: {fit.parameters['loc'].round(4)}; {fit.free_parameters} free parameters")


def step_by_step(x: Observations, args: argparse.Namespace) -> None:
    """Old Faithful after 1, 5 and 20 iterations from a poor start."""
    model = gaussian_mixture(2)
    spread = np.diag(x.x.var(axis=0) / 2)
    start = {"weights": [0.5, 0.5], "loc": np.array([[2.5, 85.0], [4.5, 50.0]])}
    start |= model.family.sites_of(np.stack([spread, spread]), 2)
    figure, axes = plt.subplots(1, 3, figsize=(15, 4.5), sharex=True, sharey=True, layout="constrained")
    print("\n3. Old Faithful")
    for ax, steps in zip(axes, (1, 5, 20), strict=True):
        fit = inference.fit_em(
            model, x, init=start, restarts=1, max_steps=steps, tolerance=0.0, seed=args.seed, backend=args.backend
        )
        print(f"   after {steps:>2} iterations: log likelihood {fit.log_likelihood:.3f}")
        plots.plot_ellipses(fit, x, ax, classes=inference.classify(fit, x))
        ax.label_outer()
        ax.set_title(f"after {steps} iteration{'s' if steps > 1 else ''}")
        ax.get_legend().remove()
    keep(figure, args, "iterations")
    best = inference.fit_em(model, x, restarts=args.restarts, seed=args.seed, backend=args.backend)
    peer = GaussianMixture(2, n_init=10, tol=1e-8, random_state=0).fit(x.x)
    print(f"   the best: {best.log_likelihood:.4f}, scikit-learn {peer.score(x.x) * len(x):.4f}")


def hard(x: Observations, args: argparse.Namespace) -> None:
    """Hard assignment with equal spheres and weights is k-means; the standardised data, both from the same centres."""
    standard = (x.x - x.x.mean(axis=0)) / x.x.std(axis=0)
    centres = standard[[0, 1, 2]]
    start = {"weights": np.full(3, 1 / 3), "loc": centres, "scale": 1.0}
    fit = inference.fit_em(
        gaussian_mixture(3, "EII"), standard, init=start, fixed={"weights": np.full(3, 1 / 3)}, hard=True, restarts=1,
        seed=args.seed, backend=args.backend,
    )  # fmt: skip
    peer = KMeans(3, init=centres, n_init=1, tol=0).fit(standard)
    gap = np.abs(fit.parameters["loc"] - peer.cluster_centers_).max()
    print(f"\n4. Hard assignment: centres within {gap:.1e} of scikit-learn's k-means")


def choose(x: Observations, args: argparse.Namespace) -> None:
    """How many components, and of which form?"""
    structures = args.structures.split(",") if args.structures else None
    selection = inference.select_components(
        x, range(1, args.components + 1), structures, seed=args.seed, backend=args.backend
    )
    print(f"\n5. {selection}")
    keep(plots.plot_selection(selection).figure, args, "selection")


def keep(figure: plt.Figure, args: argparse.Namespace, name: str) -> None:
    """Write a picture and forget it."""
    args.out.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out / f"04_{name}.png", dpi=120)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> None:
    """The lecture's path.

    Args:
        argv: arguments of the command; None takes the process's.
    """
    parser = argparse.ArgumentParser(description="Probabilistic clustering, from known labels to hard assignment.")
    parser.add_argument("--backend", choices=("numpyro", "pyro"), default="numpyro")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of the pictures")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--components", type=int, default=9, help="the largest number to try")
    parser.add_argument("--structures", help="covariance structures, separated by commas; all of them by default")
    args = parser.parse_args(argv)

    x = load_dataset("faithful")
    supervised(x, args)
    means_only(args)
    step_by_step(x, args)
    hard(x, args)
    choose(x, args)
    print(f"\nThe pictures are in {args.out}.")


if __name__ == "__main__":
    main()
