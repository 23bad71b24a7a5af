"""Small data: regressions and gating weights by EM, this package against R's flexmix and, for latent classes, StepMix.

Data are drawn here, of the sizes of well-known examples, and handed to each. What is not installed is left out, and the output says so.

    python benchmarks/small.py
"""

import importlib.util
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

import inference
from mixtures import Mixture, Observations, families, weights

FLEXMIX = """
suppressMessages(library(flexmix))
d <- read.csv("{path}")
run <- function(seed) {{
  set.seed(seed)
  logLik(stepFlexmix({formula}, data = d, k = {components}, nrep = {restarts}, verbose = FALSE, {extra}))
}}
invisible(run(1))
cat(system.time(l <- run(2))[["elapsed"]], as.numeric(l), "\\n")
"""


def lines(rows: int, components: int, kind: str) -> pd.DataFrame:
    """Overlapping lines, whose shares move along the covariate."""
    rng = np.random.default_rng(7)
    c = rng.normal(0.0, 1.5, rows)
    logits = np.column_stack([0.6 * (k - 1) * c for k in range(components)])
    z = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
    eta = 1.0 + 0.7 * z + (0.5 - 0.4 * z) * c
    y = rng.poisson(np.exp(np.clip(eta, -3, 6))) if kind == "poisson" else rng.normal(eta, 0.8)
    return pd.DataFrame({"c": c, "y": y.astype(float)})


def classes(rows: int, items: int, components: int) -> pd.DataFrame:
    """Yes or no to some items, by latent class; classes depend on a covariate."""
    rng = np.random.default_rng(8)
    c = rng.normal(size=rows)
    logits = np.column_stack([0.9 * (k - 1) * c for k in range(components)])
    z = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
    probs = rng.uniform(0.15, 0.85, (components, items))
    answers = (rng.uniform(size=(rows, items)) < probs[z]).astype(float)
    return pd.DataFrame(answers, columns=[f"item{j}" for j in range(items)]).assign(c=c)


def timed(fit: Callable[[int], float]) -> tuple[float, float, float]:
    """Seconds of the first call and of the fastest of three more, and the highest of their log likelihoods."""
    begin = time.perf_counter()
    best = fit(0)
    cold, warm = time.perf_counter() - begin, []
    for seed in (1, 2, 3):
        begin = time.perf_counter()
        best = max(best, fit(seed))
        warm.append(time.perf_counter() - begin)
    return cold, min(warm), best


def flexmix(data: pd.DataFrame, formula: str, components: int, restarts: int, extra: str) -> str:
    if shutil.which("Rscript") is None:
        return "flexmix: R is not installed"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        data.to_csv(path, index=False)
        script = FLEXMIX.format(path=path, formula=formula, components=components, restarts=restarts, extra=extra)
        done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=False)
    if done.returncode:
        return f"flexmix: {(done.stderr.strip().splitlines() or ['failed'])[-1]}"
    seconds, likelihood = done.stdout.split()
    return f"flexmix {float(seconds):.2f} s, log likelihood {float(likelihood):.4f}"


def stepmix(answers: np.ndarray, covariate: np.ndarray, components: int, restarts: int) -> str:
    if importlib.util.find_spec("stepmix") is None:
        return "StepMix is not installed"
    from stepmix import StepMix

    def fit(seed: int) -> float:
        model = StepMix(
            components, measurement="binary", structural="covariate", n_steps=1, n_init=restarts, random_state=seed, verbose=0, progress_bar=0
        )  # fmt: skip
        model.fit(answers, covariate)
        return float(model.score(answers, covariate)) * len(answers)

    cold, warm, best = timed(fit)
    return f"StepMix {warm:.2f} s warm, {cold:.2f} s cold, log likelihood {best:.4f}"


def report(name: str, model: Mixture, x: Observations, restarts: int, peer: str) -> None:
    cold, warm, best = timed(lambda seed: inference.fit_em(model, x, restarts=restarts, seed=seed).log_likelihood)
    print(
        f"{name}, {restarts} starts: {warm:.3f} s warm, {cold:.2f} s cold, log likelihood {best:.4f}; {peer}",
        flush=True,
    )


def main() -> None:
    counts, few = lines(70, 3, "poisson"), lines(28, 2, "gaussian")
    gating = "concomitant = FLXPmultinom(~ c)"
    report(
        "three Poisson lines with gating, 70 rows",
        Mixture(3, families.Regression("poisson"), weights.Gating()),
        Observations(counts["y"].to_numpy(), covariates=counts[["c"]].to_numpy()),
        20,
        flexmix(counts, "y ~ c", 3, 20, f'model = FLXMRglm(family = "poisson"), {gating}'),
    )
    report(
        "two lines, 28 rows",
        Mixture(2, families.Regression()),
        Observations(few["y"].to_numpy(), covariates=few[["c"]].to_numpy()),
        20,
        flexmix(few, "y ~ c", 2, 20, "model = FLXMRglm()"),
    )
    table = classes(1000, 6, 3)
    answers, covariate = table.drop(columns="c"), table[["c"]].to_numpy()
    report(
        "three latent classes with a covariate, 1000 x 6",
        Mixture(3, families.Bernoulli(), weights.Gating()),
        Observations(answers.to_numpy(), covariates=covariate),
        5,
        stepmix(answers.to_numpy(), covariate, 3, 5),
    )


if __name__ == "__main__":
    main()
