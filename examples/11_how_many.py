"""How many groups of galaxies? Every route to an answer, and what each says.

Velocities of 82 galaxies (Roeder 1990) have been counted since Richardson & Green (1997), who found between three and seven groups. Their model:

    K            ~ Uniform(1, ..., 30)
    weights      ~ Dirichlet(1, ..., 1)
    loc_k        ~ Normal(midrange, range)
    scale_k^2    ~ InverseGamma(2, rate),    rate ~ Gamma(0.2, 10 / range^2)

is a declaration: the rate is a prior's own parameter. The telescoping sampler draws K with everything else. Then K is counted by other routes:
criteria of point fits, cross-validation, the likelihood ratio by bootstrap, components merged to clusters; and under other priors, on which p(K)
depends more than one would like.

Run `python examples/11_how_many.py`; the pictures go to figures/.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import inference
from inference import plots
from mixtures import Mixture, assignments, component_counts, families, load_dataset, priors

OTHERS = {
    "sparse": (assignments.SparseDirichlet(), 10, None),
    "dynamic": (assignments.SparseDirichlet(), 30, component_counts.BetaNegativeBinomial(1, 4, 3)),
    "Dirichlet process": (assignments.StickBreaking(1.0), 30, None),
}
"""Other priors of the partition: law of the assignment, components, prior on their number."""


def richardson_green(x: np.ndarray, most: int) -> Mixture:
    """Their model, with up to so many components."""
    span, middle = np.ptp(x), (x.min() + x.max()) / 2
    scale = priors.RootInverseGamma(2.0, priors.Gamma(0.2, 10 / span**2))
    return Mixture(most, families.Gaussian(priors={"loc": priors.Normal(middle, span), "scale": scale}))


def main(argv: Sequence[str] | None = None) -> None:
    """From velocities to numbers of groups.

    Args:
        argv: arguments of the command; None takes the process's.
    """
    parser = argparse.ArgumentParser(description="How many components?")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of the pictures")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--tune", type=int, default=300)
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--most", type=int, default=30, help="components")
    parser.add_argument("--compared", type=int, default=6, help="components of the largest model that is fitted")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--others", nargs="*", choices=OTHERS, default=list(OTHERS), help="other priors")
    parser.add_argument("--replicates", type=int, default=99)
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    x, seed = load_dataset("galaxies").x, args.seed
    sizes = {"draws": args.draws, "tune": args.tune, "chains": args.chains, "seed": seed, "progress": False}

    model = richardson_green(x, args.most)
    posterior = inference.sample_telescope(model, x, prior_on_components=component_counts.Uniform(), **sizes)
    print(f"{model}\n\nRichardson & Green's prior: {inference.check_posterior(posterior)}\n")

    gaussians, numbers = Mixture(1, families.Gaussian("V")), range(1, args.compared + 1)
    counted = inference.number_of_components(
        gaussians, x, numbers, restarts=args.restarts, folds=args.folds, seed=seed, posterior=posterior
    )
    print(f"{counted}\n")
    axes = plots.plot_component_count(counted)
    np.ravel(axes)[0].figure.savefig(args.out / "11_routes.png", dpi=120)

    clusters = {"K uniform": posterior}
    for name in args.others:
        law, most, prior = OTHERS[name]
        other = Mixture(min(most, args.most), model.family, law)
        clusters[name] = inference.sample_telescope(other, x, prior_on_components=prior, **sizes)
    for name, tree in clusters.items():
        found = tree["posterior"]["n_clusters"].values.ravel()
        shares = np.bincount(found, minlength=9)[1:9] / len(found)
        print(f"{name:18} p(K+ = 1, ..., 8): {' '.join(f'{share:.3f}' for share in shares)}")

    identified = inference.identify(posterior, seed=seed)
    rate, share = identified.attrs["non_permutation_rate"], identified.attrs["share_of_draws"]
    number = identified.posterior.sizes["components"]
    print(f"\n{number} clusters have {share:.0%} of the draws; in {rate:.0%} of these two cannot be told apart\n")
    print(inference.partition(posterior, seed=seed))

    print(f"\n{inference.bootstrap_test(gaussians, x, numbers, replicates=args.replicates, seed=seed)}\n")
    fit = inference.fit_em(Mixture(args.compared, families.Gaussian("V")), x, restarts=args.restarts, seed=seed)
    merges = inference.merge_components(fit, x)
    print(merges)
    plots.plot_merges(merges)
    plt.gcf().savefig(args.out / "11_merges.png", dpi=120)
    plt.close("all")


if __name__ == "__main__":
    main()
