"""Pyro's Gaussian mixture tutorial, section by section, on either backend; and what it could not do.

The model: five points, two components, one scale. Assignments are summed out of every fit.

    weights ~ Dirichlet(0.5)        scale ~ LogNormal(0, 2)
        |                              |
        v                              v
    +---------------- rows i = 1 ... 5 ----------------+
    |  assignment[i] ~ Categorical(weights)            |          +-- components k = 1, 2 --+
    |      |                                           |          |                         |
    |      v                                           |          |  loc[k] ~ Normal(0, 10) |
    |  obs[i] ~ Normal(loc[assignment[i]], scale) <----|----------|                         |
    +--------------------------------------------------+          +-------------------------+

Run `python examples/01_tutorial.py --backend pyro`; the pictures go to figures/.
Source: https://pyro.ai/examples/gmm.html
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import inference
from inference import PointFit, plots
from inference.report import summary_text
from mixtures import gaussian_mixture, priors, weights

X = np.array([0.0, 1.0, 10.0, 11.0, 12.0])

MODEL = gaussian_mixture(
    2,
    covariance="tied",
    weights=weights.Dirichlet(0.5),
    priors={"loc": priors.Normal(0.0, 10.0), "scale": priors.LogNormal(0.0, 2.0)},
)

DRAWS = {"numpyro": 1000, "pyro": 300}
TUNE = {"numpyro": 500, "pyro": 150}


def train(args: argparse.Namespace) -> PointFit:
    """Training a MAP estimator: best of 100 starts, assignments summed out by enumeration."""
    print(f"{MODEL}\n\n1. The best of {args.restarts} starts")
    fit = inference.fit_map(
        MODEL, X, restarts=args.restarts, steps=args.steps, optimizer="adam", seed=args.seed, backend=args.backend
    )
    print(fit)
    print(
        f"The lowest loss at a start is {fit.restarts['initial_objective'].min():.4f}; the fit ends at {-fit.log_posterior:.4f}.\n"
        "A start that collapsed put all rows into one component: under Dirichlet(0.5) its loss has no lower bound,\n"
        "so that it is never taken for the best, however low it gets."
    )
    keep(plots.plot_losses(fit).figure, args, "loss")
    keep(plots.plot_gradient_norms(fit).figure, args, "gradient_norms")
    keep(plots.plot_density(fit, X).figure, args, "density")
    return fit


def predict(fit: PointFit, args: argparse.Namespace) -> None:
    """Serving the model: predicting membership by discrete inference."""
    print(f"\n2. Classes of the five points: {inference.classify(fit, X)}")
    line = np.linspace(-3, 15, 721)
    classes = inference.classify(fit, line)
    border = line[1:][np.diff(classes) != 0]
    print(f"Along -3 ... 15 the class changes at {', '.join(f'{value:.2f}' for value in border)}.")
    keep(plots.plot_classes(line, classes, inference.responsibilities(fit, line)).figure, args, "classes")

    near = np.linspace(5.5, 6.0, 101)
    drawn = inference.classify(fit, near, temperature=1, seed=args.seed)
    expected = inference.responsibilities(fit, near)[:, 0].sum()
    print(
        f"Drawn at random near the border: {np.sum(drawn == 0)} of 101 in component 0, where {expected:.1f} are expected."
    )
    keep(plots.plot_random_assignments(near, drawn, components=2).figure, args, "random_assignments")


def enumerate_in_the_guide(fit: PointFit, args: argparse.Namespace) -> None:
    """Predicting membership by enumerating in the guide: slower, but part of larger variational models."""
    guide = inference.fit_guide(fit, X, steps=args.steps, seed=args.seed)
    gap = np.abs(guide.assignment_probs - inference.responsibilities(fit, X)).max()
    print(f"\n3. The guide's assignment probabilities, {guide.status.word} at a loss of {guide.losses[-1]:.4f}:")
    print(np.array2string(guide.assignment_probs, precision=3, suppress_small=True))
    print(f"They are within {gap:.1e} of the exact responsibilities.")
    keep(plots.plot_losses(guide).figure, args, "guide_loss")
    keep(plots.plot_gradient_norms(guide).figure, args, "guide_gradient_norms")
    keep(plots.plot_guide(guide, X).figure, args, "guide_probabilities")


def sample(args: argparse.Namespace) -> xr.DataTree:
    """MCMC: the posterior of the parameters by collapsed NUTS."""
    print(f"\n4. Collapsed NUTS: {args.chains} chains of {args.tune} + {args.draws} draws")
    posterior = inference.sample_nuts(
        MODEL, X, draws=args.draws, tune=args.tune, chains=args.chains, seed=args.seed, backend=args.backend
    )
    keep(plots.plot_location_pair(posterior).figure, args, "location_pair")
    keep(plots.plot_traces(posterior).figure, args, "traces")
    first, second = posterior["posterior"]["loc"].mean(["chain", "draw"]).values
    print(f"Means as sampled: {first:.2f} and {second:.2f}, each a mix of both modes if the labels switched.")
    return posterior


def mend_labels(posterior: xr.DataTree, fit: PointFit, args: argparse.Namespace) -> None:
    """What the tutorial could not do: say whether the labels switched, and give all draws one labelling."""
    print(f"\n5. {inference.diagnose_labels(posterior, reference_fit=fit)}")
    print(
        "\nFive points do not rule out that one component has them all and the other none: in those draws labels say\n"
        "nothing, and the verdict is as good as they are rare. In all others the labels can be mended:"
    )
    relabelled = inference.relabel(posterior, method="ecr", pivot=fit)
    print(f"\nRelabelled, component 0 is that of the fit in every draw:\n\n{summary_text(relabelled)}")
    figure, axes = plt.subplots(2, 1, figsize=(8, 5), layout="constrained")
    for ax, group in zip(axes, ("posterior_raw", "posterior"), strict=True):
        plots.plot_traces(relabelled, ax, group=group)
    keep(figure, args, "traces_relabelled")
    figure, axes = plt.subplots(1, 2, figsize=(10.5, 4.5), layout="constrained")
    for ax, group in zip(axes, ("posterior_raw", "posterior"), strict=True):
        plots.plot_location_pair(relabelled, ax, group=group)
    keep(figure, args, "location_pair_relabelled")


def keep(figure: Figure, args: argparse.Namespace, name: str) -> None:
    """Write a picture and forget it."""
    args.out.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out / f"01_{name}.png", dpi=120)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> None:
    """The tutorial's path.

    Args:
        argv: arguments of the command; None takes the process's.
    """
    parser = argparse.ArgumentParser(description="Pyro's Gaussian mixture tutorial, and what it could not do.")
    parser.add_argument("--backend", choices=("numpyro", "pyro"), default="numpyro")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of the pictures")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--restarts", type=int, default=100)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--draws", type=int, help="1000, or 300 with Pyro, whose draws take a hundred times longer")
    parser.add_argument("--tune", type=int, help="500, or 150 with Pyro")
    parser.add_argument("--chains", type=int, default=4)
    args = parser.parse_args(argv)
    args.draws = args.draws or DRAWS[args.backend]
    args.tune = args.tune or TUNE[args.backend]

    fit = train(args)
    predict(fit, args)
    enumerate_in_the_guide(fit, args)
    posterior = sample(args)
    mend_labels(posterior, fit, args)
    print(f"\nThe pictures are in {args.out}.")


if __name__ == "__main__":
    main()
