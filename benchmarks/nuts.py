"""Effective draws per second of NUTS, and the time from a cold process to a posterior: this package beside its peers.

    python benchmarks/nuts.py [--data small medium large] [--draws 1000] [--tune 1000] [--chains 4] [--pymc-python PYTHON]

Every contender samples the same posterior, in a process of its own. `cold` is the time from the start of that process to the end of the
first run; `warm` that of a second run in the same process, with another seed: warm-up and sampling, nothing to compile. `ESS/s` is the
least bulk effective sample size over all parameters, labels put in order of the first coordinate of the locations, over `warm`.

small: 1000 rows, posteriordb's low_dim_gauss_mix. medium: 5000 rows in 2-D, three overlapping components with full covariances. large:
100,000 rows in 4-D, three components. PyMC samples small only; `--pymc-python` names an interpreter that has PyMC and nutpie, if this one
has not. This package's cold time includes the point fit that chains start from, and its warm time the tree with its log likelihoods.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

SMALL = Path(__file__).parent.parent / "tests" / "statistical" / "low_dim_gauss_mix" / "data.json"
CONTENDERS = {
    "this package (nutpie)": "nutpie",
    "this package (numpyro)": "blocks",
    "NumPyro's MCMC": "numpyro",
    "PyMC + nutpie": "pymc",
}


def data(name: str) -> np.ndarray:
    """The rows of a data set."""
    if name == "small":
        return np.array(json.loads(SMALL.read_text())["y"])
    rows, features = {"medium": (5_000, 2), "large": (100_000, 4)}[name]
    rng = np.random.default_rng(0)
    z = rng.choice(3, rows, p=[0.5, 0.3, 0.2])
    centres = 3.0 * rng.normal(size=(3, features))
    roots = np.eye(features) + 0.4 * rng.normal(size=(3, features, features))
    return centres[z] + np.einsum("nij,nj->ni", roots[z], rng.normal(size=(rows, features)))


def model(name: str) -> Any:
    """The declaration that fits them."""
    from mixtures import gaussian_mixture, priors, weights

    if name == "small":
        own = {"loc": priors.Normal(0.0, 2.0), "scale": priors.HalfNormal(2.0)}
        return gaussian_mixture(2, weights=weights.Dirichlet(5.0), priors=own)
    return gaussian_mixture(3)


def least_ess(draws: dict[str, np.ndarray]) -> float:
    """The least bulk ESS over all coordinates, components in order of location; draws are (chains, draws, components, ...)."""
    import arviz_stats
    import xarray as xr

    first = draws["loc"].reshape(*draws["loc"].shape[:3], -1)[..., 0]
    order = np.argsort(first, axis=2)
    columns = []
    for values in draws.values():
        flat = values.reshape(*values.shape[:3], -1)
        columns.append(np.take_along_axis(flat, order[..., None], axis=2).reshape(*values.shape[:2], -1))
    table = np.concatenate(columns, axis=2)
    table = table[..., table.std(axis=(0, 1)) > 0]  # a Cholesky factor's constants
    return float(arviz_stats.ess(xr.Dataset({"v": (("chain", "draw", "column"), table)}))["v"].min())


def ours(name: str, sampler: str, sizes: dict[str, int]) -> Any:
    """A function of a seed that samples by this package."""
    import inference

    fit = inference.fit_map(model(name), data(name), restarts=5, seed=0)

    def run(seed: int) -> dict[str, np.ndarray]:
        tree = inference.sample_nuts(
            model(name), data(name), seed=seed, sampler=sampler, init=fit, progress=False, **sizes
        )
        return {name: values.values for name, values in tree["posterior"].to_dataset().items()}

    return run


def numpyro_mcmc(name: str, sizes: dict[str, int]) -> Any:
    """A function of a seed that samples the same program by NumPyro's own driver."""
    import jax

    jax.config.update("jax_enable_x64", True)
    from numpyro.infer import MCMC, NUTS

    x, program = data(name), model(name)
    program = program.scaled_to(x)
    mcmc = MCMC(
        NUTS(program.numpyro),
        num_warmup=sizes["tune"],
        num_samples=sizes["draws"],
        num_chains=sizes["chains"],
        chain_method="vectorized",
        progress_bar=False,
        jit_model_args=True,
    )

    def run(seed: int) -> dict[str, np.ndarray]:
        mcmc.run(jax.random.PRNGKey(seed), jax.numpy.asarray(x))
        return {site: np.asarray(values) for site, values in mcmc.get_samples(group_by_chain=True).items()}

    return run


def pymc_nutpie(name: str, sizes: dict[str, int]) -> Any:
    """A function of a seed that samples the same posterior, declared in PyMC."""
    import nutpie
    import pymc as pm

    with pm.Model() as declared:
        weights = pm.Dirichlet("weights", np.full(2, 5.0))
        loc = pm.Normal("loc", 0.0, 2.0, shape=2, initval=[-1.0, 1.0])
        scale = pm.HalfNormal("scale", 2.0, shape=2)
        pm.NormalMixture("obs", w=weights, mu=loc, sigma=scale, observed=data(name))
    compiled = nutpie.compile_pymc_model(declared)

    def run(seed: int) -> dict[str, np.ndarray]:
        trace = nutpie.sample(compiled, seed=seed, progress_bar=False, **sizes)
        return {site: trace.posterior[site].values for site in ("weights", "loc", "scale")}

    return run


def child(contender: str, name: str, sizes: dict[str, int]) -> None:
    """Run one contender twice in this process; the draws of the second run go to the standard output as a path."""
    makers = {
        "nutpie": lambda: ours(name, "nutpie", sizes),
        "blocks": lambda: ours(name, "numpyro", sizes),
        "numpyro": lambda: numpyro_mcmc(name, sizes),
        "pymc": lambda: pymc_nutpie(name, sizes),
    }
    run = makers[contender]()
    run(1)
    cold_end = time.time()
    begin = time.perf_counter()
    draws = run(2)
    warm = time.perf_counter() - begin
    arrays = {site: values.tolist() for site, values in draws.items()}
    print("RESULT" + json.dumps({"cold_end": cold_end, "warm": warm, "draws": arrays}))


def measure(contender: str, name: str, sizes: dict[str, int], python: str) -> dict[str, float] | None:
    """Cold and warm seconds and the least ESS of one contender; None if it is not installed."""
    begin = time.time()
    arguments = ["--child", contender, "--data", name, *(part for k, v in sizes.items() for part in (f"--{k}", str(v)))]
    done = subprocess.run([python, __file__, *arguments], capture_output=True, text=True, check=False)
    if contender == "pymc" and "ModuleNotFoundError" in done.stderr:
        return None
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found = json.loads(done.stdout.split("RESULT")[1])
    draws = {site: np.array(values) for site, values in found["draws"].items()}
    return {"cold": found["cold_end"] - begin, "warm": found["warm"], "ess": least_ess(draws)}


def compare(name: str, sizes: dict[str, int], pymc_python: str, skip: list[str]) -> None:
    """Print one table."""
    print(f"\n{name}: {data(name).shape}, {sizes['chains']} chains x ({sizes['tune']} + {sizes['draws']})")
    print(f"{'':<26}{'cold s':>9}{'warm s':>9}{'least ESS':>11}{'ESS/s':>9}{'ratio':>8}")
    own = None
    for title, contender in CONTENDERS.items():
        if contender in skip or (contender == "pymc" and name != "small"):
            continue
        python = pymc_python if contender == "pymc" else sys.executable
        found = measure(contender, name, sizes, python)
        if found is None:
            print(f"{title:<26} is not installed")
            continue
        rate = found["ess"] / found["warm"]
        own = own or rate
        columns = f"{found['cold']:>9.1f}{found['warm']:>9.2f}{found['ess']:>11.0f}{rate:>9.0f}{rate / own:>8.2f}"
        print(f"{title:<26}{columns}", flush=True)


def main(argv: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=("small", "medium", "large"), default=["small"])
    parser.add_argument("--skip", nargs="*", choices=tuple(CONTENDERS.values()), default=[])
    parser.add_argument("--pymc-python", default=sys.executable)
    parser.add_argument("--child", choices=tuple(CONTENDERS.values()), help=argparse.SUPPRESS)
    for name, default in (("draws", 1000), ("tune", 1000), ("chains", 4)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args(argv)
    sizes = {"draws": args.draws, "tune": args.tune, "chains": args.chains}
    if args.child:
        child(args.child, args.data[0], sizes)
        return
    for name in args.data:
        compare(name, sizes, args.pymc_python, args.skip)


if __name__ == "__main__":
    main()
