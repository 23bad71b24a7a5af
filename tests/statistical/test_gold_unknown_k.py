"""Unknown numbers of components have their published posteriors, and the evidence of each number says the same.

Galaxies under Richardson & Green's (1997) prior, p(K) of their table 1; eye tracking counts (Escobar & West 1998) under a dynamic mixture of
finite mixtures, from the vignette of the R package telescope 0.2.0. Both are Monte Carlo estimates: for the galaxies those of the vignette,
.05 .15 .21 .20 .16 .11 .06 .03, are up to .03 from those of the paper, so that .01 is taken for a published number's own standard error.
"""

from pathlib import Path

import arviz_stats
import numpy as np
import pytest

import inference
from mixtures import Mixture, assignments, component_counts, families, load_dataset, priors

PUBLISHED = Path(__file__).parents[1] / "published"
THEIR_ERROR = 0.01


def check(posterior, name, first, shares, theirs=THEIR_ERROR):
    """p(K = first), ... are within four standard errors, theirs and ours; of what is rare, within a draw."""
    number = posterior["posterior"][name]
    for k, (share, error) in enumerate(
        zip(shares, np.broadcast_to(theirs, np.shape(shares)), strict=True), start=first
    ):
        ours = float((number == k).mean())
        effective = float(arviz_stats.ess((number == k).astype(float).to_dataset(name="one"), method="mean")["one"])
        both = np.hypot(error, np.sqrt(share * (1 - share) / effective))
        assert abs(ours - share) < 4 * both + 1 / number.size, (k, ours, share)


def quartiles(posterior):
    return np.quantile(posterior["posterior"]["n_clusters"].values, [0.25, 0.5, 0.75]).tolist()


def richardson_and_green(x):
    """Their family, whose priors depend on the data's range."""
    span, middle = np.ptp(x), (x.min() + x.max()) / 2
    scale = priors.RootInverseGamma(2.0, priors.Gamma(0.2, 10 / span**2))
    return families.Gaussian(priors={"loc": priors.Normal(middle, span), "scale": scale})


def eye_tracking():
    x = np.loadtxt(PUBLISHED / "eye_tracking.csv", skiprows=1)
    return x, families.Poisson(priors={"rate": priors.Gamma(0.1, priors.Gamma(0.5, 0.5 * x.mean() / 0.1))})


def waiting():
    x = load_dataset("faithful").x[:60, 1]
    return x, richardson_and_green(x)


def acidity():
    x = np.loadtxt(PUBLISHED / "acidity.csv", skiprows=1)
    return x, richardson_and_green(x)


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("data", [eye_tracking, waiting, acidity])
def test_evidence_and_the_telescoping_sampler_agree(data):
    """p(K), K = 1, 2, 3, uniform before the data: from two algorithms that share the density alone, within their errors."""
    x, family = data()
    trees = [inference.sample_smc(Mixture(k, family), x, seed=1, progress=False) for k in (1, 2, 3)]
    logs, errors = (np.array([tree.attrs[name] for tree in trees]) for name in ("log_evidence", "log_evidence_error"))
    posterior = inference.sample_telescope(
        Mixture(3, family),
        x,
        prior_on_components=component_counts.Uniform(),
        draws=3000,
        tune=500,
        seed=2,
        progress=False,
    )
    shares = np.exp(logs - np.logaddexp.reduce(logs))
    # d share_k / d log evidence_j = share_k ([j = k] - share_j)
    slopes = shares[:, None] * (np.eye(3) - shares)
    check(posterior, "n_components", 1, shares, np.sqrt((slopes * errors) ** 2 @ np.ones(3)))


@pytest.mark.slow
@pytest.mark.statistical
def test_galaxies_under_richardson_and_greens_prior():
    x = load_dataset("galaxies").x / 1000
    model = Mixture(30, richardson_and_green(x))
    posterior = inference.sample_telescope(
        model,
        x,
        prior_on_components=component_counts.Uniform(),
        draws=4000,
        tune=500,
        sweeps=10,
        seed=0,
        progress=False,
    )
    check(posterior, "n_components", 3, [0.061, 0.128, 0.182, 0.199, 0.160, 0.109, 0.071, 0.040])
    assert quartiles(posterior) == [5, 6, 7]


@pytest.mark.slow
@pytest.mark.statistical
def test_eye_tracking_counts_under_a_dynamic_mixture():
    x, family = eye_tracking()
    model = Mixture(60, family, assignments.SparseDirichlet(priors.Gamma(1.0, 2.0)))
    posterior = inference.sample_telescope(
        model,
        x,
        prior_on_components=component_counts.BetaNegativeBinomial(1, 4, 3),
        draws=3000,
        tune=500,
        sweeps=10,
        seed=0,
        progress=False,
    )
    check(posterior, "n_components", 3, [0.01, 0.08, 0.12, 0.13, 0.12, 0.10, 0.08, 0.07, 0.05, 0.04])
    counts = np.bincount(posterior["posterior"]["n_clusters"].values.ravel())
    assert quartiles(posterior) == [5, 6, 7]
    assert counts.argmax() == 5
