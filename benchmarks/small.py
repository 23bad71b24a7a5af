"""Small data: what an analyst waits for, this package against R's flexmix and mclust, StepMix, scikit-learn and a loop of SciPy's.

Data are drawn here, of the sizes of well-known examples, or are such an example, and handed to each. What is not installed is left out, and
the output says so.
Families without closed M-steps stand beside SciPy's L-BFGS on the same compiled density, one start after the other. Whole processes, from
their start to the result, run with the compiled programs of another process, and with none.

    python benchmarks/small.py
"""

import functools
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import optimize

import inference
from inference.backends import bind
from inference.point.starts import draw_starts
from mixtures import (
    Mixture,
    Observations,
    families,
    gamma_mixture,
    gaussian_mixture,
    load_dataset,
    negative_binomial_mixture,
    student_t_mixture,
    weibull_mixture,
    weights,
)
from mixtures.seeds import restart_seeds

PATENTS = Path(__file__).parent.parent / "tests" / "published" / "patent.csv"
"""Where the example of Grün & Leisch (2008) is."""

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

MCLUST = """
suppressMessages(library(mclust))
x <- read.csv("{path}")
run <- function() mclustBIC(x, G = 1:9, verbose = FALSE)
invisible(run())
cat(system.time(b <- run())[["elapsed"]], max(b, na.rm = TRUE), "\\n")
"""


def lines(rows: int, components: int) -> pd.DataFrame:
    """Overlapping lines, whose shares move along the covariate."""
    rng = np.random.default_rng(7)
    c = rng.normal(0.0, 1.5, rows)
    logits = np.column_stack([0.6 * (k - 1) * c for k in range(components)])
    z = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
    eta = 1.0 + 0.7 * z + (0.5 - 0.4 * z) * c
    return pd.DataFrame({"c": c, "y": rng.normal(eta, 0.8)})


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


def by_r(package: str, script: str, data: pd.DataFrame, **words: object) -> tuple[str, float | None, float | None]:
    """What a script of R's says of the data: words if it did not run, else the package, seconds and a number."""
    if shutil.which("Rscript") is None:
        return f"{package}: R is not installed", None, None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        data.to_csv(path, index=False)
        command = ["Rscript", "-e", script.format(path=path, **words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"{package}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}", None, None
    seconds, found = map(float, done.stdout.split())
    return package, seconds, found


def in_turns(*fits: Callable[[], object]) -> list[float]:
    """Seconds of each, the least of eight runs one after the other."""
    least = [np.inf] * len(fits)
    for _ in range(8):
        for which, fit in enumerate(fits):
            begin = time.perf_counter()
            fit()
            least[which] = min(least[which], time.perf_counter() - begin)
    return least


def flexmix(data: pd.DataFrame, formula: str, components: int, restarts: int, extra: str) -> str:
    words = {"formula": formula, "components": components, "restarts": restarts, "extra": extra}
    said, seconds, likelihood = by_r("flexmix", FLEXMIX, data, **words)
    return said if seconds is None else f"{said} {seconds:.2f} s, log likelihood {likelihood:.4f}"


def sweep() -> None:
    """All covariance structures by nine numbers of components on Old Faithful, with one start a cell as mclust has it, and by default."""
    x = load_dataset("faithful")
    said, seconds, bic = by_r("mclust", MCLUST, pd.DataFrame(x.x))
    peer = said if seconds is None else f"{said} {seconds:.2f} s, highest BIC {bic:.3f}"
    for restarts in (1, 15):

        def fit(seed: int, restarts: int = restarts) -> float:
            return -inference.select_components(x, restarts=restarts, seed=seed).table["bic"].min()

        cold, warm, best = timed(fit)
        print(
            f"14 x 9, {restarts} starts: {warm:.2f} s warm, {cold:.2f} s cold, highest BIC {best:.3f}; {peer}",
            flush=True,
        )


def against_scikit() -> None:
    """EM of Gaussians by as many steps from the same start, in turns."""
    from sklearn.mixture import GaussianMixture

    rng = np.random.default_rng(10)
    for rows, features, components, structure, kind, steps in (
        (2_000, 4, 3, "VVV", "full", 100),
        (50_000, 8, 6, "VVI", "diag", 50),
    ):
        loc, scale = rng.normal(0, 1.5, (components, features)), np.ones((components, features))
        x = loc[rng.integers(components, size=rows)] + rng.normal(size=(rows, features))
        one, start = np.full(components, 1 / components), {"loc": loc, "scale": scale}
        precisions = scale if kind == "diag" else np.tile(np.eye(features), (components, 1, 1))
        if kind == "full":
            start["correlation_cholesky"] = precisions
        model, data = gaussian_mixture(components, structure), Observations(x)
        options = {"init": {"weights": one, **start}, "restarts": 1, "max_steps": steps, "tolerance": 0.0, "seed": 0}
        peer = GaussianMixture(
            components, covariance_type=kind, max_iter=steps, tol=0.0, reg_covar=0.0, weights_init=one, means_init=loc,
            precisions_init=precisions,
        )  # fmt: skip
        own, other = in_turns(
            functools.partial(inference.fit_em, model, data, **options), functools.partial(peer.fit, x)
        )
        print(
            f"EM, {rows:,} x {features}, K = {components}, {kind}, {steps} steps: {own:.3f} s, scikit-learn {other:.3f} s",
            flush=True,
        )


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


def one_by_one(model: Mixture, x: Observations, restarts: int) -> str:
    """SciPy's optimiser from each of as many starts, on the compiled log likelihood."""
    problem = bind(model, x, "numpyro")
    density = problem.log_density(prior=False)

    def fit(seed: int) -> float:
        starts = draw_starts(problem, restart_seeds(seed, restarts), "fit_mle")
        each = [density.unconstrain({name: value[i] for name, value in starts.items()}) for i in range(restarts)]

        def loss(u: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = density.value_and_gradient(u)
            return -value, -gradient

        return max(-optimize.minimize(loss, u, jac=True, method="L-BFGS-B", options={"maxiter": 500}).fun for u in each)

    cold, warm, best = timed(fit)
    return f"SciPy {warm:.2f} s warm, {cold:.2f} s cold, log likelihood {best:.4f}"


def by_family() -> None:
    """Ten starts of families whose M-steps climb by gradient, and of a normal with a tenth of its cells missing."""
    rng = np.random.default_rng(9)
    sizes = np.concatenate([rng.gamma(2.0, 1.0, 300), rng.gamma(9.0, 1.0, 200)])
    counts = np.concatenate([rng.negative_binomial(3, 0.3, 250), rng.negative_binomial(12, 0.4, 250)])
    place = np.repeat([[0, 0, 0], [3, 0, 1], [0, 4, 2]], [150, 150, 100], axis=0)
    table = rng.normal(size=(400, 6)) + np.repeat(rng.normal(0, 1.5, (3, 6)), [150, 150, 100], axis=0)
    table[rng.random(table.shape) < 0.1] = np.nan
    cases = {
        "two gammas, 500 rows": (gamma_mixture(2), Observations(sizes)),
        "two Weibulls, 500 rows": (weibull_mixture(2), Observations(sizes)),
        "two negative binomials, 500 rows": (negative_binomial_mixture(2), Observations(counts)),
        "three t's, 400 x 3": (student_t_mixture(3), Observations(rng.standard_t(4, size=(400, 3)) + place)),
        "three normals, a tenth of the cells missing, 400 x 6": (
            gaussian_mixture(3, "VVV"),
            Observations(table, missing="allow"),
        ),
    }
    for name, (model, x) in cases.items():
        report(name, model, x, 10, one_by_one(model, x, 10))


OURS = """
import inference, mixtures
x = mixtures.load_dataset("faithful")
print(inference.{call}.log_likelihood)
"""

SCIKIT = """
import mixtures
from sklearn.mixture import GaussianMixture
x = mixtures.load_dataset("faithful").x
model = GaussianMixture(2, n_init=50, random_state=0).fit(x)
print(model.score(x) * len(x))
"""


def seconds_of(code: str, **settings: str) -> tuple[float, float]:
    """Of a process of its own, from its start to its end; and what it says."""
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | settings
    )
    return time.perf_counter() - begin, float(done.stdout)


def processes() -> None:
    """Old Faithful in a fresh process, with an empty cache of compiled programs and with a full one."""
    peer, likelihood = seconds_of(SCIKIT)
    print(f"scikit-learn, 50 starts, process: {peer:.2f} s, log likelihood {likelihood:.4f}", flush=True)
    for call in (
        "fit_em(mixtures.gaussian_mixture(2), x, restarts=50, seed=0)",
        "fit_map(mixtures.gaussian_mixture(2), x, seed=0)",
    ):
        with tempfile.TemporaryDirectory() as folder:
            settings = {"JAX_COMPILATION_CACHE_DIR": folder, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2"}
            empty, likelihood = seconds_of(OURS.format(call=call), **settings)
            full = min(seconds_of(OURS.format(call=call), **settings)[0] for _ in range(3))
        print(f"{call}, process: {full:.2f} s, empty cache {empty:.2f} s, log likelihood {likelihood:.4f}", flush=True)


def main() -> None:
    processes()
    sweep()
    against_scikit()
    few, patents = lines(28, 2), pd.read_csv(PATENTS)
    gating = "concomitant = FLXPmultinom(~ RDS)"
    report(
        "patents: three Poisson lines, weights by another covariate, 70 rows",
        Mixture(3, families.Regression("poisson", among=["lgRD"]), weights.Gating(among=["RDS"])),
        Observations(patents["Patents"].to_numpy(), covariates=patents[["lgRD", "RDS"]]),
        20,
        flexmix(patents, "Patents ~ lgRD", 3, 20, f'model = FLXMRglm(family = "poisson"), {gating}'),
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
    by_family()


if __name__ == "__main__":
    main()
