"""Published posteriors: means and probabilities, each with its Monte Carlo errors, theirs and ours."""

import functools
from typing import ClassVar

import arviz_stats
import numpy as np
import xarray as xr

import inference
from mixtures import (
    Mixture,
    Observations,
    assignments,
    component_counts,
    families,
    gaussian_mixture,
    load_dataset,
    priors,
)
from mixtures.families import Columns
from tests.published import column
from tests.published.cases import Case, Number


def mean(draws: xr.DataArray) -> Number:
    """The mean of draws, (chain, draw), and its Monte Carlo error."""
    plain = draws.astype(float).drop_vars(list(draws.coords))
    return Number(float(plain.mean()), float(arviz_stats.mcse(plain.to_dataset(name="one"))["one"]))


def shares(posterior: xr.DataTree, name: str, most: int) -> dict[str, Number]:
    """p(K = 1), p(K = 2), ..."""
    number = posterior["posterior"][name]
    return {f"p({name} = {k})": mean(number == k) for k in range(1, most + 1)}


def clusters(posterior: xr.DataTree) -> dict[str, Number]:
    """The quartiles and the mode of the number of clusters."""
    counts = posterior["posterior"]["n_clusters"].values.ravel()
    quartiles = np.quantile(counts, [0.25, 0.5, 0.75])
    return {
        **{f"quartile {k} of K+": Number(float(value)) for k, value in enumerate(quartiles, start=1)},
        "mode of K+": Number(int(np.bincount(counts).argmax())),
    }


def richardson_and_green(x: np.ndarray) -> families.Gaussian:
    """Their family, whose priors depend on the data's range."""
    span, middle = np.ptp(x), (x.min() + x.max()) / 2
    scale = priors.RootInverseGamma(2.0, priors.Gamma(0.2, 10 / span**2))
    return families.Gaussian(priors={"loc": priors.Normal(middle, span), "scale": scale})


def of_counts(x: np.ndarray) -> families.Poisson:
    """The family of telescope's vignette, whose rates' prior depends on the mean."""
    return families.Poisson(priors={"rate": priors.Gamma(0.1, priors.Gamma(0.5, 0.5 * x.mean() / 0.1))})


@functools.cache
def galaxies() -> dict[str, Number]:
    x = load_dataset("galaxies").x / 1000
    posterior = inference.sample_telescope(
        Mixture(30, richardson_and_green(x)),
        x,
        prior_on_components=component_counts.Uniform(),
        draws=4000,
        tune=500,
        sweeps=10,
        seed=0,
        progress=False,
    )
    return shares(posterior, "n_components", 10) | clusters(posterior)


@functools.cache
def eye_tracking() -> dict[str, Number]:
    x = column("eye_tracking")
    posterior = inference.sample_telescope(
        Mixture(60, of_counts(x), assignments.SparseDirichlet(priors.Gamma(1.0, 2.0))),
        x,
        prior_on_components=component_counts.BetaNegativeBinomial(1, 4, 3),
        draws=3000,
        tune=500,
        sweeps=10,
        seed=0,
        progress=False,
    )
    return shares(posterior, "n_components", 12) | clusters(posterior)


@functools.cache
def eyes() -> dict[str, Number]:
    """Two rows' groups are known, as in BUGS, whose second mean is the first plus something flat; ours has the first's prior."""
    x = column("eyes")
    known = np.full(len(x), -1)
    known[[0, -1]] = 0, 1
    spread = {"loc": priors.Normal(0.0, 1000.0), "scale": priors.RootInverseGamma(0.001, 0.001)}
    posterior = inference.sample_nuts(
        gaussian_mixture(2, "tied", priors=spread),
        Observations(x, labels=known),
        draws=2500,
        tune=1000,
        seed=0,
        progress=False,
    )["posterior"]
    return {
        "P1": mean(posterior["weights"][..., 0]),
        "lambda1": mean(posterior["loc"][..., 0]),
        "lambda2": mean(posterior["loc"][..., 1]),
        "sigma": mean(posterior["scale"]),
    }


class UnitNormal(Columns):
    """A normal distribution whose standard deviation is known to be 1."""

    default_priors: ClassVar = {"loc": priors.Normal([3.0, 10.0], 1.0)}

    def cell(self, ppl, parameters):
        return ppl.dist.Normal(parameters["loc"], 1.0)

    def start(self, x, rows, components):
        return {"loc": np.array([3.0, 10.0])}


@functools.cache
def hidden_states() -> dict[str, Number]:
    model = Mixture(2, UnitNormal(), assignments.Markov(initial="uniform"))
    series = column("hmm_example")
    draws = inference.sample_nuts(model, series, draws=1500, tune=500, seed=0, progress=False)["posterior"]
    return {
        "theta[1, 1]": mean(draws["transition"][..., 0, 0]),
        "theta[2, 1]": mean(draws["transition"][..., 1, 0]),
        "mu[1]": mean(draws["loc"][..., 0]),
        "mu[2]": mean(draws["loc"][..., 1]),
    }


def _printed(name: str, first: int, texts: list[str]) -> dict[str, str]:
    """Probabilities of first, first + 1, ...: of estimates of two programs, which are up to .03 apart, .01 is an error."""
    return {f"p({name} = {k})": f"{text} +- 0.01" for k, text in enumerate(texts, start=first)}


QUARTILES = {"quartile 1 of K+": "5", "quartile 2 of K+": "6", "quartile 3 of K+": "7"}

POSTERIORS = {
    "galaxies": Case(
        "Richardson & Green (1997), JRSS B 59, table 1; quartiles: telescope 0.2.0",
        "velocities of 82 galaxies (Roeder 1990)",
        "normals, K uniform on 1, ..., 30",
        galaxies,
        _printed("n_components", 3, [".061", ".128", ".182", ".199", ".160", ".109", ".071", ".040"]) | QUARTILES,
        is_slow=True,
    ),
    "eye tracking": Case(
        "telescope 0.2.0 (Malsiner-Walli, Grun & Fruhwirth-Schnatter), vignette",
        "101 counts (Escobar & West 1998)",
        "Poisson, dynamic mixture of finite mixtures",
        eye_tracking,
        _printed("n_components", 3, [".01", ".08", ".12", ".13", ".12", ".10", ".08", ".07", ".05", ".04"])
        | QUARTILES
        | {"mode of K+": "5"},
        is_slow=True,
    ),
    "hmm_example": Case(
        "posteriordb (Magnusson et al. 2024), hmm_example-hmm_example: 10,000 reference draws of Stan",
        "a series of 100",
        "2 states, normal with standard deviation 1, means N(3, 1) and N(10, 1), rows of transitions uniform",
        hidden_states,
        {
            "theta[1, 1]": ".666645 +- .001",
            "theta[2, 1]": ".073133 +- .0003",
            "mu[1]": "3.021517 +- .0022",
            "mu[2]": "8.827282 +- .0011",
        },
        is_slow=True,
    ),
    "eyes": Case(
        "BUGS, examples volume 2 (MultiBUGS)",
        "peak sensitivities of 48 photoreceptors (Bowmaker et al. 1985)",
        "2 normals of one variance",
        eyes,
        {
            "P1": ".5982 +- .002",
            "lambda1": "536.8 +- .022",
            "lambda2": "548.8 +- .03",
            "sigma": "3.829 +- .02",
        },
    ),
}
"""By name. Monte Carlo errors of BUGS are those of some 2000 effective draws."""
