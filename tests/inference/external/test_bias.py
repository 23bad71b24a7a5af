"""The simulation of Bakk & Kuha (2018, section 4), smaller: classify-analyse is biased towards no difference, the three corrections are not, and
their intervals hold the truth nearly as often as they say.

Three classes, six items with probabilities .8 and .2, a covariate that predicts the class, an outcome that differs between classes.
"""

import numpy as np
import pytest

import inference
import mixtures
from tests.inference.external.conftest import PROBS

ROWS, STUDIES = 1000, 150
SLOPES = np.array([1.0, -1.0])
"""Log odds of the second and the third class against the first, for a standard deviation of the covariate."""
MEANS = np.array([0.0, 1.0, 2.0])
CORRECTIONS = ("ml", "bch", "two-step", "none")


@pytest.fixture(scope="module")
def studies():
    """Estimates, and whether the interval holds the truth, by correction and question: (studies, numbers)."""
    model = mixtures.Mixture(3, mixtures.families.Bernoulli())
    start = {"weights": np.array([0.4, 0.3, 0.3]), "probs": PROBS}
    truth = {"covariates": SLOPES, "outcome": MEANS}
    found = {(c, question): ([], []) for c in CORRECTIONS for question in truth}
    for study in range(STUDIES):
        rng = np.random.default_rng([study, 7])
        age = rng.normal(size=ROWS)
        odds = np.exp(np.column_stack([np.zeros(ROWS), age[:, None] * SLOPES]))
        z = (rng.random(ROWS)[:, None] > (odds / odds.sum(axis=1, keepdims=True)).cumsum(axis=1)).sum(axis=1)
        x = (rng.random((ROWS, 6)) < PROBS[z]).astype(float)
        values = {"covariates": age, "outcome": rng.normal(MEANS[z], 1.0)}
        fit = inference.fit_em(model, x, restarts=1, init=start, seed=0)
        for (correction, question), (estimates, held) in found.items():
            table = inference.external(fit, x, correction=correction, **{question: values[question]}).to_frame()
            lines = table.xs("c0" if question == "covariates" else "mean", level="parameter")
            estimates.append(lines["estimate"].to_numpy())
            held.append(((lines["lower"] < truth[question]) & (truth[question] < lines["upper"])).to_numpy())
    return {key: (np.array(estimates) - truth[key[1]], np.array(held)) for key, (estimates, held) in found.items()}


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("question", ["covariates", "outcome"])
@pytest.mark.parametrize("correction", ["ml", "bch", "two-step"])
def test_corrected_estimates_are_not_biased_and_their_intervals_hold_the_truth(studies, correction, question):
    away, held = studies[correction, question]
    error = away.std(axis=0) / np.sqrt(STUDIES)
    assert (np.abs(away.mean(axis=0)) < 4 * error + 0.03).all()  # a maximum likelihood estimate is biased by some 1 / n
    share = held.mean(axis=0)
    assert (share > 0.95 - 4 * np.sqrt(0.95 * 0.05 / STUDIES)).all()
    assert share.mean() < 0.99  # and they are not just wide


@pytest.mark.slow
@pytest.mark.statistical
def test_uncorrected_estimates_are_pulled_together_and_their_intervals_miss_the_truth(studies):
    away, held = studies["none", "covariates"]
    assert (away.mean(axis=0) * np.sign(SLOPES) < -0.2).all()
    assert (held.mean(axis=0) < 0.5).all()
    away, held = studies["none", "outcome"]
    assert away.mean(axis=0)[0] > 0.1
    assert away.mean(axis=0)[2] < -0.1
    assert (held.mean(axis=0)[[0, 2]] < 0.6).all()
