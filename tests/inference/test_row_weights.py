"""A row of weight 2 is a row that is there twice, in every verb that fits or samples, and a row of weight 0 is none.

The expectation is the same verb's answer on the data with rows repeated, and, of densities, scipy's.
"""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

import inference
from inference.backends import engine
from inference.draws import observations_of
from mixtures import Mixture, Observations, declare, families, gaussian_mixture
from mixtures.errors import DataError, ModelError, StoredFileError
from tests.programs.latent import EFFECTS, INTERCEPTS, WHO

RNG = np.random.default_rng(3)
X = np.concatenate([RNG.normal(0.0, 1.0, 14), RNG.normal(2.5, 0.8, 10)])
COUNTS = RNG.integers(0, 4, size=len(X))
REPEATED = np.repeat(X, COUNTS)
MODEL = gaussian_mixture(2, "tied")


@declare
def two_normals(ppl, x):
    """A program of a user's own with a table of rows."""
    with ppl.plate("components", 2):
        loc = ppl.sample("loc", ppl.dist.Normal(1.0, 3.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", ppl.xp.ones(2) / 2)
        ppl.sample("obs", ppl.dist.Normal(loc[z], 1.0), obs=x)


@pytest.mark.parametrize("rows", [24, 3000])  # whole, and block by block
def test_the_log_density_of_every_backend_counts_rows(backend, rows):
    x = np.resize(X, rows) + 1e-3 * np.arange(rows) / rows
    weights = np.resize([0.0, 1.0, 2.5], rows)
    values = {"weights": np.array([0.3, 0.7]), "loc": np.array([0.2, 2.0]), "scale": np.array(1.3)}
    single = {name: value[None] for name, value in values.items()}
    found = engine(backend).bind(MODEL, Observations(x, row_weights=weights)).log_likelihoods(single)[0]
    each = logsumexp(np.log(values["weights"]) + norm.logpdf(x[:, None], values["loc"], 1.3), axis=1)
    np.testing.assert_allclose(found, weights @ each, rtol=1e-12)


def test_its_gradient_is_the_weighted_sum_of_the_rows_gradients(backend):
    weights = RNG.uniform(0, 2, len(X))
    density = engine(backend).bind(MODEL, Observations(X, row_weights=weights)).log_density(prior=False)
    u = 0.3 * np.arange(density.size)
    rows = [engine(backend).bind(MODEL, Observations(X[[i]])).log_density(prior=False) for i in range(len(X))]
    right = sum(weight * row.value_and_gradient(u)[1] for weight, row in zip(weights, rows, strict=True))
    np.testing.assert_allclose(density.value_and_gradient(u)[1], right, rtol=1e-9, atol=1e-12)


FITS = {
    "fit_map": lambda x, **of_rows: inference.fit_map(MODEL, x, restarts=4, steps=200, seed=0, **of_rows),
    "fit_mle": lambda x, **of_rows: inference.fit_mle(MODEL, x, restarts=4, epochs=300, seed=0, **of_rows),
    "fit_mle, lbfgs": lambda x, **of_rows: inference.fit_mle(
        MODEL, x, optimizer="lbfgs", restarts=4, seed=0, **of_rows
    ),
    "fit_em": lambda x, **of_rows: inference.fit_em(MODEL, x, restarts=6, seed=0, **of_rows),
    "fit_em, gradients": lambda x, **of_rows: inference.fit_em(
        Mixture(2, families.StudentT(df=4.0, covariance="tied")), x, restarts=4, seed=0, **of_rows
    ),
}


@pytest.mark.quick(but=["fit_em, gradients"], reason="climbs by gradient are fit_mle's")
@pytest.mark.parametrize("verb", FITS)
def test_a_fit_is_that_of_the_data_with_rows_repeated(verb):
    # the priors' numbers are the data's own, and repeated rows have others: given, they are the same for both
    scaled = MODEL.scaled_to(X)
    fit_of = FITS[verb]
    if verb == "fit_map":

        def fit_of(x, **of_rows):
            return inference.fit_map(scaled, x, restarts=4, steps=200, seed=0, **of_rows)

    weighted, repeated = fit_of(X, row_weights=COUNTS), fit_of(REPEATED)
    for name, value in repeated.parameters.items():
        np.testing.assert_allclose(weighted.parameters[name], value, rtol=1e-4, atol=1e-4, err_msg=name)
    for name in ("log_likelihood", "classification_log_likelihood", "bic", "icl"):
        np.testing.assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=1e-6, err_msg=name)
    assert weighted.sample_size == repeated.sample_size == COUNTS.sum()


def test_pyros_map_counts_rows_too():
    scaled = MODEL.scaled_to(X)
    options = {"restarts": 3, "steps": 200, "seed": 0, "backend": "pyro"}
    weighted = inference.fit_map(scaled, X, row_weights=COUNTS, **options)
    repeated = inference.fit_map(scaled, REPEATED, **options)
    np.testing.assert_allclose(weighted.parameters["loc"], repeated.parameters["loc"], rtol=1e-4)
    np.testing.assert_allclose(weighted.log_posterior, repeated.log_posterior, rtol=1e-8)


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_a_program_of_a_users_own_counts_rows(backend):
    options = {"restarts": 3, "steps": 200, "seed": 0, "backend": backend}
    weighted = inference.fit_map(two_normals, X, row_weights=COUNTS, **options)
    repeated = inference.fit_map(two_normals, REPEATED, **options)
    np.testing.assert_allclose(np.sort(weighted.parameters["loc"]), np.sort(repeated.parameters["loc"]), rtol=1e-4)
    np.testing.assert_allclose(weighted.log_posterior, repeated.log_posterior, rtol=1e-8)


@pytest.mark.quick("fit_laplace", "sample_nuts", reason="all samplers see one density")
@pytest.mark.parametrize("verb", ["sample_nuts", "sample_smc", "fit_laplace", "fit_vi"])
def test_a_posterior_is_that_of_the_data_with_rows_repeated(verb):
    """log_posterior at each draw is that of the repeated data, to rounding: the density that was sampled is the right one."""
    scaled = MODEL.scaled_to(X)
    options = {
        "sample_nuts": {"draws": 20, "tune": 50, "chains": 2, "sampler": "numpyro", "progress": False},
        "sample_smc": SMC,
        "fit_laplace": {"draws": 20},
        "fit_vi": {"draws": 20, "steps": 200},
    }[verb]
    with np.errstate(all="ignore"):
        post = getattr(inference, verb)(scaled, X, row_weights=COUNTS, seed=0, **options)
    draws = {name: post["posterior"][name].values.reshape(-1, *shape) for name, shape in SHAPES.items()}
    repeated, prior = engine("numpyro").bind(scaled, Observations(REPEATED)).log_densities(draws)
    np.testing.assert_allclose(post["sample_stats"]["log_posterior"].values.ravel(), repeated + prior, rtol=1e-9)


SHAPES = {"weights": (2,), "loc": (2,), "scale": ()}
SMC = {"particles": 400, "runs": 4, "progress": False}


@pytest.mark.slow  # all samplers see one density
def test_the_smc_evidence_is_that_of_the_repeated_data():
    scaled = MODEL.scaled_to(X)
    weighted = inference.sample_smc(scaled, X, row_weights=COUNTS, seed=0, **SMC).attrs
    repeated = inference.sample_smc(scaled, REPEATED, seed=0, **SMC).attrs
    error = np.hypot(weighted["log_evidence_error"], repeated["log_evidence_error"])
    assert abs(weighted["log_evidence"] - repeated["log_evidence"]) < 5 * error + 0.05


def test_a_sweep_counts_rows():
    structures = ["E", "V"]
    options = {"components": [1, 2], "structures": structures, "restarts": 6, "seed": 0}
    weighted = inference.select_components(X, row_weights=COUNTS, **options)
    repeated = inference.select_components(REPEATED, **options)
    for criterion in ("bic", "icl", "aic"):
        np.testing.assert_allclose(weighted.table[criterion], repeated.table[criterion], rtol=1e-5)


def test_weights_travel_with_the_rows():
    x = Observations(X, row_weights=COUNTS)
    np.testing.assert_array_equal(x.take(slice(2, 9)).row_weights, COUNTS[2:9])
    np.testing.assert_array_equal(Observations(x).row_weights, COUNTS)
    plain = x.with_row_weights(None)
    assert plain.row_weights is None and plain.fingerprint == x.fingerprint
    assert plain.weighted_fingerprint == plain.fingerprint != x.weighted_fingerprint


def test_a_tree_keeps_them():
    post = inference.sample_nuts(
        MODEL, X, row_weights=COUNTS, draws=5, tune=10, chains=1, seed=0, sampler="numpyro", progress=False
    )
    np.testing.assert_array_equal(observations_of(post).row_weights, COUNTS)


@declare
def tied_rows(ppl, x):
    """Rows that hang together: one assignment for all of them."""
    with ppl.plate("components", 2):
        loc = ppl.sample("loc", ppl.dist.Normal(1.0, 3.0))
    z = ppl.assign("assignment", ppl.xp.ones(2) / 2)
    with ppl.plate("rows", len(x)):
        ppl.sample("obs", ppl.dist.Normal(loc[z], 1.0), obs=x)


def test_weights_of_rows_that_hang_together_are_refused(backend):
    with pytest.raises(ModelError, match="rows that are not independent given the parameters"):
        inference.fit_map(tied_rows, X, row_weights=COUNTS, seed=0, backend=backend)


def test_weights_of_rows_that_have_unknowns_of_their_own_are_refused(backend):
    x = Observations(INTERCEPTS.x, row_weights=[1.0, 2.0, 0.5])
    with pytest.raises(
        ModelError, match="weights of rows that have unknowns of their own: level; expected rows whose only"
    ):
        inference.fit_map(INTERCEPTS.program, x, seed=0, backend=backend)


def test_rows_whose_groups_have_unknowns_may_have_weights(backend):
    """And the likelihood, given the groups' unknowns, counts each row as often."""
    weights = np.array([0.0, 1.0, 2.5, 1.0, 0.5])
    values = EFFECTS.draw(np.random.default_rng(3))
    x = EFFECTS.x.with_row_weights(weights)
    single = {name: np.asarray(value)[None] for name, value in values.items()}
    found = engine(backend).bind(EFFECTS.program, x).log_likelihoods(single)[0]
    means = values["centre"] + values["effect"][WHO][:, None]
    each = logsumexp(np.log(values["weights"]) + norm.logpdf(x.x[:, None], means), axis=1)
    np.testing.assert_allclose(found, weights @ each, rtol=1e-12)


@pytest.mark.parametrize("bad", [np.ones(3), -np.ones(len(X)), np.zeros(len(X)), ["a"] * len(X)])
def test_bad_weights_are_refused(bad):
    with pytest.raises(DataError, match="row_weights"):
        Observations(X, row_weights=bad)


def test_a_stored_run_is_taken_up_with_the_weights_it_had_alone(tmp_path):
    x = Observations(X, row_weights=COUNTS)
    options = {"draws": 60, "tune": 60, "chains": 1, "sampler": "numpyro", "progress": False}
    post = inference.sample_nuts(MODEL, x, seed=0, store=tmp_path / "store", **options)
    again = inference.resume(tmp_path / "store", x, progress=False)
    np.testing.assert_array_equal(again["posterior"]["loc"], post["posterior"]["loc"])
    with pytest.raises(StoredFileError, match="other data"):
        inference.resume(tmp_path / "store", X, progress=False)
