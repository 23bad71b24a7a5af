"""Weights and regressions that depend on some of the covariates each, chosen by name or number, against the likelihood written out."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats
from scipy.special import log_softmax, logsumexp

import inference
from mixtures import Mixture, Observations, assignments, families, regression_mixture, simulate, weights
from mixtures.errors import ChoiceError, DataError, ModelError
from mixtures.specification import from_json, to_json

RNG = np.random.default_rng(8)
ROWS = 80
TABLE = pd.DataFrame({"age": RNG.normal(40.0, 9.0, ROWS), "dose": RNG.normal(size=ROWS), "z": RNG.normal(size=ROWS)})
FIRST = RNG.random(ROWS) < 1 / (1 + np.exp(-1.2 * TABLE["z"]))
TABLE["y"] = np.where(FIRST, 1.0 + 1.1 * TABLE["dose"], -0.6 - 0.3 * TABLE["dose"]) + RNG.normal(scale=0.7, size=ROWS)
COVARIATES = TABLE[["age", "dose", "z"]]
X = Observations(TABLE["y"], covariates=COVARIATES)
MODEL = Mixture(2, families.Regression(among=["dose"]), weights.Gating(among=["z"]))


def by_hand(parameters, covariates=COVARIATES, y=TABLE["y"]):
    """log p(y_i, z_i = k), rows by components, of dose in the lines and z in the weights."""
    dose, z = covariates["dose"].to_numpy()[:, None], covariates["z"].to_numpy()[:, None]
    eta = parameters["intercept"] + dose * parameters["slope"][:, 0]
    logits = parameters["gating_intercept"] + z * parameters["gating_slope"][:, 0]
    return stats.norm(eta, parameters["scale"]).logpdf(np.asarray(y)[:, None]) + log_softmax(logits, axis=1)


def loss(u):
    names = ("intercept", "slope", "scale")
    own = dict(zip(names, u[:6].reshape(3, 2), strict=True))
    own |= {"slope": own["slope"][:, None], "scale": np.exp(own["scale"])}
    own |= {"gating_intercept": np.array([u[6], 0.0]), "gating_slope": np.array([[u[7]], [0.0]])}
    return -logsumexp(by_hand(own), axis=1).sum()


@pytest.fixture(scope="module")
def fit():
    return inference.fit_em(MODEL, X, restarts=4, tolerance=1e-11, seed=0)


def test_em_is_at_the_maximum(backend):
    found = inference.fit_em(MODEL, X, restarts=4, tolerance=1e-11, seed=0, backend=backend)
    exact = optimize.minimize(loss, [1.0, -0.6, 1.1, -0.3, -0.4, -0.4, 0.0, 1.2])
    assert found.log_likelihood == pytest.approx(-exact.fun, abs=1e-6)
    assert found.free_parameters == 8
    assert found.log_likelihood == pytest.approx(logsumexp(by_hand(found.parameters), axis=1).sum(), abs=1e-8)


def test_gradients_of_a_kind_without_closed_steps(backend):
    """Student's t with many degrees of freedom is normal, nearly: the same likelihood from another program."""
    family = families.Regression("student_t", df=1e7, among=["dose"])
    found = inference.fit_mle(replace(MODEL, family=family), X, seed=0, backend=backend)
    exact = optimize.minimize(loss, [1.0, -0.6, 1.1, -0.3, -0.4, -0.4, 0.0, 1.2])
    assert found.log_likelihood == pytest.approx(-exact.fun, abs=1e-3)


def test_names_in_results(fit):
    assert "slope[dose]" in str(fit) and "gating_slope[z]" in str(fit) and "age" not in str(fit)
    tree = inference.fit_laplace(fit.program, X, draws=10, seed=0)["posterior"]
    assert tree["slope"].coords[tree["slope"].dims[-1]].values.tolist() == ["dose"]
    assert tree["gating_slope"].coords[tree["gating_slope"].dims[-1]].values.tolist() == ["z"]
    assert from_json(to_json(fit.program)) == fit.program
    assert from_json(to_json(MODEL)) == MODEL


def test_new_rows_in_any_order_of_columns(fit):
    """New covariates are found by their names; those that nothing depends on must be there too."""
    rows = slice(0, 7)
    moved = Observations(TABLE["y"][rows], covariates=COVARIATES[["z", "age", "dose"]][rows])
    expected = np.exp(by_hand(fit.parameters)[rows] - logsumexp(by_hand(fit.parameters)[rows], axis=1, keepdims=True))
    np.testing.assert_allclose(inference.responsibilities(fit, moved), expected, atol=1e-9)
    with pytest.raises(DataError, match=r"without 'dose'.*choose"):
        inference.classify(fit, Observations(TABLE["y"][rows], covariates=COVARIATES[["age", "z"]][rows]))
    with pytest.raises(DataError, match="without names"):
        inference.classify(fit, Observations(TABLE["y"][rows], covariates=COVARIATES.to_numpy()[rows]))
    draws = simulate(fit, 7, seed=0, covariates=COVARIATES[["z", "age", "dose"]][rows])
    again = simulate(fit, 7, seed=0, covariates=COVARIATES[["dose", "z", "age"]][rows])
    np.testing.assert_array_equal(draws["obs"], again["obs"])
    with pytest.raises(DataError, match="covariates: got 2 columns; expected 3 columns, as in the data"):
        simulate(fit, 7, seed=0, covariates=COVARIATES[["dose", "z"]][rows])


def test_by_number_is_the_same(fit):
    by_number = Mixture(2, families.Regression(among=[1]), weights.Gating(among=[2]))
    x = Observations(TABLE["y"], covariates=COVARIATES.to_numpy())
    found = inference.fit_em(by_number, x, restarts=4, tolerance=1e-11, seed=0)
    assert found.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-8)
    assert "covariates" in str(by_number)


def test_behind_the_bar_of_a_formula(fit):
    pytest.importorskip("formulaic")
    model = regression_mixture(2, "y ~ dose | z", data=TABLE)
    found = inference.fit_em(model, TABLE, restarts=4, tolerance=1e-11, seed=0)
    assert found.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-8)
    assert "slope[dose]" in str(found) and "gating_slope[z]" in str(found)
    with pytest.raises(ModelError, match=r"covariates: got 'dosis'; expected names among \['dose', 'z'\]"):
        regression_mixture(2, "y ~ dose | z", data=TABLE, random="dosis")
    expected = logsumexp(by_hand(found.parameters)[:5], axis=1)
    np.testing.assert_allclose(inference.log_likelihood(found, TABLE[:5]), expected, atol=1e-9)
    both = regression_mixture(2, "y ~ dose + age | dose + z", data=TABLE)
    assert both.formula.covariates == ("dose", "age", "z")
    assert both.assignment.among.numbers == (0, 2) and both.family.among.numbers == (0, 1)
    with pytest.raises(ModelError, match="the covariates behind the bar"):
        regression_mixture(2, "y ~ dose | z", data=TABLE, weights=weights.Dirichlet())
    with pytest.raises(ModelError, match="behind the bar"):
        regression_mixture(2, "y ~ dose | 1", data=TABLE)


def test_regressions_of_nothing_are_normals(backend):
    """Without covariates of their own, components are Gaussians, whose weights depend on z."""
    pytest.importorskip("formulaic")
    lines = inference.fit_em(
        regression_mixture(2, "y ~ 1 | z", data=TABLE), TABLE, restarts=3, tolerance=1e-11, seed=0, backend=backend
    )
    plain = Mixture(2, families.Gaussian(), weights.Gating(among=["z"]))
    normals = inference.fit_em(plain, X, restarts=3, tolerance=1e-11, seed=0, backend=backend)
    assert lines.log_likelihood == pytest.approx(normals.log_likelihood, abs=1e-6)


def test_common_slopes_by_name():
    model = Mixture(2, families.Regression(among=["dose", "age"], common=["age", "scale"]), weights.Gating(among=["z"]))
    assert model.family.common == (1, "scale") and model.covariate_names == ("dose", "age", "z")
    fit = inference.fit_em(model, X, restarts=1, max_steps=3, seed=0)
    assert "common_slope[age], shared" in str(fit) and "slope[dose]" in str(fit)


def test_a_chain_and_groups():
    chain = Mixture(2, families.Regression(among=["dose"]), assignments.MarkovGating(among=["z"]))
    fit = inference.fit_em(chain, X, restarts=1, max_steps=3, seed=0)
    assert fit.parameters["transition_slope"].shape == (2, 2, 1) and "transition_slope" in str(fit)
    group = np.repeat(np.arange(ROWS // 4), 4)
    covariates = COVARIATES.assign(z=COVARIATES["z"].to_numpy()[group])
    x = Observations(TABLE["y"], covariates=covariates, group=group)
    grouped = Mixture(2, families.Regression(among=["dose"]), assignments.PerGroup(weights.Gating(among=["z"])))
    found = inference.fit_em(grouped, x, restarts=1, max_steps=50, seed=0)
    dose = by_hand(found.parameters, covariates) - log_softmax(
        found.parameters["gating_intercept"] + covariates[["z"]].to_numpy() @ found.parameters["gating_slope"].T, axis=1
    )
    sums = dose.reshape(-1, 4, 2).sum(axis=1)
    z = covariates[["z"]].to_numpy()[::4]
    weight = log_softmax(found.parameters["gating_intercept"] + z @ found.parameters["gating_slope"].T, axis=1)
    assert found.log_likelihood == pytest.approx(logsumexp(sums + weight, axis=1).sum(), abs=1e-8)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: weights.Gating(among=[]), ModelError, "no covariates"),
        (lambda: weights.Gating(among=["z", "z"]), ModelError, "each covariate once"),
        (lambda: families.Regression(among=[1.5]), ModelError, "among"),
        (lambda: families.Regression(among=["dose"], common=["age"]), ChoiceError, "'age'"),
        (lambda: families.Regression(among=[0], common=[1]), ModelError, "one of the regression's"),
        (lambda: Mixture(2, families.Regression(among=[0]), weights.Gating(among=["z"])), ModelError, "all by number"),
        (lambda: inference.fit_em(Mixture(2, families.Regression(among=[3])), X, seed=0), DataError, "from 0 to 2"),
    ],
)
def test_bad_choices(make, error, text):
    with pytest.raises(error, match=text):
        make()
