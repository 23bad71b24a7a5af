"""A law of the assignment is one file: everything that is asked of it, and a further law that nobody here has heard of.

Expectations are scipy's and sums over all components.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import array_api_compat
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from scipy.special import log_softmax, logsumexp, softmax
from scipy.stats import norm

import inference
from inference.backends import engine
from mixtures import Mixture, Observations, assignments, families, gaussian_mixture, simulate, weights
from mixtures.assignments import Assignment, Dirichlet, Gating, RowWise
from mixtures.errors import ModelError
from mixtures.exchangeable import exchangeable
from mixtures.rows import Rows

RNG = np.random.default_rng(2)
X = np.concatenate([RNG.normal(0.0, 1.0, 30), RNG.normal(2.0, 1.0, 20)])
C = RNG.normal(size=(50, 2))
TABLE = norm.logpdf(X[:, None], [0.0, 1.0, 2.5], 1.0)
LAWS = {
    "Dirichlet": (Dirichlet(), {"weights": np.array([0.5, 0.2, 0.3])}),
    "Gating": (
        Gating(),
        {"gating_intercept": np.array([0.3, -0.2, 0.0]), "gating_slope": RNG.normal(size=(3, 2))},
    ),
}


def log_probs(name, values):
    """By scipy, (rows, components)."""
    if name == "Dirichlet":
        return np.broadcast_to(np.log(values["weights"]), TABLE.shape)
    return log_softmax(values["gating_intercept"] + C @ values["gating_slope"].T, axis=1)


def as_arrays(kind, tree):
    make = {"numpy": np.asarray, "jax": jnp.asarray, "torch": torch.as_tensor}[kind]
    xp = {"numpy": np, "jax": jnp, "torch": array_api_compat.array_namespace(torch.zeros(1))}[kind]
    return xp, jax.tree.map(make, tree)


@pytest.mark.parametrize("kind", ["numpy", "jax", "torch"])
@pytest.mark.parametrize("name", LAWS)
def test_answers_in_every_namespace(name, kind):
    law, values = LAWS[name]
    right = TABLE + log_probs(name, values)
    with jax.enable_x64(True):
        xp, (own, table, covariates) = as_arrays(kind, (values, TABLE, C))
        rows = Rows(table, covariates=covariates)
        np.testing.assert_allclose(law.log_marginal(xp, own, table, rows), logsumexp(right, axis=1), rtol=1e-12)
        np.testing.assert_allclose(law.marginals(xp, own, table, rows), softmax(right, axis=1), rtol=1e-11, atol=1e-300)
        np.testing.assert_array_equal(law.mode(xp, own, table, rows), right.argmax(axis=1))


@pytest.mark.parametrize("name", LAWS)
def test_draws_have_the_marginal_frequencies(name):
    law, values = LAWS[name]
    probs = softmax(TABLE + log_probs(name, values), axis=1)
    rng = np.random.default_rng(0)
    drawn = np.stack([law.sample(values, TABLE, Rows(X, covariates=C), rng) for _ in range(4000)])
    found = (drawn[..., None] == np.arange(3)).mean(axis=0)
    error = np.sqrt(probs * (1 - probs) / 4000)
    assert (np.abs(found - probs) < 5 * error + 1e-3).all()


@pytest.mark.parametrize("name", LAWS)
def test_permuting_the_components_permutes_the_answers(name):
    law, values = LAWS[name]
    permutation, rows = np.array([2, 0, 1]), Rows(X, covariates=C)
    before = law.marginals(np, values, TABLE, rows)
    after = law.marginals(np, law.permuted(values, permutation), TABLE[:, permutation], rows)
    np.testing.assert_allclose(after, before[:, permutation], rtol=1e-12)


@dataclass(frozen=True)
class Known(RowWise):
    """Weights that are known: a law of a user's own."""

    probs: tuple[float, ...]

    @property
    def priors_by_site(self) -> Mapping:
        return {}

    def draw(self, ppl, draw, components, rows):
        return {}

    def assign(self, ppl, values, rows):
        return ppl.assign("assignment", probs=ppl.array(self.probs))

    def start(self, components, rows, rng):
        return {}

    def kinds(self, components):
        return self.probs

    def log_probs(self, xp, values, rows):
        return xp.log(xp.asarray(self.probs))[None]

    def permuted(self, values, permutation):
        return values


KNOWN = Known((0.25, 0.75))
OWN = Mixture(2, families.Gaussian("tied"), KNOWN)


@pytest.mark.quick("numpyro", reason="one code serves both backends")
def test_a_law_of_ones_own_under_every_verb(backend):
    values = {"loc": np.array([0.3, 1.8]), "scale": np.array(1.1)}
    single = {name: value[None] for name, value in values.items()}
    right = np.log(KNOWN.probs) + norm.logpdf(X[:, None], values["loc"], 1.1)
    own = engine(backend)
    np.testing.assert_allclose(own.log_joint(OWN, values, Observations(X)), right, rtol=1e-10)
    found = own.bind(OWN, Observations(X)).log_likelihoods(single)[0]
    np.testing.assert_allclose(found, logsumexp(right, axis=1).sum(), rtol=1e-12)
    fit = inference.fit_map(OWN, X, restarts=3, steps=100, seed=0, backend=backend)
    assert set(fit.parameters) == {"loc", "scale"}
    em = inference.fit_em(OWN, X, restarts=20, seed=0, backend=backend)
    held = inference.fit_em(
        gaussian_mixture(2, "tied"), X, restarts=20, seed=0, fixed={"weights": KNOWN.probs}, backend=backend
    )
    np.testing.assert_allclose(em.log_likelihood, held.log_likelihood, rtol=1e-8)
    np.testing.assert_allclose(inference.responsibilities(fit, X).sum(axis=1), 1.0)
    assert inference.classify(fit, X).shape == (50,)
    post = inference.sample_nuts(OWN, X, draws=5, tune=20, chains=1, seed=0, backend=backend, progress=False)
    assert inference.partition(post, seed=0).labels.shape == (50,)
    assert simulate(OWN, 20, seed=0, backend=backend)["assignment"].shape == (20,)


def test_a_law_may_tell_components_apart():
    assert exchangeable(OWN, 2) == ()
    alike = Mixture(3, families.Gaussian(), Known((0.3, 0.4, 0.3)))
    assert exchangeable(alike, 3) == ((0, 2),)


def test_the_law_is_the_third_part_of_a_mixture():
    assert Mixture(2, families.Poisson(), weights.Dirichlet(0.5)) == Mixture(
        2, families.Poisson(), assignment=assignments.Dirichlet(0.5)
    )
    with pytest.warns(FutureWarning, match="assignment"):
        former = Mixture(2, families.Poisson(), weights=Dirichlet(0.5))
    assert former.assignment == Dirichlet(0.5)
    with pytest.warns(FutureWarning, match="assignment"):
        assert former.weights == Dirichlet(0.5)


@pytest.mark.parametrize("bad", [Dirichlet, "Dirichlet", [0.5, 0.5], 1.0, families.Poisson()])
def test_what_is_no_law_is_refused(bad):
    with pytest.raises(ModelError, match=r"assignment: .*weights\.Dirichlet\(1\.0\)"):
        Mixture(2, families.Poisson(), bad)


def test_optional_parts_are_declared_with_what_they_are_where_a_law_says_nothing():
    assert not (KNOWN.needs_covariates or KNOWN.linear_predictors or KNOWN.redundant_sites or KNOWN.favours_empty())
    assert KNOWN.pseudo_rows(2) is None and KNOWN.unit == "row" and issubclass(Known, Assignment)
    assert Dirichlet((0.5, 2.0)).favours_empty() and not Dirichlet(1.0).favours_empty()


def test_a_law_of_another_number_of_components_is_refused(backend):
    model = Mixture(3, families.Gaussian("tied"), KNOWN)
    with pytest.raises(ModelError, match="assignment: got a law of 2 components; expected one of 3"):
        inference.fit_map(model, X, seed=0, backend=backend)


def test_a_site_without_an_axis_of_components_needs_a_rule():
    with pytest.raises(ModelError, match="a law with the site 'slope', which has no axis of components"):
        Dirichlet(1.0).permuted({"slope": np.array(1.0)}, np.array([1, 0]))
