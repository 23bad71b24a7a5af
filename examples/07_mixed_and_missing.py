"""Data frames of mixed type, and cells that were not observed.

    length[i] ~ Normal    visits[i] ~ Poisson    smoker[i] ~ Bernoulli      independent given assignment[i]

First a simulated clinic, whose three columns together tell groups apart that none of them tells alone. Then Fisher's irises with a share of
their cells knocked out at random: how much does the clustering suffer, and how much if rows with a hole are dropped instead?

Run `python examples/07_mixed_and_missing.py`; the picture goes to figures/.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

import inference
from inference import PointFit
from mixtures import Mixture, Observations, gaussian_mixture, load_dataset
from mixtures.families import Bernoulli, Gaussian, Poisson, Product

FAMILIES = {"length": Gaussian(), "visits": Poisson(), "smoker": Bernoulli()}

SPECIES = np.repeat([0, 1, 2], 50)


def clinic(rows: int, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Two groups that overlap in every column."""
    z = (rng.random(rows) < 0.45).astype(int)
    columns = {
        "length": rng.normal(np.array([170.0, 178.0])[z], 6.0),
        "visits": rng.poisson(np.array([2.0, 5.0])[z]),
        "smoker": rng.random(rows) < np.array([0.15, 0.7])[z],
    }
    return pd.DataFrame(columns), z


def agreement(found: np.ndarray, truth: np.ndarray) -> float:
    """The share of rows in the right group, under the best naming of the groups."""
    table = pd.crosstab(found, truth).to_numpy()
    return float(table[linear_sum_assignment(-table)].sum() / len(truth))


def fit(model: Mixture, x: Any, args: argparse.Namespace) -> PointFit:
    """The best of a few starts."""
    return inference.fit_map(model, x, restarts=args.restarts, steps=args.steps, seed=args.seed, backend=args.backend)


def mixed(args: argparse.Namespace, rng: np.random.Generator) -> dict[str, float]:
    """How well columns tell the groups apart, alone and together."""
    frame, truth = clinic(args.rows, rng)
    model = Mixture(2, Product(FAMILIES))
    print(model, "\n")
    scores = {}
    for columns in (["length"], ["visits"], ["length", "visits"], ["length", "visits", "smoker"]):
        part = Mixture(2, Product({name: FAMILIES[name] for name in columns}))
        x = Observations(frame[columns])
        scores[" + ".join(columns)] = agreement(inference.classify(fit(part, x, args), x), truth)
    for name, score in scores.items():
        print(f"{name:<26} {score:.1%} of rows in their group")
    return scores


def missing(args: argparse.Namespace, rng: np.random.Generator) -> pd.DataFrame:
    """Irises with more and more holes: all rows against complete rows only."""
    iris = load_dataset("iris")
    model = gaussian_mixture(3, "tied")
    order, lines = rng.random(iris.shape), []
    for share in args.shares:
        holes = Observations(np.where(order < share, np.nan, iris.x), iris.feature_names, missing="allow")
        complete = ~np.isnan(holes.x).any(axis=1)
        everyone = fit(model, holes, args)
        only_complete = fit(model, holes.take(complete), args)
        # every row is classified, holes and all, by either fit
        scores = [agreement(inference.classify(each, holes), SPECIES) for each in (everyone, only_complete)]
        lines.append((share, int(complete.sum()), *scores))
    table = pd.DataFrame(lines, columns=["share missing", "complete rows", "all rows", "complete rows only"])
    print(f"\nIrises in their species\n{table.to_string(index=False, float_format='{:.3f}'.format)}")
    return table


def main(argv: Sequence[str] | None = None) -> None:
    """Mixed columns, then missing cells.

    Args:
        argv: arguments of the command; None takes the process's.
    """
    parser = argparse.ArgumentParser(description="Data frames of mixed type, and missing cells.")
    parser.add_argument("--backend", choices=("numpyro", "pyro"), default="numpyro")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of the picture")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--restarts", type=int, default=8)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.0, 0.1, 0.2, 0.3])
    args = parser.parse_args(argv)
    rng = np.random.default_rng(args.seed)
    scores = mixed(args, rng)
    table = missing(args, rng)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
    left.barh(list(scores), list(scores.values()), color="C0")
    left.invert_yaxis()
    left.set(xlim=(0.5, 1), xlabel="rows in their group (by chance: 0.5)", title="Columns of mixed type")
    for column, marker in (("all rows", "o"), ("complete rows only", "s")):
        right.plot(table["share missing"], table[column], marker=marker, label=f"fitted to {column}")
    right.set(xlabel="share of cells missing", ylabel="irises in their species", title="Missing cells")
    right.set_xticks(args.shares)
    right.set_ylim(top=1.01)
    right.legend(loc="best")
    args.out.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out / "07_mixed_and_missing.png", dpi=120)
    plt.close(figure)
    print(f"\nThe picture is in {args.out}.")


if __name__ == "__main__":
    main()
