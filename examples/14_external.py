"""Latent classes, and what goes with them: classify-analyse against three corrections for errors of classification.

    z[i] ~ Categorical(softmax(0, age, -age));    item[i, j] ~ Bernoulli(probs[z[i], j]);    income[i] ~ Normal(30 + 10 z[i], 10)

Three classes are measured by six items, with error: one row in seven is assigned to a wrong class. The classes are fitted to the items
alone; then the outcome's means and the covariate's coefficients are estimated with each correction, beside the truth.

Run `python examples/14_external.py`; the picture goes to figures/.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import inference
import mixtures

ITEMS = np.array([[0.8] * 6, [0.8] * 3 + [0.2] * 3, [0.2] * 6])
"""P(yes) by class and item."""
CLASSES = ("all", "some", "none")
"""What the classes say yes to."""
SLOPES, MEANS = (1.0, -1.0), (30.0, 40.0, 50.0)
CORRECTIONS = ("none", "ml", "bch", "two-step")


def survey(rows: int, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Items, the covariate and the outcome."""
    age = rng.normal(size=rows)
    odds = np.column_stack([0 * age, SLOPES[0] * age, SLOPES[1] * age])
    z = np.argmax(odds + rng.gumbel(size=odds.shape), axis=1)
    items = pd.DataFrame(rng.random((rows, 6)) < ITEMS[z], columns=[f"item {j + 1}" for j in range(6)])
    return items, age, rng.normal(np.take(MEANS, z), 10.0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit, ask with each correction, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backend", choices=["numpyro", "pyro"], default="numpyro")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of the picture")
    args = parser.parse_args(arguments)

    items, age, income = survey(args.rows, np.random.default_rng(args.seed))
    model = mixtures.latent_class(3, items)
    fit = inference.fit_em(model, items, restarts=args.restarts, seed=args.seed, backend=args.backend)
    rank = np.argsort(np.argsort(-fit.parameters["probs"][..., 1].sum(axis=1)))  # by how often a class says yes
    fit = inference.name_components(fit, [CLASSES[place] for place in rank])
    print(fit)

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for place, correction in enumerate(CORRECTIONS):
        outcome = inference.external(fit, items, outcome=income, correction=correction)
        logit = inference.external(
            fit, items, covariates=pd.Series(age, name="age"), correction=correction, reference=CLASSES[0]
        )
        print(f"\n{outcome}\n\n{logit}")
        means = outcome.to_frame().xs("mean", level="parameter").loc[list(CLASSES)]
        slopes = logit.to_frame().xs("age", level="parameter").loc[list(CLASSES[1:])]
        for ax, table in zip(axes, (means, slopes), strict=True):
            at = np.arange(len(table)) + 0.15 * (place - 1.5)
            reach = np.abs(table[["lower", "upper"]].to_numpy().T - table["estimate"].to_numpy())
            ax.errorbar(at, table["estimate"], reach, fmt="o", label=correction)
    for ax, truth, title in zip(axes, (MEANS, SLOPES), ("mean income", "log odds a unit of age"), strict=True):
        names = CLASSES[len(CLASSES) - len(truth) :]
        ax.hlines(truth, np.arange(len(truth)) - 0.35, np.arange(len(truth)) + 0.35, color="black", label="truth")
        ax.set(title=title, xticks=np.arange(len(truth)), xticklabels=names)
    axes[1].legend()
    args.out.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out / "14_external.png", dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()
