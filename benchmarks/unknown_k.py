"""How fast an unknown number of components is learned, and how good the clustering is that is found.

    python benchmarks/unknown_k.py [--draws 1000] [--tune 500] [--data shared/data] [--only galaxies ...]

Effective draws of K+ a second by `sample_telescope`: galaxies under Richardson & Green's prior, 10,000 rows of 10 columns, and, with `--data`,
acidity and thyroid. Beside them, of one column, a stick-breaking model written by hand: under NumPyro's NUTS, its K+ from drawn assignments,
and in JAGS where R has rjags. Then, at equal time, scikit-learn's BayesianGaussianMixture, which gives no p(K+): from as many starts as fit,
the best by its bound. Both are fitted to four fifths of the rows: adjusted Rand index against known classes, ours at the draw of highest
density; mean log density of the other rows, ours averaged over draws. Seconds are a processor's: other work on the machine counts little.
"""

import argparse
import itertools
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import arviz_stats
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd
import xarray as xr
from numpyro.infer import MCMC, NUTS
from scipy.special import logsumexp
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import BayesianGaussianMixture

import inference
from mixtures import Mixture, assignments, component_counts, families, load_dataset, priors

HEAVY = component_counts.BetaNegativeBinomial(1, 4, 3)
STICKS = 10
LARGE = 2000
"""Rows from which a tenth of the draws is taken."""

JAGS = """
suppressMessages(library(rjags)); x <- read.csv("{path}")$x; K <- {sticks}
text <- "model {{
  for (i in 1:n) {{ z[i] ~ dcat(w[]); x[i] ~ dnorm(mu[z[i]], pow(s[z[i]], -2)) }}
  for (k in 1:K) {{ mu[k] ~ dnorm(m, pow(r, -2)); s[k] ~ dlnorm(l, 1) }}
  for (k in 1:(K - 1)) {{ v[k] ~ dbeta(1, 1) }}
  w[1] <- v[1]; w[K] <- prod(1 - v[1:(K - 1)])
  for (k in 2:(K - 1)) {{ w[k] <- v[k] * prod(1 - v[1:(k - 1)]) }} }}"
data <- list(x = x, n = length(x), K = K, m = mean(x), r = diff(range(x)), l = log(sd(x) / 2))
begin <- sum(proc.time()[1:2])
model <- jags.model(textConnection(text), data, n.chains = 4, quiet = TRUE)
drawn <- coda.samples(model, "z", {draws}, progress.bar = "none")
cat(sum(proc.time()[1:2]) - begin, "\\n")
for (chain in drawn) cat(apply(chain, 1, function(z) length(unique(z))), "\\n")
"""


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--tune", type=int, default=500)
    parser.add_argument("--data", type=Path, help="folder with acidity.csv and thyroid.csv (class in the first column)")
    parser.add_argument("--only", nargs="*", help="names of data sets")
    arguments = parser.parse_args(argv)
    warnings.filterwarnings("ignore")
    found = cases(arguments.data)
    for name in arguments.only or found:
        x, classes = found[name]
        print(f"{name}, {' x '.join(map(str, x.shape))}")
        samplers(name, x, arguments.draws, arguments.tune)
        clusterings(name, x, classes, arguments.draws, arguments.tune)


def cases(data: Path | None) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    """Rows, and their classes where they are known."""
    found: dict[str, tuple[np.ndarray, np.ndarray | None]] = {"galaxies": (load_dataset("galaxies").x / 1000, None)}
    if data is not None:
        found["acidity"] = (pd.read_csv(data / "acidity.csv").to_numpy(float)[:, -1], None)
        thyroid = pd.read_csv(data / "thyroid.csv")
        columns = thyroid.select_dtypes("number").to_numpy(float)
        found["thyroid"] = (columns, pd.factorize(thyroid.iloc[:, 0])[0])
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 5, 10_000)
    found["simulated"] = (rng.normal(size=(5, 10))[classes] * 1.2 + rng.normal(size=(10_000, 10)), classes)
    return found


# -- effective draws of K+ a second --


def samplers(name: str, x: np.ndarray, draws: int, tune: int) -> None:
    ours(name, x, 25, 25)  # compiles: what is timed is a second run
    tree, seconds = timed(lambda: ours(name, x, draws, tune))
    line("sample_telescope", seconds, tree["posterior"]["n_clusters"])
    if x.ndim == 1:
        numbers, seconds = timed(lambda: by_numpyro(x, draws))
        line("NumPyro NUTS, sticks by hand, compiling included", seconds, numbers)
        by_jags(x, draws)


def ours(name: str, x: np.ndarray, draws: int, tune: int) -> xr.DataTree:
    share = 10 if len(x) > LARGE else 1
    covariance = "diag" if len(x) > LARGE else "full"
    model, prior = Mixture(STICKS, families.Gaussian(covariance), assignments.SparseDirichlet()), HEAVY
    if name == "galaxies":
        span, middle = np.ptp(x), (x.min() + x.max()) / 2
        scale = priors.RootInverseGamma(2.0, priors.Gamma(0.2, 10 / span**2))
        model = Mixture(30, families.Gaussian(priors={"loc": priors.Normal(middle, span), "scale": scale}))
        prior = component_counts.Uniform()
    return inference.sample_telescope(
        model,
        x,
        prior_on_components=prior,
        draws=max(draws // share, 1),
        tune=max(tune // share, 1),
        seed=0,
        assignments=True,
        log_likelihood=False,
        progress=False,
    )


def by_numpyro(x: np.ndarray, draws: int) -> xr.DataArray:
    """K+ of a Dirichlet process mixture as one writes it by hand: sticks, assignments summed out, then drawn at every draw."""

    def model(x: jax.Array) -> None:
        sticks = numpyro.sample("sticks", dist.Beta(1, 1.0).expand([STICKS - 1]).to_event(1))
        weights = jnp.append(sticks, 1.0) * jnp.append(1.0, jnp.cumprod(1 - sticks))
        loc = numpyro.sample("loc", dist.Normal(jnp.mean(x), jnp.ptp(x)).expand([STICKS]).to_event(1))
        scale = numpyro.sample("scale", dist.LogNormal(jnp.log(jnp.std(x) / 2), 1.0).expand([STICKS]).to_event(1))
        table = jnp.log(weights) + dist.Normal(loc, scale).log_prob(x[:, None])
        numpyro.factor("obs", jnp.sum(jax.nn.logsumexp(table, axis=1)))
        numpyro.deterministic("table", table)

    chains = MCMC(
        NUTS(model), num_warmup=500, num_samples=draws, num_chains=4, chain_method="sequential", progress_bar=False
    )
    chains.run(jax.random.PRNGKey(0), jnp.asarray(x))
    table = np.asarray(chains.get_samples(group_by_chain=True)["table"])
    labels = np.argmax(table + np.random.default_rng(0).gumbel(size=table.shape), axis=-1)
    return _numbers([[len(set(draw)) for draw in chain] for chain in labels.tolist()])


def by_jags(x: np.ndarray, draws: int) -> None:
    """The same sticks in JAGS: a line, or why there is none."""
    method = "JAGS, the same sticks"
    if shutil.which("Rscript") is None:
        print(f"  {method}: R is not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        pd.DataFrame({"x": x}).to_csv(path, index=False)
        script = JAGS.format(path=path, sticks=STICKS, draws=draws)
        done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True)
    if done.returncode:
        print(f"  {method}: {(done.stderr.strip().splitlines() or ['failed'])[0]}")
        return
    seconds, *chains = done.stdout.strip().splitlines()
    line(method, float(seconds), _numbers([[int(number) for number in chain.split()] for chain in chains]))


def _numbers(chains: list[list[int]]) -> xr.DataArray:
    return xr.DataArray(np.array(chains), dims=("chain", "draw"))


def line(method: str, seconds: float, numbers: xr.DataArray) -> None:
    whole = numbers.astype(float).drop_vars(list(numbers.coords)).to_dataset(name="k")
    effective, rhat = float(arviz_stats.ess(whole)["k"]), float(arviz_stats.rhat(whole)["k"])
    rate = effective / seconds
    print(
        f"  {method:<50}{seconds:>8.1f} s, {effective:.0f} effective, {rate:.2g} a second, R-hat {rhat:.2f}", flush=True
    )


# -- the clustering and the density, at equal time --


def clusterings(name: str, x: np.ndarray, classes: np.ndarray | None, draws: int, tune: int) -> None:
    order = np.random.default_rng(1).permutation(len(x))
    new, old = np.split(order, [len(x) // 5])
    ours(name, x[old], 25, 25)
    tree, seconds = timed(lambda: ours(name, x[old], draws, tune))
    rows = inference.log_likelihood(tree, x[new])
    density = logsumexp(np.asarray(rows), axis=(0, 1)).mean() - np.log(rows.shape[0] * rows.shape[1])
    best = np.unravel_index(np.argmax(tree["sample_stats"]["lp"].values), tree["sample_stats"]["lp"].shape)
    labels = tree["posterior"]["assignment"].transpose("chain", "draw", "rows").values[best]
    judge("sample_telescope, four fifths of the rows", seconds, labels, classes, old, density)
    columns = x.reshape(len(x), -1)
    covariance = "diag" if len(x) > LARGE else "full"
    begin, fits = time.process_time(), []
    for start in itertools.count():
        fit = BayesianGaussianMixture(n_components=STICKS, covariance_type=covariance, max_iter=500, random_state=start)
        fits.append(fit.fit(columns[old]))
        if time.process_time() - begin > seconds:
            break
    chosen = max(fits, key=lambda fit: fit.lower_bound_)
    method = f"scikit-learn BayesianGaussianMixture, {len(fits)} starts"
    taken = time.process_time() - begin
    judge(method, taken, chosen.predict(columns[old]), classes, old, chosen.score(columns[new]))


def judge(
    method: str, seconds: float, labels: np.ndarray, classes: np.ndarray | None, old: np.ndarray, density: float
) -> None:
    rand = "" if classes is None else f", Rand {adjusted_rand_score(classes[old], labels):.2f}"
    clusters = len(np.unique(labels))
    print(f"  {method:<50}{seconds:>8.1f} s, {clusters} clusters{rand}, log density {density:.3f}", flush=True)


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    begin = time.process_time()
    return function(), time.process_time() - begin


if __name__ == "__main__":
    main()
