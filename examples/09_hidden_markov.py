"""Earthquakes of magnitude 7 and more, 1900 to 2006: quiet and active times of the earth, as a hidden Markov chain.

A mixture of Poisson counts takes the years for independent. They are not: active years follow active years. A chain says so with one
matrix more,

    P(state of this year | state of the last) = transition[last, this]

and everything else stays as it was: the family, the verbs, the posterior. First numbers of states are compared, then the fit of Zucchini,
MacDonald & Langrock (2016) is found again, log likelihood -342.3183 with two stationary states; then the posterior says how sure that is.

Run `python examples/09_hidden_markov.py`; the pictures go to figures/.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import inference
from inference import plots
from mixtures import families, hidden_markov, load_dataset, poisson_mixture
from mixtures.assignments import Markov


def main(argv: Sequence[str] | None = None) -> None:
    """From counts to states.

    Args:
        argv: arguments of the command; None takes the process's.
    """
    parser = argparse.ArgumentParser(description="A hidden Markov chain of Poisson counts.")
    parser.add_argument("--backend", choices=("numpyro", "pyro"), default="numpyro")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of the pictures")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--tune", type=int, default=500)
    parser.add_argument("--chains", type=int, default=4)
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    x, common = load_dataset("earthquakes"), {"seed": args.seed, "backend": args.backend}

    selection = inference.select_components(
        x, [1, 2, 3, 4], family=families.Poisson(), assignment=Markov(), restarts=args.restarts, **common
    )
    print(f"{selection}\n")

    model = hidden_markov(2, families.Poisson(), initial="stationary")
    fit = inference.fit_mle(model, x, restarts=args.restarts, **common)
    mixture = inference.fit_em(poisson_mixture(2), x, restarts=args.restarts, **common)
    print(
        f"{fit}\n\nA mixture of as many components, which knows nothing of time: log likelihood {mixture.log_likelihood:.4f}\n"
    )
    _draw_path(fit, x, args.out / "09_path.png")

    sampled = inference.sample_nuts(
        model, x, draws=args.draws, tune=args.tune, chains=args.chains, init=fit, progress=False, **common
    )
    posterior = inference.relabel(sampled)
    for site in ("rate", "transition"):
        values = posterior["posterior"][site]
        print(
            f"{site}: mean\n{values.mean(('chain', 'draw')).values.round(3)}\nsd\n{values.std(('chain', 'draw')).values.round(3)}"
        )

    axes = plots.plot_state_probabilities(inference.responsibilities(posterior, x))
    axes.set_title("averaged over the posterior")
    axes.figure.savefig(args.out / "09_posterior_probabilities.png", dpi=120)
    plt.close("all")


def _draw_path(fit: inference.PointFit, x: np.ndarray, file: Path) -> None:
    figure, (above, below) = plt.subplots(2, 1, figsize=(10, 5.5), layout="constrained", height_ratios=(3, 2))
    plots.plot_path(x, inference.classify(fit, x), above)
    above.set_title("earthquakes a year, and the most probable path")
    plots.plot_state_probabilities(inference.responsibilities(fit, x), below)
    figure.savefig(file, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()
