"""Rows that are one whole: counts of categories with totals of their own, more varied ones, and shares that add up to 1."""

import numpy as np
import pytest
from scipy import stats

import inference
from inference.backends import engine
from mixtures import Mixture, Observations, families, multinomial_mixture, simulate
from mixtures.errors import DataError, ModelError
from mixtures.specification import from_json, to_json

COUNTS = np.array([[3.0, 0.0, 5.0], [0.0, 1.0, 0.0], [20.0, 30.0, 7.0], [0.0, 0.0, 0.0]])
SHARES = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1], [0.98, 0.01, 0.01]])
SEVERAL = np.array([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]])
WEIGHTS = np.array([0.4, 0.6])


def test_counts_have_the_density_of_as_many_as_they_add_up_to(backend):
    """With a total said of all rows, of each row, or of none."""
    model = multinomial_mixture(2)
    table = engine(backend).log_joint(model, {"weights": WEIGHTS, "probs": SEVERAL}, Observations(COUNTS))
    totals = COUNTS.sum(axis=1)
    right = np.stack([stats.multinomial.logpmf(COUNTS, totals, probs) for probs in SEVERAL], axis=1) + np.log(WEIGHTS)
    np.testing.assert_allclose(table, right, rtol=1e-10, atol=1e-13)
    known = Observations(COUNTS, trials=totals)
    table = engine(backend).log_joint(model, {"weights": WEIGHTS, "probs": SEVERAL}, known)
    np.testing.assert_allclose(table, right, rtol=1e-10, atol=1e-13)


@pytest.mark.quick("pyro", reason="the densities of both backends have tests of their own")
def test_one_component_has_the_shares_of_all(backend):
    for x in (Observations(COUNTS), Observations(COUNTS, trials=COUNTS.sum(axis=1))):  # closed, and by gradient
        fit = inference.fit_em(multinomial_mixture(1), x, restarts=1, seed=0, backend=backend)
        np.testing.assert_allclose(fit.parameters["probs"], [COUNTS.sum(axis=0) / COUNTS.sum()], rtol=1e-4)


@pytest.mark.parametrize("amount", [0.01, 1.0, 1e3])
def test_counts_that_vary_more(backend, amount):
    values = {"weights": WEIGHTS, "concentration": amount * SEVERAL}
    table = engine(backend).log_joint(Mixture(2, families.DirichletMultinomial()), values, Observations(COUNTS))
    counts, totals = COUNTS.astype(int), COUNTS.sum(axis=1).astype(int)
    right = [stats.dirichlet_multinomial.logpmf(counts, own, totals) for own in amount * SEVERAL]
    np.testing.assert_allclose(table, np.stack(right, axis=1) + np.log(WEIGHTS), rtol=1e-9, atol=1e-12)


def test_concentration_without_end_makes_a_multinomial(backend):
    values = {"weights": WEIGHTS, "concentration": 1e13 * SEVERAL}
    table = engine(backend).log_joint(Mixture(2, families.DirichletMultinomial()), values, Observations(COUNTS))
    plain = engine(backend).log_joint(
        multinomial_mixture(2), {"weights": WEIGHTS, "probs": SEVERAL}, Observations(COUNTS)
    )
    np.testing.assert_allclose(table, plain, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("amount", [0.1, 10.0, 1e6])
def test_compositions(backend, amount):
    x = Observations(np.vstack([SHARES, [[np.nan] * 3]]), missing="allow")
    values = {"weights": WEIGHTS, "concentration": amount * SEVERAL}
    table = engine(backend).log_joint(Mixture(2, families.Dirichlet()), values, x)
    right = np.array([[stats.dirichlet(own).logpdf(row) for own in amount * SEVERAL] for row in SHARES])
    np.testing.assert_allclose(table[:3], right + np.log(WEIGHTS), rtol=1e-9)
    np.testing.assert_allclose(table[3], np.log(WEIGHTS), rtol=1e-12)  # a row that is missing says nothing


@pytest.mark.statistical
@pytest.mark.parametrize("family", [families.Multinomial(), families.DirichletMultinomial()])
def test_rows_are_drawn_with_their_own_totals(backend, family):
    trials = np.tile([3.0, 40.0], 1000)
    concentration = np.array([[2.0, 5.0, 3.0]])
    site = next(iter(family.priors_by_site))
    given = {"weights": [1.0], site: concentration / (10.0 if site == "probs" else 1.0)}
    drawn = simulate(Mixture(1, family), (2000, 3), 0, given, backend, trials=trials)["obs"]
    np.testing.assert_array_equal(drawn.sum(axis=1), trials)
    for count in (3, 40):
        varied = stats.dirichlet_multinomial(concentration[0], count)
        right = stats.multinomial(count, concentration[0] / 10) if site == "probs" else varied
        own = drawn[trials == count]
        covariance = right.cov()
        error = 5 * np.sqrt(np.diag(covariance) / 1000)
        centre = count * concentration[0] / 10
        assert (np.abs(own.mean(axis=0) - centre) < error).all()
        np.testing.assert_allclose(np.cov(own.T), covariance, rtol=0.25, atol=0.25 * covariance.max())


def test_totals_that_are_not_known_cannot_be_drawn():
    with pytest.raises(DataError, match="trials: got none; expected how much each row adds up to"):
        simulate(multinomial_mixture(2), (5, 3), 0)


@pytest.mark.slow
def test_predictions_have_the_totals_of_their_rows():
    post = inference.sample_nuts(
        multinomial_mixture(1), COUNTS, draws=20, tune=50, chains=1, seed=0, predictive=True, progress=False
    )
    drawn = post.posterior_predictive.obs.values
    np.testing.assert_array_equal(drawn.sum(axis=-1), np.broadcast_to(COUNTS.sum(axis=1), drawn.shape[:-1]))


def test_what_is_no_whole_is_refused():
    with pytest.raises(DataError, match="expected rows that add up to 1"):
        families.Dirichlet().check(Observations([[0.2, 0.3], [0.5, 0.5]]))
    with pytest.raises(DataError, match="put a small share in the place of exact 0"):
        families.Dirichlet().check(Observations([[0.0, 1.0], [0.5, 0.5]]))
    with pytest.raises(DataError, match="one column for each category"):
        families.Dirichlet().check(Observations([0.2, 0.3]))
    with pytest.raises(DataError, match="observed as a whole or not at all"):
        families.DirichletMultinomial().check(Observations([[1.0, np.nan], [2.0, 2.0]], missing="allow"))
    with pytest.raises(DataError, match="rows that add up to their trials"):
        families.Multinomial().check(Observations([[1.0, 2.0], [2.0, 2.0]], trials=[3, 5]))
    for family in (families.Dirichlet(), families.Multinomial()):
        with pytest.raises(ModelError):
            families.Product({"a": family})
        with pytest.raises(ModelError, match="add up to a total"):
            families.WithNoise(family, 0, 9)


def test_files_of_former_versions():
    model = multinomial_mixture(2, 5)
    former = to_json(model).replace("families.whole_rows:", "families.categorical:")
    assert "families.categorical:Multinomial" in former
    assert from_json(former) == model
