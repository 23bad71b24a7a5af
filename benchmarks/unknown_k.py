"""How fast an unknown number of components is learned, and how good the clustering is that is found.

    python benchmarks/unknown_k.py [--draws 1000] [--skip-large]

Effective draws of K+ a second by `sample_telescope`: galaxies under Richardson & Green's prior, and, with `--data`, acidity and thyroid; then
10,000 rows of 10 columns. Beside them in the same process: NumPyro's NUTS on a stick-breaking model written by hand (its K+ from drawn
assignments), and scikit-learn's BayesianGaussianMixture, which gives no p(K+): its time, and its clustering beside ours (adjusted Rand index
against known classes).
"""

import argparse
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
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import BayesianGaussianMixture

import inference
from mixtures import Mixture, assignments, component_counts, families, load_dataset, priors

HEAVY = component_counts.BetaNegativeBinomial(1, 4, 3)
STICKS = 10


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--data", type=Path, help="folder with acidity.csv and thyroid.csv (class in the first column)")
    parser.add_argument("--skip-large", action="store_true")
    arguments = parser.parse_args(argv)
    warnings.filterwarnings("ignore")
    print(
        f"{'data':<12}{'rows':>7}{'columns':>9}  {'method':<34}{'seconds':>9}{'ESS of K+':>11}{'a second':>10}{'Rand':>7}"
    )
    for name, (x, classes) in cases(arguments).items():
        model = declaration(name, x)
        first(model, x)
        tree, seconds = timed(lambda model=model, x=x: sampled(model, x, arguments.draws))
        labels = inference.partition(tree, seed=0).labels if len(x) < 2000 else None
        line(name, x, "sample_telescope", seconds, tree["posterior"]["n_clusters"], score(labels, classes))
        if x.ndim == 1:
            numbers, seconds = timed(lambda x=x: by_numpyro(x, arguments.draws))
            line(name, x, "NumPyro NUTS, sticks by hand", seconds, numbers, "")
        fit, seconds = timed(
            lambda x=x: BayesianGaussianMixture(n_components=STICKS, max_iter=500, random_state=0).fit(
                x.reshape(len(x), -1)
            )
        )
        line(
            name,
            x,
            "scikit-learn BayesianGaussianMixture",
            seconds,
            None,
            score(fit.predict(x.reshape(len(x), -1)), classes),
        )


def cases(arguments: argparse.Namespace) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    found: dict[str, tuple[np.ndarray, np.ndarray | None]] = {"galaxies": (load_dataset("galaxies").x / 1000, None)}
    if arguments.data is not None:
        found["acidity"] = (pd.read_csv(arguments.data / "acidity.csv").to_numpy(float)[:, -1], None)
        thyroid = pd.read_csv(arguments.data / "thyroid.csv")
        columns = thyroid.select_dtypes("number").to_numpy(float)
        found["thyroid"] = (columns, pd.factorize(thyroid.iloc[:, 0])[0])
    if not arguments.skip_large:
        rng = np.random.default_rng(0)
        classes = rng.integers(0, 5, 10_000)
        found["simulated"] = (rng.normal(size=(5, 10))[classes] * 1.2 + rng.normal(size=(10_000, 10)), classes)
    return found


def declaration(name: str, x: np.ndarray) -> Mixture:
    if name == "galaxies":
        span, middle = np.ptp(x), (x.min() + x.max()) / 2
        scale = priors.RootInverseGamma(2.0, priors.Gamma(0.2, 10 / span**2))
        return Mixture(30, families.Gaussian(priors={"loc": priors.Normal(middle, span), "scale": scale}))
    covariance = "full" if x.ndim == 1 or len(x) < 1000 else "diag"
    return Mixture(STICKS, families.Gaussian(covariance), assignments.SparseDirichlet())


def sampled(model: Mixture, x: np.ndarray, draws: int) -> xr.DataTree:
    prior = component_counts.Uniform() if model.components == 30 else HEAVY
    if len(x) > 2000:
        draws = draws // 10
    return inference.sample_telescope(
        model, x, prior_on_components=prior, draws=draws, tune=draws // 4, seed=0, log_likelihood=False, progress=False
    )


def first(model: Mixture, x: np.ndarray) -> None:
    """Compile: what is timed is a second run."""
    sampled(model, x, 250)


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
    numbers = np.array([[len(set(draw)) for draw in chain] for chain in labels.tolist()])
    return xr.DataArray(numbers, dims=("chain", "draw"))


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    begin = time.perf_counter()
    return function(), time.perf_counter() - begin


def score(labels: np.ndarray | None, classes: np.ndarray | None) -> str:
    return "" if labels is None or classes is None else f"{adjusted_rand_score(classes, labels):.2f}"


def line(name: str, x: np.ndarray, method: str, seconds: float, numbers: xr.DataArray | None, rand: str) -> None:
    columns = 1 if x.ndim == 1 else x.shape[1]
    effective = (
        "" if numbers is None else f"{float(arviz_stats.ess(numbers.astype(float).to_dataset(name='k'))['k']):.0f}"
    )
    rate = "" if numbers is None else f"{float(effective) / seconds:.1f}"
    print(
        f"{name:<12}{len(x):>7}{columns:>9}  {method:<34}{seconds:>9.1f}{effective:>11}{rate:>10}{rand:>7}", flush=True
    )


if __name__ == "__main__":
    main()
