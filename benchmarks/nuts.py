"""Effective draws per second of NUTS, and the time from a cold process to a posterior: this package beside its peers.

    python benchmarks/nuts.py [--data small medium large] [--draws 1000] [--tune 1000] [--chains 4] [--repeats 3]
        [--pymc-python PYTHON]

Every contender samples the same posterior, in a process of its own. `cold` is the time from the start of that process to the end of the
first run; `warm` that of later runs in the same process, with other seeds, on average: warm-up and sampling, nothing to compile. `ESS/s` is
the least bulk effective sample size over weights, means, standard deviations and correlations, labels put in order of the first coordinate
of the locations, on average, over `warm`. This package's warm time is that of warm-up and sampling, as the peers' is, and the line below says
what the whole tree takes, log likelihoods of all rows included.

small: 1000 rows, posteriordb's low_dim_gauss_mix; our chains start where the package starts them, PyMC's are told the locations' signs.
For the others our chains start from an EM fit, which the cold time includes; PyMC's are told it. medium: 5000 rows in 2-D, three
overlapping components with full covariances. large: 100,000 rows in 4-D, three components. Pyro takes minutes for each hundred draws: one
chain, `--pyro-draws` draws after as many of warm-up.
`--pymc-python` names an interpreter that has PyMC and nutpie, if this one has not.
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
    "  in a diagonal metric": "diagonal",
    "this package (numpyro)": "blocks",
    "NumPyro's MCMC": "numpyro",
    "PyMC + nutpie": "pymc",
    "Pyro's MCMC": "pyro",
}
COMPONENTS = {"small": 2, "medium": 3, "large": 3}


def data(name: str) -> np.ndarray:
    """The rows of a data set."""
    if name == "small":
        return np.array(json.loads(SMALL.read_text())["y"])
    rows, features = {"medium": (5_000, 2), "large": (100_000, 4)}[name]
    rng = np.random.default_rng(0)
    z = rng.choice(3, rows, p=[0.5, 0.3, 0.2])
    centres = 2.0 * rng.normal(size=(3, features))
    roots = np.eye(features) + 0.2 * rng.normal(size=(3, features, features))
    return centres[z] + np.einsum("nij,nj->ni", roots[z], rng.normal(size=(rows, features)))


def model(name: str) -> Any:
    """The declaration that fits them."""
    from mixtures import gaussian_mixture, priors, weights

    if name == "small":
        own = {"loc": priors.Normal(0.0, 2.0), "scale": priors.HalfNormal(2.0)}
        return gaussian_mixture(2, weights=weights.Dirichlet(5.0), priors=own)
    return gaussian_mixture(COMPONENTS[name])


def priors_and_start(name: str) -> dict[str, Any]:
    """The hyperparameters of the larger models, and a point to start from: what PyMC is told."""
    if name == "small":
        return {}
    import inference

    given = {site: dict(prior.parameters) for site, prior in model(name).scaled_to(data(name)).priors.items()}
    fit = inference.fit_em(model(name), data(name), restarts=5, seed=0)
    return {"priors": given, "start": {site: np.asarray(value).tolist() for site, value in fit.parameters.items()}}


def least_ess(draws: dict[str, np.ndarray]) -> float:
    """The least bulk ESS over all coordinates, components in order of location; draws are (chains, draws, components, ...)."""
    import arviz_stats
    import xarray as xr

    draws = dict(draws)
    if "correlation_cholesky" in draws:
        factor = draws.pop("correlation_cholesky")
        draws["correlation"] = factor @ np.swapaxes(factor, -1, -2)
    first = draws["loc"].reshape(*draws["loc"].shape[:3], -1)[..., 0]
    order = np.argsort(first, axis=2)
    columns = []
    for values in draws.values():
        flat = values.reshape(*values.shape[:3], -1)
        columns.append(np.take_along_axis(flat, order[..., None], axis=2).reshape(*values.shape[:2], -1))
    table = np.concatenate(columns, axis=2)
    table = table[..., table.std(axis=(0, 1)) > 1e-12]  # a correlation matrix's diagonal
    return float(arviz_stats.ess(xr.Dataset({"v": (("chain", "draw", "column"), table)}))["v"].min())


def ours(name: str, sampler: str, sizes: dict[str, int], metric: str = "auto") -> Any:
    """A function of a seed that samples by this package: draws and the seconds of sampling."""
    import inference

    init = None if name == "small" else inference.fit_em(model(name), data(name), restarts=5, seed=0)

    def run(seed: int) -> tuple[dict[str, np.ndarray], float]:
        tree = inference.sample_nuts(
            model(name), data(name), seed=seed, sampler=sampler, init=init, metric=metric, progress=False, **sizes
        )
        draws = {site: values.values for site, values in tree["posterior"].to_dataset().items()}
        return draws, tree.attrs["sampling_seconds"]

    return run


def timed(sample: Any) -> Any:
    """The same for a function that gives draws alone."""

    def run(seed: int) -> tuple[dict[str, np.ndarray], float]:
        begin = time.perf_counter()
        draws = sample(seed)
        return draws, time.perf_counter() - begin

    return run


def numpyro_mcmc(name: str, sizes: dict[str, int]) -> Any:
    """A function of a seed that samples the same program by NumPyro's own driver, its chains side by side on a device each."""
    import jax
    import numpyro

    numpyro.set_host_device_count(sizes["chains"])

    jax.config.update("jax_enable_x64", True)
    from numpyro.infer import MCMC, NUTS

    x, program = data(name), model(name)
    program = program.scaled_to(x)
    mcmc = MCMC(
        NUTS(program.numpyro),
        num_warmup=sizes["tune"],
        num_samples=sizes["draws"],
        num_chains=sizes["chains"],
        chain_method="parallel",
        progress_bar=False,
        jit_model_args=True,
    )

    def run(seed: int) -> dict[str, np.ndarray]:
        mcmc.run(jax.random.PRNGKey(seed), jax.numpy.asarray(x))
        return {site: np.asarray(values) for site, values in mcmc.get_samples(group_by_chain=True).items()}

    return timed(run)


def pyro_mcmc(name: str, sizes: dict[str, int]) -> Any:
    """A function of a seed that samples the same program by Pyro's own driver."""
    import pyro
    import torch
    from pyro.infer.mcmc import MCMC, NUTS

    torch.set_default_dtype(torch.float64)
    x = data(name)
    program = model(name).scaled_to(x)

    def run(seed: int) -> dict[str, np.ndarray]:
        pyro.set_rng_seed(seed)
        mcmc = MCMC(
            NUTS(program.pyro, max_plate_nesting=1),
            num_samples=sizes["draws"],
            warmup_steps=sizes["tune"],
            disable_progbar=True,
        )
        mcmc.run(torch.as_tensor(x))
        return {site: values.numpy() for site, values in mcmc.get_samples(group_by_chain=True).items()}

    return timed(run)


def pymc_nutpie(name: str, sizes: dict[str, int], told: dict[str, Any]) -> Any:
    """A function of a seed that samples the same posterior, declared in PyMC."""
    import nutpie
    import pymc as pm

    with pm.Model() as declared:
        if name == "small":
            weights = pm.Dirichlet("weights", np.full(2, 5.0))
            loc = pm.Normal("loc", 0.0, 2.0, shape=2, initval=[-1.0, 1.0])
            scale = pm.HalfNormal("scale", 2.0, shape=2)
            pm.NormalMixture("obs", w=weights, mu=loc, sigma=scale, observed=data(name))
        else:
            _full_covariances(pm, data(name), COMPONENTS[name], told)
    compiled = nutpie.compile_pymc_model(declared)

    def run(seed: int) -> dict[str, np.ndarray]:
        found = nutpie.sample(compiled, seed=seed, progress_bar=False, **sizes).posterior
        if name == "small":
            return {site: found[site].values for site in ("weights", "loc", "scale")}
        parts = range(COMPONENTS[name])
        return {
            "weights": found["weights"].values,
            "loc": found["loc"].values,
            "scale": np.stack([found[f"chol_{k}_stds"].values for k in parts], axis=2),
            "correlation": np.stack([found[f"chol_{k}_corr"].values for k in parts], axis=2),
        }

    return timed(run)


def _full_covariances(pm: Any, x: np.ndarray, components: int, told: dict[str, Any]) -> None:
    """A mixture of multivariate normals with the priors of `gaussian_mixture`; half as fast again as `pm.Mixture` of `pm.MvNormal`."""
    import pytensor.tensor as pt

    given, start, features = told["priors"], told["start"], x.shape[1]
    weights = pm.Dirichlet("weights", np.full(components, given["weights"]["concentration"]))
    centre, width = np.array(given["loc"]["loc"]), np.array(given["loc"]["scale"])
    loc = pm.Normal("loc", centre, width, shape=(components, features), initval=np.array(start["loc"]))
    deviations = pm.LogNormal.dist(np.array(given["scale"]["loc"]), given["scale"]["scale"], shape=features)
    eta, parts = given["correlation_cholesky"]["concentration"], []
    for k in range(components):
        factor, _, _ = pm.LKJCholeskyCov(f"chol_{k}", n=features, eta=eta, sd_dist=deviations, compute_corr=True)
        inverse = pt.linalg.solve_triangular(factor, pt.eye(features), lower=True)
        squares = (pt.dot(x - loc[k], inverse.T) ** 2).sum(axis=1)
        constant = pt.log(pt.diag(factor)).sum() + features / 2 * np.log(2 * np.pi)
        parts.append(pt.log(weights[k]) - squares / 2 - constant)
    pm.Potential("likelihood", pt.logsumexp(pt.stack(parts), axis=0).sum())


def child(contender: str, name: str, sizes: dict[str, int], repeats: int, told: dict[str, Any]) -> None:
    """Run one contender in this process, once cold; what the later runs found goes to the standard output."""
    makers = {
        "nutpie": lambda: ours(name, "nutpie", sizes),
        "diagonal": lambda: ours(name, "nutpie", sizes, "diagonal"),
        "blocks": lambda: ours(name, "numpyro", sizes),
        "numpyro": lambda: numpyro_mcmc(name, sizes),
        "pyro": lambda: pyro_mcmc(name, sizes),
        "pymc": lambda: pymc_nutpie(name, sizes, told),
    }
    run = makers[contender]()
    first = run(1)
    cold_end = time.time()
    begin = time.perf_counter()
    # Pyro compiles nothing: a second run is like the first
    found = [first] if contender == "pyro" else [run(seed) for seed in range(2, 2 + repeats)]
    whole = (time.perf_counter() - begin) / len(found)
    runs = [
        {"seconds": seconds, "draws": {site: at.tolist() for site, at in draws.items()}} for draws, seconds in found
    ]
    print("RESULT" + json.dumps({"cold_end": cold_end, "whole": whole, "runs": runs}))


def measure(
    contender: str, name: str, sizes: dict[str, int], repeats: int, python: str, told: dict[str, Any]
) -> dict[str, float] | None:
    """Cold and warm seconds and the least ESS of one contender, on average; None if it is not installed."""
    begin = time.time()
    numbers = {**sizes, "repeats": repeats}
    arguments = [
        "--child",
        contender,
        "--data",
        name,
        *(part for k, v in numbers.items() for part in (f"--{k}", str(v))),
    ]
    done = subprocess.run(
        [python, __file__, *arguments], input=json.dumps(told), capture_output=True, text=True, check=False
    )
    if contender == "pymc" and "ModuleNotFoundError" in done.stderr:
        return None
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found = json.loads(done.stdout.split("RESULT")[1])
    ess = [least_ess({site: np.array(at) for site, at in one["draws"].items()}) for one in found["runs"]]
    warm = [one["seconds"] for one in found["runs"]]
    return {
        "cold": found["cold_end"] - begin,
        "ess": float(np.mean(ess)),
        "warm": float(np.mean(warm)),
        "whole": found["whole"],
    }


def compare(name: str, sizes: dict[str, int], repeats: int, pyro_draws: int, pymc_python: str, skip: list[str]) -> None:
    """Print one table."""
    print(f"\n{name}: {data(name).shape}, {sizes['chains']} chains x ({sizes['tune']} + {sizes['draws']})")
    print(f"{'':<26}{'cold s':>9}{'warm s':>9}{'least ESS':>11}{'ESS/s':>9}{'ratio':>8}")
    own, told = None, priors_and_start(name)
    for title, contender in CONTENDERS.items():
        if contender in skip:
            continue
        python = pymc_python if contender == "pymc" else sys.executable
        asked = {"draws": pyro_draws, "tune": pyro_draws, "chains": 1} if contender == "pyro" else sizes
        found = measure(contender, name, asked, repeats, python, told)
        if found is None:
            print(f"{title:<26} is not installed")
            continue
        rate = found["ess"] / found["warm"]
        own = own or rate
        columns = f"{found['cold']:>9.1f}{found['warm']:>9.2f}{found['ess']:>11.0f}{rate:>9.1f}{rate / own:>8.3f}"
        print(f"{title:<26}{columns}", flush=True)
        if contender == "nutpie":
            print(f"{'  with its whole tree':<26}{'':>9}{found['whole']:>9.2f}")


def step_over_gradient(name: str, draws: int) -> None:
    """Print what a leapfrog step of one chain costs beside one gradient, both without their start: slopes of two lengths."""
    import jax
    import jax.numpy as jnp

    import inference
    from inference.backends import engine
    from inference.backends.numpyro.jit import ON_ONE_CORE, jit
    from inference.backends.numpyro.vector import vector_functions
    from inference.backends.run_arguments import run_arguments
    from mixtures import Observations

    x, declared = data(name), model(name).scaled_to(data(name))
    fit = inference.fit_em(declared, x, restarts=5, seed=0)
    options = {"seed": 1, "sampler": "nutpie", "init": fit, "progress": False, "tune": 200, "chains": 1}
    trees = [inference.sample_nuts(declared, x, draws=count, **options) for count in (10, draws, 2 * draws)][1:]
    steps = np.diff([int(tree["sample_stats"]["n_steps"].sum()) for tree in trees])[0]
    step = np.diff([tree.attrs["sampling_seconds"] for tree in trees])[0] / steps
    structure, arguments = run_arguments(declared, Observations(x))
    sites = engine("numpyro").sites(declared, Observations(x))
    with jax.enable_x64(True):
        log_density, _, unconstrain = vector_functions(structure, sites, prior=True, jacobian=True)

        def many(u: jax.Array, given: Any, times: int) -> jax.Array:
            # each gradient moves the next one's point, or the loop would be optimised away
            return jax.lax.fori_loop(0, times, lambda _, v: v + 1e-12 * jax.grad(log_density)(v, given), u)

        many = jit(many, ON_ONE_CORE)
        start, given, seconds = unconstrain(fit.parameters, arguments), jax.tree.map(jnp.asarray, arguments), []
        for times in (10, draws, 2 * draws):
            begin = time.perf_counter()
            many(start, given, times).block_until_ready()
            seconds.append(time.perf_counter() - begin)
    gradient = (seconds[2] - seconds[1]) / draws
    print(f"a step {1e6 * step:.0f} us, a gradient {1e6 * gradient:.0f} us, ratio {step / gradient:.1f}")


def main(argv: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=("small", "medium", "large"), default=["small"])
    parser.add_argument("--skip", nargs="*", choices=tuple(CONTENDERS.values()), default=[])
    parser.add_argument("--pymc-python", default=sys.executable)
    parser.add_argument("--pyro-draws", type=int, default=50)
    parser.add_argument("--child", choices=tuple(CONTENDERS.values()), help=argparse.SUPPRESS)
    for name, default in (("draws", 1000), ("tune", 1000), ("chains", 4), ("repeats", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args(argv)
    sizes = {"draws": args.draws, "tune": args.tune, "chains": args.chains}
    if args.child:
        child(args.child, args.data[0], sizes, args.repeats, json.load(sys.stdin))
        return
    for name in args.data:
        compare(name, sizes, args.repeats, args.pyro_draws, args.pymc_python, args.skip)
        if "nutpie" not in args.skip:
            step_over_gradient(name, draws=20 if name == "large" else 1000)


if __name__ == "__main__":
    main()
