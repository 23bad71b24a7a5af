"""Named data beside `x` reach a program as arguments, whole numbers as whole numbers; expectations are scipy's, and brute force."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import binom, norm

import inference
from inference.backends import engine
from inference.draws import observations_of
from mixtures import Observations, declare, gaussian_mixture
from mixtures.errors import DataError

RNG = np.random.default_rng(5)
TRIALS = RNG.integers(3, 12, size=20)
COUNTS = RNG.binomial(TRIALS, np.where(np.arange(20) < 12, 0.35, 0.6)).astype(float)
WHO = RNG.integers(0, 4, size=20)
SIZES = np.array([0.5, 1.0, 1.5, 2.0])


@declare
def two_coins(ppl, x, trials):
    with ppl.plate("components", 2):
        probs = ppl.sample("probs", ppl.dist.Beta(2.0, 2.0))
    weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", ppl.dist.Binomial(total_count=trials, probs=probs[z]), obs=x)


@declare
def known_groups(ppl, x, who, sizes):
    """Rows look their group's known size up: `who` indexes, so it must be whole; `sizes` has an entry a group."""
    with ppl.plate("components", 2):
        loc = ppl.sample("loc", ppl.dist.Normal(0.0, 3.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", ppl.xp.ones(2) / 2)
        ppl.sample("obs", ppl.dist.Normal(loc[z], sizes[who]), obs=x)


def coins(**more):
    return Observations(COUNTS, data={"trials": TRIALS}, **more)


def test_log_densities_are_scipys(backend):
    probs, weights = np.array([0.3, 0.7]), np.array([0.6, 0.4])
    single = {"probs": probs[None], "weights": weights[None]}
    found = engine(backend).bind(two_coins, coins()).tables(single)[0]
    right = np.log(weights) + binom.logpmf(COUNTS[:, None], TRIALS[:, None], probs)
    np.testing.assert_allclose(found, right, rtol=1e-10)


def test_indices_and_arrays_of_groups(backend):
    loc = np.array([-1.0, 0.5])
    x = Observations(COUNTS, data={"who": WHO, "sizes": SIZES})
    found = engine(backend).bind(known_groups, x).log_likelihoods({"loc": loc[None]})[0]
    each = logsumexp(norm.logpdf(COUNTS[:, None], loc, SIZES[WHO][:, None]), axis=1) - np.log(2)
    np.testing.assert_allclose(found, each.sum(), rtol=1e-10)
    rows = engine(backend).bind(known_groups, x).pointwise({"loc": loc[None]})[0]
    np.testing.assert_allclose(rows, each, rtol=1e-10)


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_every_verb_takes_them(backend):
    x = coins()
    fit = inference.fit_map(two_coins, x, restarts=3, steps=150, seed=0, backend=backend)
    assert fit.status.is_sound
    assert inference.classify(fit, x).shape == (20,)
    np.testing.assert_allclose(inference.responsibilities(fit, x).sum(axis=1), 1.0)
    post = inference.sample_nuts(two_coins, x, draws=5, tune=20, chains=1, seed=0, backend=backend, progress=False)
    assert inference.responsibilities(post, x).shape == (20, 2)
    guide = inference.fit_guide(fit, x, steps=5, seed=0)
    assert guide.assignment_probs.shape == (20, 2)


def test_new_rows_bring_their_own():
    fit = inference.fit_map(two_coins, coins(), restarts=3, steps=150, seed=0)
    new = Observations([1.0, 30.0], data={"trials": [2, 40]})
    right = fit.parameters["weights"] * binom.pmf([[1], [30]], [[2], [40]], fit.parameters["probs"])
    found = inference.responsibilities(fit, new)
    np.testing.assert_allclose(found, right / right.sum(axis=1, keepdims=True), rtol=1e-8)


def test_minibatches_take_the_rows_entries_and_leave_the_groups():
    x = Observations(COUNTS, data={"who": WHO, "sizes": SIZES})
    fit = inference.fit_mle(known_groups, x, batch_size=5, epochs=60, restarts=2, seed=0)
    whole = inference.fit_mle(known_groups, x, restarts=2, epochs=300, seed=0)
    assert abs(fit.log_likelihood - whole.log_likelihood) < 0.05 * abs(whole.log_likelihood)


def test_a_posterior_keeps_them_and_needs_no_second_copy():
    post = inference.sample_nuts(two_coins, coins(), draws=5, tune=20, chains=1, seed=0, progress=False)
    kept = observations_of(post)
    assert kept.data["trials"].dtype == np.int64
    np.testing.assert_array_equal(kept.data["trials"], TRIALS)
    assert kept.fingerprint == coins().fingerprint


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_a_likelihood_may_be_of_named_data_alone(backend):
    """A factor of named data is data too, and no prior."""

    @declare
    def of_trials(ppl, x, trials):
        with ppl.plate("components", 2):
            rate = ppl.sample("rate", ppl.dist.Gamma(2.0, 0.5))
        with ppl.plate("rows", len(x)):
            z = ppl.assign("assignment", ppl.xp.ones(2) / 2)
            ppl.factor("seen", -ppl.xp.abs(trials - rate[z]))

    rate = np.array([4.0, 8.0])
    found = engine(backend).bind(of_trials, coins()).log_likelihoods({"rate": rate[None]})[0]
    each = logsumexp(-np.abs(TRIALS[:, None] - rate), axis=1) - np.log(2)
    np.testing.assert_allclose(found, each.sum(), rtol=1e-10)


def test_rows_take_their_entries_along():
    x = Observations(COUNTS, data={"trials": TRIALS, "sizes": SIZES})
    some = x.take([1, 4])
    np.testing.assert_array_equal(some.data["trials"], TRIALS[[1, 4]])
    np.testing.assert_array_equal(some.data["sizes"], SIZES)


def test_fingerprints_tell_them_apart():
    other = Observations(COUNTS, data={"trials": TRIALS + 1})
    assert coins().fingerprint != other.fingerprint != Observations(COUNTS).fingerprint


BAD = {
    "absent": (Observations(COUNTS), "trials: got none"),
    "unwanted": (Observations(COUNTS, data={"trials": TRIALS, "time": TRIALS}), "time: got time in the data"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_a_program_takes_is_checked(case, backend):
    x, text = BAD[case]
    with pytest.raises(DataError, match=text):
        inference.fit_map(two_coins, x, restarts=1, steps=5, seed=0, backend=backend)


def test_a_mixture_takes_none():
    with pytest.raises(DataError, match="a Mixture takes x, covariates, labels and row_weights"):
        inference.fit_map(gaussian_mixture(2), coins(), restarts=1, seed=0)


@pytest.mark.parametrize(
    "bad",
    [{"x": [1.0]}, {"two words": [1.0]}, {"class": [1.0]}, {1: [1.0]}, {"a": ["b"]}, {"a": [np.nan]}, [1.0], "trials"],
)
def test_bad_names_and_values_are_refused(bad):
    with pytest.raises(DataError, match="data"):
        Observations(COUNTS, data=bad)


@pytest.mark.parametrize("name", ["trials", "exposure", "errors", "group"])
def test_a_name_is_for_named_data_or_for_what_is_known_of_rows(name):
    known = np.ones(3)
    assert Observations([1.0, 2.0, 3.0], data={name: known}).data is not None
    with pytest.raises(DataError, match=f"the name '{name}', and {name}= as well"):
        Observations([1.0, 2.0, 3.0], data={name: known}, **{name: known})
