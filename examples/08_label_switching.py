"""Label switching: where it shows, how it is mended, and where it cannot be.

A mixture says the same of the data whichever of its components is called the first. Its posterior has K! mirror images
of every mode, and a draw's component 0 need not be the component 0 of the next draw:

    draw 1    loc = [0.4, 11.0]    component 0 on the left
    draw 2    loc = [0.6, 10.8]
    draw 3    loc = [11.1, 0.5]    the labels have switched: the mean of component 0 means nothing
                  |
                  v  relabel: a permutation for each draw, by what the draw says of the rows
    draw 3    loc = [0.5, 11.1]

First the last picture of Pyro's tutorial, two mirrored modes, taken to its end. Then the galaxies, whose velocities
three components describe well, and six do not: the report says then that no labelling can be trusted, and the
partition, which needs none, says what is left.

Run `python examples/08_label_switching.py`; the pictures go to figures/.
Sources: https://pyro.ai/examples/gmm.html; Stephens (2000), JRSS B 62; Papastamoulis (2016), JSS 69;
Wade & Ghahramani (2018), Bayesian Analysis 13.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

import inference
from inference import LabelReport, plots
from inference.labels.comparison import agreement
from inference.labels.methods import METHODS
from mixtures import Observations, gaussian_mixture, load_dataset, priors, weights

FIVE_POINTS = np.array([0.0, 1.0, 10.0, 11.0, 12.0])

TUTORIAL = gaussian_mixture(
    2,
    covariance="tied",
    weights=weights.Dirichlet(0.5),
    priors={"loc": priors.Normal(0.0, 10.0), "scale": priors.LogNormal(0.0, 2.0)},
)


def five_points(args: argparse.Namespace) -> None:
    """The tutorial's mirrored modes: diagnosed, relabelled by every method, and summed up without labels."""
    print("1. Five points, two components")
    fit = inference.fit_map(TUTORIAL, FIVE_POINTS, restarts=args.restarts, steps=args.steps, seed=args.seed)
    posterior = sample(TUTORIAL, FIVE_POINTS, args)
    report = inference.diagnose_labels(posterior, reference_fit=fit)
    print(f"{report}\n")

    after = {method: inference.relabel(posterior, method, pivot=fit) for method in METHODS}
    print("Means of loc as sampled and by each method, the fit as pivot; the share of draws that ECR labels alike,")
    print("whatever the two call the components (ordering has names of its own):\n")
    print(means_text({"as sampled": posterior} | after))
    pictures(after["ecr"], report, args, "five_points")
    partition_of(posterior, args, "five_points")


def galaxies(components: int, args: argparse.Namespace) -> None:
    """The same questions on 82 velocities, each chain from a start of its own."""
    x = Observations(load_dataset("galaxies").x / 1000)
    model = gaussian_mixture(components)
    fit = inference.fit_map(model, x, restarts=args.restarts, steps=args.steps, seed=args.seed)
    posterior = sample(model, x, args)
    report = inference.diagnose_labels(posterior, reference_fit=fit)
    print(f"{report}\n")

    relabelled = inference.relabel(posterior, "stephens")
    sure = float((relabelled["relabelling"]["margin"] > np.log(20)).mean())
    print(f"Stephens' labelling is 20 times better than the second-best in {sure:.1%} of draws.")
    name = f"galaxies_{components}"
    pictures(relabelled, report, args, name)
    keep(plots.plot_point_process(relabelled).figure, args, f"{name}_point_process")
    partition_of(posterior, args, name)


def sample(model, x, args: argparse.Namespace) -> xr.DataTree:
    """Collapsed NUTS, from starts of the chains' own: they find whichever labels lie near."""
    return inference.sample_nuts(
        model, x, draws=args.draws, tune=args.tune, chains=args.chains, seed=args.seed, progress=False
    )


def means_text(trees: dict[str, xr.DataTree]) -> str:
    """What each labelling makes of the means: one line each."""
    rows = {name: tree["posterior"]["loc"].mean(["chain", "draw"]).values for name, tree in trees.items()}
    table = pd.DataFrame.from_dict(rows, orient="index").map("{:.2f}".format)
    table.columns = pd.Index([f"component {component}" for component in table.columns])
    permutations = {
        name: tree["relabelling"]["permutation"].values.reshape(-1, table.shape[1])
        for name, tree in trees.items()
        if "relabelling" in tree.children
    }
    alike = {name: agreement(permutations["ecr"], own)[0] for name, own in permutations.items()}
    table["as ECR"] = [f"{alike[name]:.1%}" if name in alike else "" for name in table.index]
    return table.to_string()


def pictures(relabelled: xr.DataTree, report: LabelReport, args: argparse.Namespace, name: str) -> None:
    """Before and after, and how far the methods agree."""
    keep(plots.plot_label_traces(relabelled)[0, 0].figure, args, f"{name}_traces")
    keep(plots.plot_mirrored_modes(relabelled).figure, args, f"{name}_mirrored_modes")
    keep(plots.plot_agreement(report).figure, args, f"{name}_agreement")


def partition_of(posterior: xr.DataTree, args: argparse.Namespace, name: str) -> None:
    """What can be said without labels: which rows belong together, and how surely."""
    best = inference.partition(posterior, loss="vi", seed=args.seed)
    print(f"\n{best}")
    if len(best.labels) <= 10:
        print(f"labels: {best.labels}; probability that two rows share a component:")
        print(np.array2string(best.similarity, precision=3, suppress_small=True))
    keep(plots.plot_similarity(best).figure, args, f"{name}_similarity")
    keep(plots.plot_row_uncertainty(best).figure, args, f"{name}_row_uncertainty")


def keep(figure: Figure, args: argparse.Namespace, name: str) -> None:
    """Write a picture and forget it."""
    args.out.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out / f"08_{name}.png", dpi=120)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> None:
    """Five points, then the galaxies with three components and with six.

    Args:
        argv: arguments of the command; None takes the process's.
    """
    parser = argparse.ArgumentParser(description="Label switching: where it shows, is mended, and cannot be.")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of the pictures")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--tune", type=int, default=500)
    parser.add_argument("--chains", type=int, default=4)
    args = parser.parse_args(argv)

    five_points(args)
    print("\n2. Galaxies, three components: chains that keep labels of their own")
    galaxies(3, args)
    print("\n3. Galaxies, six components: more than the data tell apart")
    galaxies(6, args)
    print(f"\nThe pictures are in {args.out}.")


if __name__ == "__main__":
    main()
