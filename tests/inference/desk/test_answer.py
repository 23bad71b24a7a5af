"""The answer says what the numbers say, and does not trust what must not be trusted."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import inference
from inference.desk.answer import answer
from inference.status import Status
from mixtures import Mixture, Observations, families, gaussian_mixture


def test_shares_means_and_certainty_are_those_of_the_posterior(run):
    text = run.answer.found
    draws, x = run.posterior["posterior"], run.x.x
    root = draws["scale"].values[..., None] * run.posterior["factors"]["correlation_cholesky"].values
    joint = np.empty((2, 60, len(x), 2))
    for c, d, k in np.ndindex(2, 60, 2):
        law = stats.multivariate_normal(draws["loc"].values[c, d, k], root[c, d, k] @ root[c, d, k].T)
        joint[c, d, :, k] = draws["weights"].values[c, d, k] * law.pdf(x)
    table = (joint / joint.sum(axis=-1, keepdims=True)).mean(axis=(0, 1))
    means = (table.T @ x) / table.sum(axis=0)[:, None]
    for k in range(2):
        low, high = np.quantile(draws["weights"].values[..., k], [0.055, 0.945])
        assert (
            f"component {k} with {table[:, k].mean():.0%} of the rows (89% interval of the weight {low:.0%} to {high:.0%})"
            in text
        )
        assert f"around height {means[k, 0]:.3g}, width {means[k, 1]:.3g}" in text
    assert text.startswith("Two components in 70 rows")
    assert f"{(table.max(axis=1) > 0.95).sum()} of 70 rows are assigned" in text


def test_a_fit_that_is_not_sound_is_not_trusted():
    x = Observations([0.0, 1.0, 2.0, 5.0, 6.0])
    fit = inference.fit_em(gaussian_mixture(2, "tied"), x, restarts=5, seed=0)
    good, bad = answer(fit, x), answer(replace(fit, status=Status.COLLAPSED, reason="A row stands alone."), x)
    assert good.is_sound and not bad.is_sound
    assert bad.trust.startswith("Do not trust it: collapsed") and bad.trust.endswith("A row stands alone.")


def test_what_a_simpler_model_says_too_is_said():
    x = Observations([0.0, 1.0, 2.0, 5.0, 6.0])
    fit = inference.fit_em(gaussian_mixture(2, "tied"), x, restarts=5, seed=0)
    reason = "classes 0 and 1 of groups have the same weights: one of them says as much"
    assert answer(replace(fit, reason=reason), x).trust.endswith(f"none to a better one. Read with it: {reason}.")


def test_one_start_of_many_at_the_optimum_is_said():
    x = Observations([0.0, 1.0, 2.0, 5.0, 6.0])
    fit = inference.fit_em(gaussian_mixture(2, "tied"), x, restarts=3, seed=0)
    table = pd.DataFrame(
        {
            "objective": [1.0, 2.0, 3.0],
            "initial_objective": [4.0, 4.0, 4.0],
            "optimum": [0, 1, 2],
            "status": [Status.CONVERGED] * 3,
        }
    )
    assert "only 1 of 3 starts" in answer(replace(fit, restarts=table), x).trust
    assert "3 of 3 starts" in answer(replace(fit, restarts=table.assign(optimum=0)), x).trust


def test_short_chains_are_read_with_care(run):
    """2 chains of 60 draws have too few effective draws: the answer must not be more sure than the checks."""
    assert run.answer.is_sound == inference.check_posterior(run.posterior).is_sound
    assert run.answer.is_sound or run.answer.trust.startswith("Read it with care.")


@pytest.mark.parametrize("columns", [1, 5])
def test_the_columns_that_tell_components_apart_are_named(columns):
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (60, columns))
    values[:30, -1] += 3
    x = Observations(values, feature_names=[f"c{j}" for j in range(columns)])
    text = answer(inference.fit_em(gaussian_mixture(2, "diag"), x, restarts=5, seed=0), x).found
    assert f"c{columns - 1} " in text and len(re.findall(r"c\d ", text)) == 2 * min(columns, 3)


def test_categories_are_told_by_the_most_frequent_one():
    rng = np.random.default_rng(1)
    z = np.arange(80) % 2
    x = Observations(
        np.stack([rng.choice(3, 80, p=[0.7, 0.2, 0.1]), rng.choice(3, 80, p=[0.1, 0.2, 0.7])])[z, range(80)]
    )
    fit = inference.fit_em(Mixture(2, families.Categorical(3)), x, restarts=2, seed=0)
    table = inference.responsibilities(fit, x)
    for k in range(2):
        shares = [table[x.x == v, k].sum() / table[:, k].sum() for v in range(3)]
        assert (
            f"component {k} with {table[:, k].mean():.0%} of the rows, around x {np.argmax(shares)} ({max(shares):.0%})"
            in (answer(fit, x).found)
        )


def test_lines_are_told_by_their_slopes_and_angles_by_their_direction():
    rng = np.random.default_rng(2)
    age = rng.uniform(0, 10, 60)
    y = np.where(np.arange(60) % 2, 3 * age, 20 - age) + rng.normal(0, 2, 60)
    x = Observations(y, covariates=pd.DataFrame({"age": age}))
    fit = inference.fit_em(Mixture(2, families.Regression()), x, restarts=3, seed=0)
    for slope in fit.parameters["slope"][:, 0]:
        assert f"{slope:+.3g} a unit of age" in answer(fit, x).found
    counts = Observations(np.round(y.clip(0)), covariates=pd.DataFrame({"age": age}))
    fit = inference.fit_em(Mixture(2, families.Regression("poisson")), counts, restarts=1, max_steps=3, seed=0)
    for slope in fit.parameters["slope"][:, 0]:  # of exp(eta): no change of the counts themselves
        assert f", log mean {slope:+.3g} a unit of age" in answer(fit, counts).found
    angles = Observations((np.pi + stats.vonmises(8).rvs(60, random_state=0) + np.pi) % (2 * np.pi) - np.pi)
    single = inference.fit_em(Mixture(1, families.VonMises()), angles, restarts=1, seed=0)
    assert f"around x {np.angle(np.exp(1j * angles.x).mean()):.3g}" in answer(single, angles).found
