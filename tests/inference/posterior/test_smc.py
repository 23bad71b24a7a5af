"""Tempered SMC gives the exact evidence and the exact posterior, and finds every mode.

Oracles: the five points by enumeration and quadrature; a conjugate model in closed form.
"""

import numpy as np
import pytest
from scipy import stats

import inference
import mixtures
from inference.posterior.smc import pooled_evidence
from inference.samplers.smc import _inverse_masses
from mixtures.errors import BackendError, FitError
from tests.oracles import FIVE_POINTS, exact_tutorial_posterior

RUNS = 32
Z = 5.0
"""In standard errors that are estimated from 32 runs: Student's t with 31 degrees of freedom exceeds it once in 50,000."""


@pytest.fixture(scope="module")
def tree(tutorial):
    return inference.sample_smc(tutorial, FIVE_POINTS, particles=250, runs=RUNS, seed=0, progress=False)


@pytest.mark.statistical
def test_the_five_point_evidence_is_exact(tree):
    exact = exact_tutorial_posterior().log_evidence
    error = tree.attrs["log_evidence_error"]
    assert 0 < error < 0.15
    assert abs(tree.attrs["log_evidence"] - exact) < Z * error
    mean, _ = pooled_evidence(tree["evidence"]["log_evidence"].values)
    assert mean == tree.attrs["log_evidence"]


@pytest.mark.statistical
def test_the_five_point_posterior_is_exact(tree):
    posterior, exact = tree["posterior"].to_dataset(), exact_tutorial_posterior()
    loc = posterior["loc"]
    evidence = np.exp(tree["evidence"]["log_evidence"].values - exact.log_evidence)
    quantities = {
        exact.log_scale: np.log(posterior["scale"]),
        exact.loc_distance_squared: (loc.isel(components=0) - loc.isel(components=1)) ** 2,
        exact.weights_squared: (posterior["weights"] ** 2).sum("components"),
    }
    for truth, values in quantities.items():
        # a run's evidence times its mean has no bias, however few the particles; the mean alone has
        apart = evidence * (values.mean("draw").values - truth)
        assert abs(apart.mean()) < Z * apart.std(ddof=1) / np.sqrt(RUNS)


@pytest.mark.statistical
def test_both_labellings_are_found_alike(tree):
    loc = tree["posterior"]["loc"].values
    first = (loc[..., 0] < loc[..., 1]).mean(axis=1)
    assert abs(first.mean() - 0.5) < Z * first.std(ddof=1) / np.sqrt(RUNS)
    assert np.all((first > 0.1) & (first < 0.9))


@pytest.mark.statistical
@pytest.mark.slow
def test_all_labellings_of_the_galaxies_are_found(galaxies):
    """82 velocities, three components: each run finds the six labellings, and none more often than chance has it."""
    model = mixtures.gaussian_mixture(3)
    tree = inference.sample_smc(model, galaxies, particles=600, runs=4, seed=0, progress=False)
    loc = tree["posterior"]["loc"].values
    labellings = np.argsort(loc, axis=2) @ [9, 3, 1]
    shares = np.array([[np.mean(run == label) for label in np.unique(labellings)] for run in labellings])
    assert shares.shape == (4, 6)
    assert np.all(shares > 0.02)
    means = shares.mean(axis=0)
    assert np.all(np.abs(means - 1 / 6) < 6 * shares.std(axis=0, ddof=1) / 2 + 0.02)  # three degrees of freedom


def test_the_tree_is_that_of_nuts(tree):
    assert set(tree.children) >= {"posterior", "sample_stats", "log_likelihood", "log_prior", "observed_data"}
    assert {"lp", "log_posterior"} <= set(tree["sample_stats"].data_vars)


@mixtures.declare
def conjugate(ppl, x):
    """Every row comes from the same component, whichever it is called: x ~ Normal(loc, 1), loc ~ Normal(0, 3). No row sees the other two."""
    loc = ppl.sample("loc", ppl.dist.Normal(0.0, 3.0))
    ppl.sample("wide", ppl.dist.Normal(5.0, 100.0))
    ppl.sample("pointed", ppl.dist.Laplace(0.0, 2.0))
    with ppl.plate("rows", len(x)):
        ppl.assign("assignment", ppl.xp.ones(2) / 2)
        ppl.sample("obs", ppl.dist.Normal(loc, 1.0), obs=x)


@pytest.mark.slow  # the test above is exact too
@pytest.mark.statistical
def test_a_conjugate_evidence_is_exact_beside_parameters_that_keep_their_priors():
    x = np.array([-1.0, 0.5, 2.0, 2.5, 4.0])
    found = inference.sample_smc(conjugate, x, particles=125, runs=RUNS, seed=1, progress=False)
    # marginally x ~ Normal(0, I + 9 * ones)
    exact = stats.multivariate_normal(np.zeros(5), np.eye(5) + 9.0).logpdf(x)
    assert found.attrs["log_evidence_error"] < 0.1
    assert abs(found.attrs["log_evidence"] - exact) < Z * found.attrs["log_evidence_error"]
    weights = np.exp(found["evidence"]["log_evidence"].values - exact)
    # moments of their priors: E|x - 5| = 100 sqrt(2 / pi) of the normal, E|x| = 2 of Laplace's
    moments = {"wide": (5.0, 100 * np.sqrt(2 / np.pi)), "pointed": (0.0, 2.0)}
    for site, (centre, spread) in moments.items():
        apart = found["posterior"][site].values - centre
        for error in (apart, np.abs(apart) - spread):
            of_runs = weights * error.mean(axis=1)
            assert abs(of_runs.mean()) < Z * of_runs.std(ddof=1) / np.sqrt(RUNS)


def test_inverse_masses_are_variances_whatever_the_unit():
    """Of independent normals, d log p / du = -u / sd^2, so that curvatures are 1 / sd^2; a few particles without a gradient change little."""
    spread, size = np.array([1e-150, 0.1, 1.0, 1e150]), 40_000
    gradient = -np.random.default_rng(0).normal(size=(size, 4)) / spread
    gradient[:3] = [[np.nan], [np.inf], [-np.inf]]
    # the sample median of |N(0, 1)|, 0.6745, has the variance 1 / (4 n f^2) at the density f = 0.636 there
    np.testing.assert_allclose(_inverse_masses(gradient), spread**2, rtol=Z * 2 / (2 * 0.636 * 0.6745 * np.sqrt(size)))
    assert (_inverse_masses(np.zeros((5, 2))) == 1).all()


@mixtures.declare
def without_a_gradient(ppl, x):
    """The side of the where that is never taken has no gradient, and so the whole has none."""
    loc = ppl.sample("loc", ppl.dist.Normal(0.0, 3.0))
    shift = ppl.xp.where(loc < 1e9, 0.0, ppl.xp.sqrt(-1.0 - loc**2))
    with ppl.plate("rows", len(x)):
        ppl.assign("assignment", ppl.xp.ones(2) / 2)
        ppl.sample("obs", ppl.dist.Normal(loc + shift, 1.0), obs=x)


def test_particles_that_cannot_be_moved_are_refused_in_words():
    with pytest.raises(FitError, match="without a finite gradient"):
        inference.sample_smc(without_a_gradient, FIVE_POINTS, particles=20, runs=1, seed=0, progress=False)


def test_pyro_is_refused_in_words(tutorial):
    with pytest.raises(BackendError, match="backend='numpyro'"):
        inference.sample_smc(tutorial, FIVE_POINTS, seed=0, backend="pyro")


def test_the_error_of_runs_that_are_nats_apart_is_nats_wide():
    mean, error = pooled_evidence(np.array([-100.0, -50.0, -80.0, -90.0]))
    assert abs(mean - (-50.0 - np.log(4))) < 1e-9  # the best run is all there is
    assert error > 10
