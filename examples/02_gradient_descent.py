"""Mixtures by gradient descent: maximum likelihood with SGD, Adam and L-BFGS, whole data and minibatches.

One declaration, its likelihood and an optimiser: the univariate Gaussian, the diagonal mixture with three and six components, and the
correlated mixture are four lines, not four modules.

    weights ~ Dirichlet    loc[k], scale[k] ~ priors (play no part in a maximum likelihood fit)
        |                       |
        v                       v
    assignment[i] ~ Categorical(weights)   ->   obs[i] ~ Normal(loc[assignment[i]], Sigma[assignment[i]])

Run `python examples/02_gradient_descent.py`; the pictures go to figures/.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.mixture import GaussianMixture

import inference
from inference import plots
from mixtures import gaussian_mixture, simulate

TRUTH = {
    "weights": np.array([0.2, 0.4, 0.4]),
    "loc": np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]]),
    "scale": np.array([[0.5, 0.2], [0.3, 0.3], [0.4, 0.5]]),
    "correlation_cholesky": np.array([[[1, 0], [0, 1]], [[1, 0], [0, 1]], [[1, 0], [0.8, 0.6]]], dtype=float),
}
"""Three bivariate Gaussians, of which only one is correlated."""


def one_gaussian(args: argparse.Namespace) -> None:
    """A single Gaussian, where the closed form is known: whole data, then batches of ten."""
    x = np.random.default_rng(args.seed).normal(5, 2, size=1000)
    print(f"1. One Gaussian. Closed form: mean {x.mean():.4f}, standard deviation {x.std():.4f}")
    options = {"optimizer": "sgd", "momentum": 0.9, "restarts": 1, "seed": args.seed, "backend": args.backend}
    for name, batch in {"all rows": {"epochs": args.steps}, "batches of 10": {"batch_size": 10, "epochs": 5}}.items():
        fit = inference.fit_mle(gaussian_mixture(1), x, learning_rate=0.01, **options, **batch)
        print(f"   SGD, {name}: mean {fit.parameters['loc'][0]:.4f}, {fit.parameters['scale'][0]:.4f}")


def mixtures_of(x: np.ndarray, args: argparse.Namespace) -> None:
    """Diagonal with three and six components, then correlated, each beside scikit-learn."""
    print("\n2. Mixtures of three correlated groups")
    figure, axes = plt.subplots(2, 3, figsize=(15, 8), layout="constrained")
    for column, (components, covariance) in enumerate([(3, "diag"), (6, "diag"), (3, "full")]):
        model = gaussian_mixture(components, covariance)
        fit = inference.fit_mle(
            model, x, optimizer=args.optimizer, learning_rate=0.05, epochs=args.steps, restarts=args.restarts,
            seed=args.seed, backend=args.backend,
        )  # fmt: skip
        peer = GaussianMixture(
            components, covariance_type=covariance, n_init=args.restarts, tol=1e-8, max_iter=500, random_state=0
        )
        print(
            f"   {components} components, {covariance}: log likelihood {fit.log_likelihood:.3f}, scikit-learn "
            f"{peer.fit(x).score(x) * len(x):.3f}; BIC {fit.bic:.1f}"
        )
        drawn = simulate(model, x.shape, seed=args.seed, given=fit.parameters)
        plots.plot_ellipses(fit, x, axes[0, column]).set_title(f"{components} components, {covariance}")
        axes[0, column].get_legend().remove()
        for component in range(components):
            mine = drawn["obs"][drawn["assignment"] == component]
            axes[1, column].plot(*mine.T, ".", color=plots.colour(component), markersize=3)
        axes[1, column].set(title="samples from the learned mixture", xlabel="x[0]", ylabel="x[1]")
        axes[1, column].set(xlim=axes[0, column].get_xlim(), ylim=axes[0, column].get_ylim())
    keep(figure, args, "mixtures")


def optimisers(x: np.ndarray, args: argparse.Namespace) -> None:
    """The same optimum by every road."""
    print("\n3. One optimum, four roads")
    figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
    fits = {
        name: inference.fit_mle(
            gaussian_mixture(3), x, optimizer=name, epochs=args.steps, restarts=args.restarts, seed=args.seed
        )
        for name in ("sgd", "adam", "lbfgs")
    }
    fits["em"] = inference.fit_em(gaussian_mixture(3), x, restarts=args.restarts, seed=args.seed)
    for index, (name, fit) in enumerate(fits.items()):
        print(f"   {name:>5}: log likelihood {fit.log_likelihood:.6f} after {len(fit.losses)} steps of its best start")
        ax.plot(np.arange(1, len(fit.losses) + 1), fit.losses, color=plots.colour(index), label=name)
    ax.set(xlabel="step", ylabel="negative log likelihood (nats)", xscale="log")
    ax.legend(frameon=False)
    keep(figure, args, "optimisers")


def keep(figure: plt.Figure, args: argparse.Namespace, name: str) -> None:
    """Write a picture and forget it."""
    args.out.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out / f"02_{name}.png", dpi=120)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> None:
    """The exercise's path.

    Args:
        argv: arguments of the command; None takes the process's.
    """
    parser = argparse.ArgumentParser(description="Gaussian mixtures by gradient descent.")
    parser.add_argument("--backend", choices=("numpyro", "pyro"), default="numpyro")
    parser.add_argument("--optimizer", choices=("sgd", "adam", "lbfgs"), default="sgd")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of the pictures")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--restarts", type=int, default=50)
    parser.add_argument("--steps", type=int, default=1000)
    args = parser.parse_args(argv)

    x = simulate(gaussian_mixture(3), (args.rows, 2), seed=args.seed, given=TRUTH)["obs"]
    one_gaussian(args)
    mixtures_of(x, args)
    optimisers(x, args)
    print(f"\nThe pictures are in {args.out}.")


if __name__ == "__main__":
    main()
