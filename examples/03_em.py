"""Expectation maximisation on four groups of very different size: true and inferred centres, and the climb.

    E-step: r_ik = P(assignment_i = k | row i)     M-step: weights, means, covariances from rows weighted by r_ik

All restarts run in one compiled program; the table shows which distinct optima they reached, and how often.
Run `python examples/03_em.py`; the pictures go to figures/.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.mixture import GaussianMixture

import inference
from inference import plots
from mixtures import gaussian_mixture

CENTRES = np.array([[1.0, -1.0], [5.0, 5.0], [8.0, 7.0], [10.0, 0.0]])
SIZES = (30, 50, 20, 5)


def main(argv: Sequence[str] | None = None) -> None:
    """The exercise's path.

    Args:
        argv: arguments of the command; None takes the process's.
    """
    parser = argparse.ArgumentParser(description="EM for a Gaussian mixture, from many starts.")
    parser.add_argument("--backend", choices=("numpyro", "pyro"), default="numpyro")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of the pictures")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--restarts", type=int, default=50)
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)

    x = np.random.default_rng(args.seed).normal(size=(sum(SIZES), 2)) + np.repeat(CENTRES, SIZES, axis=0)
    fit = inference.fit_em(gaussian_mixture(4), x, restarts=args.restarts, seed=args.seed, backend=args.backend)
    peer = GaussianMixture(4, n_init=args.restarts, tol=1e-8, max_iter=1000, random_state=0).fit(x)
    print(f"{fit}\n\nscikit-learn, as many starts: log likelihood {peer.score(x) * len(x):.4f}")
    optima = fit.restarts[fit.restarts["optimum"] >= 0].groupby("optimum")["objective"]
    print(f"\nDistinct optima (negative log likelihood) and how often they were hit:\n{optima.agg(['min', 'count'])}")

    nearest = linear_sum_assignment(cdist(CENTRES, fit.parameters["loc"]))[1]
    for centre, inferred in zip(CENTRES, fit.parameters["loc"][nearest], strict=True):
        print(f"true {centre}, inferred {inferred.round(3)}")

    figure, ax = plt.subplots(figsize=(8, 6), layout="constrained")
    plots.plot_ellipses(fit, x, ax, classes=inference.classify(fit, x))
    ax.plot(*CENTRES.T, "*", color="black", markersize=12, label="true centre")
    for centre in CENTRES:
        for radius in (1, 2, 3):
            plots.confidence_ellipse(centre, np.eye(2), ax, radius, edgecolor="black", linestyle=":", linewidth=0.8)
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.savefig(args.out / "03_centres.png", dpi=120)
    plt.close(figure)

    figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
    ax.plot(-fit.losses, color="black")
    ax.set(xlabel="iteration", ylabel="log likelihood (nats)")
    figure.savefig(args.out / "03_log_likelihood.png", dpi=120)
    plt.close(figure)
    print(f"\nThe pictures are in {args.out}.")


if __name__ == "__main__":
    main()
