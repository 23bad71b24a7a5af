"""Where classes are known, every correction is the plain analysis; where they are not, weighted formulas by hand."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special, stats

import inference
import mixtures

CORRECTIONS = ("ml", "bch", "two-step", "none")


@pytest.fixture(scope="module")
def apart():
    """Two classes a hundred standard deviations apart, and what goes with them."""
    rng = np.random.default_rng(0)
    z = np.arange(60) % 3 == 0
    x = np.where(z, 100.0, 0.0) + rng.normal(size=60)
    fit = inference.fit_em(mixtures.gaussian_mixture(2, "tied"), x, restarts=3, seed=0)
    own = np.argsort(fit.parameters["loc"])
    return inference.name_components(fit, [["low", "high"][place] for place in np.argsort(own)]), x, z, rng


@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize("assignment", ["modal", "proportional"])
def test_classes_that_are_apart_have_the_groups_means_and_variances(apart, correction, assignment):
    fit, x, z, rng = apart
    y = 1e6 + 50 * rng.normal(size=60) + 10 * z
    table = inference.external(fit, x, outcome=y, correction=correction, assignment=assignment).to_frame()
    for name, own in (("low", y[~z]), ("high", y[z])):
        mean = table.loc[(name, "mean")]
        assert mean["estimate"] == pytest.approx(own.mean(), rel=1e-12)
        error = own.std() / np.sqrt(len(own))  # sum (y - m)^2 / n^2: the sandwich has divisor n
        assert mean["standard_error"] == pytest.approx(error, rel=1e-5)
        assert mean["lower"] == pytest.approx(own.mean() - stats.norm.ppf(0.975) * error, rel=1e-10)
        variance = table.loc[(name, "variance")]
        assert variance["estimate"] == pytest.approx(own.var(), rel=1e-6)
        assert variance["standard_error"] == pytest.approx(
            ((own - own.mean()) ** 2).std() / np.sqrt(len(own)), rel=1e-5
        )


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_classes_that_are_apart_have_the_groups_frequencies_and_rates(apart, correction):
    fit, x, z, rng = apart
    answer = pd.Series(np.array(["no", "perhaps", "yes"])[rng.integers(0, 3, 60)], name="answer")
    table = inference.external(fit, x, outcome=answer, correction=correction).to_frame()["estimate"]
    for name in ("no", "perhaps", "yes"):
        assert table["high", f"P({name})"] == pytest.approx((answer[z] == name).mean(), rel=1e-9)
    count = rng.poisson(3.0, 60)
    rates = inference.external(fit, x, outcome=count, kind="count", correction=correction).to_frame()["estimate"]
    assert rates["low", "rate"] == pytest.approx(count[~z].mean(), rel=1e-9)


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_classes_that_are_apart_have_the_plain_logistic_regression(apart, correction):
    fit, x, z, rng = apart
    covariates = np.column_stack([rng.normal(1e4, 100.0, 60), rng.random(60) < 0.5])
    design = np.column_stack([np.ones(60), (covariates[:, 0] - 1e4) / 100, covariates[:, 1]])

    def loss(beta):
        return np.logaddexp(0, design @ beta).sum() - (z * (design @ beta)).sum()

    beta = optimize.minimize(loss, np.zeros(3), tol=1e-12).x
    probs = special.expit(design @ beta)
    bread = np.linalg.inv(design.T @ (design * (probs * (1 - probs))[:, None]))
    scores = design * (z - probs)[:, None]
    errors = np.sqrt(np.diag(bread @ scores.T @ scores @ bread))
    found = inference.external(fit, x, covariates=covariates, correction=correction, reference="low")
    table = found.to_frame().loc["high"]
    # the first covariate has its own unit again
    np.testing.assert_allclose(table["estimate"].iloc[1:] * [100, 1], beta[1:], atol=1e-5)
    np.testing.assert_allclose(table["standard_error"].iloc[1:] * [100, 1], errors[1:], rtol=1e-4)
    assert table["estimate"].iloc[0] + 1e4 * table["estimate"].iloc[1] == pytest.approx(beta[0], abs=1e-5)


@pytest.mark.parametrize("assignment", ["modal", "proportional"])
def test_bch_means_are_means_by_the_weights_of_the_inverse_table(study, assignment):
    y = study.frame["y"].to_numpy()
    posterior = inference.responsibilities(study.fit, study.items).to_numpy()
    given = posterior if assignment == "proportional" else np.eye(3)[posterior.argmax(axis=1)]
    table = np.array(
        [[(posterior[:, k] * given[:, s]).sum() / posterior[:, k].sum() for s in range(3)] for k in range(3)]
    )
    weights = np.linalg.solve(table.T, given.T).T
    found = inference.external(study.fit, study.items, outcome=y, correction="bch", assignment=assignment)
    np.testing.assert_allclose(found.classification, table, rtol=1e-9)
    for k, name in enumerate(study.fit.components):
        own, total = weights[:, k], weights[:, k].sum()
        mean = (own * y).sum() / total
        assert found.to_frame().loc[(name, "mean"), "estimate"] == pytest.approx(mean, rel=1e-9)


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_a_weight_of_two_is_a_row_that_is_there_twice(study):
    items, y = study.items.iloc[:80], study.frame["y"].iloc[:80]
    weights = np.where(np.arange(80) < 30, 2.0, 1.0)
    twice = np.repeat(np.arange(80), weights.astype(int))
    weighted = mixtures.Observations(items, row_weights=weights)
    origin = dataclasses.replace(study.fit.origin, fingerprint=weighted.fingerprint, total_weight=110.0)
    repeated = items.iloc[twice].reset_index(drop=True)
    fingerprint = mixtures.Observations(repeated).fingerprint
    other = dataclasses.replace(study.fit.origin, fingerprint=fingerprint)
    for correction in CORRECTIONS:
        one = inference.external(
            dataclasses.replace(study.fit, origin=origin), weighted, outcome=y.to_numpy(), correction=correction
        )
        two = inference.external(
            dataclasses.replace(study.fit, origin=other), repeated, outcome=y.to_numpy()[twice], correction=correction
        )
        np.testing.assert_allclose(one.estimates, two.estimates, rtol=1e-6)


def test_walds_test_of_two_means_is_the_square_of_z(apart):
    fit, x, z, rng = apart
    y = rng.normal(size=60) + z
    found = inference.external(fit, x, outcome=y, correction="none")
    away = y[z].mean() - y[~z].mean()
    error2 = y[z].var() / z.sum() + y[~z].var() / (~z).sum()
    assert found.tests.loc["all alike", "chi2"] == pytest.approx(away**2 / error2)
    assert found.tests.loc["all alike", "df"] == 1
    assert found.tests.loc["all alike", "p"] == pytest.approx(2 * stats.norm.sf(abs(away) / np.sqrt(error2)))
