"""The gravest sentence that holds is the verdict; what could not be compared counts for nothing."""

import numpy as np
import pytest

from inference.labels.verdict import Findings, Verdict, decide

FINE = {
    "invariant_r_hat": 1.0,
    "density_gap": 0.1,
    "expected_gap": 2.0,
    "agreement": 1.0,
    "unsure": 0.0,
    "relabelled_r_hat": 1.0,
    "visited": 1,
    "chains_apart": 0.0,
    "strays": 0.0,
}


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ({}, Verdict.IDENTIFIED),
        ({"visited": 2, "strays": 0.1}, Verdict.SWITCHES),
        ({"visited": 2, "strays": 0.001}, Verdict.SWITCHES),
        ({"visited": 2, "strays": 0.4, "chains_apart": 0.5}, Verdict.SWITCHES),
        ({"visited": 2, "chains_apart": 0.5}, Verdict.CHAINS_APART),
        ({"visited": 3, "strays": 0.001, "chains_apart": 0.5}, Verdict.CHAINS_APART),
        ({"visited": 2, "agreement": 0.9}, Verdict.AMBIGUOUS),
        ({"unsure": 0.2}, Verdict.AMBIGUOUS),
        ({"agreement": 0.9, "relabelled_r_hat": 1.5}, Verdict.AMBIGUOUS),
        ({"relabelled_r_hat": 1.5}, Verdict.DIFFERENT_MODES),
        ({"invariant_r_hat": 1.5, "agreement": 0.9, "density_gap": 9.0}, Verdict.DIFFERENT_MODES),
        ({"density_gap": 9.0, "agreement": 0.9}, Verdict.MINOR_MODE),
        ({"draws": 1}, Verdict.TOO_FEW),
        ({"draws": 3, "visited": 2, "invariant_r_hat": 1.5}, Verdict.TOO_FEW),
        ({"draws": 4}, Verdict.IDENTIFIED),
        ({"draws": 7, "chains": 1}, Verdict.TOO_FEW),
        ({"draws": 8, "chains": 1}, Verdict.IDENTIFIED),
        ({"draws": 8, "chains": 1, "invariant_r_hat": 1.5}, Verdict.DRIFTS),
        ({"is_declared": True}, Verdict.DECLARED),
        ({"is_declared": True, "relabelled_r_hat": 1.5}, Verdict.DIFFERENT_MODES),
        ({"density_gap": np.nan, "invariant_r_hat": np.nan, "relabelled_r_hat": np.nan}, Verdict.IDENTIFIED),
    ],
)
def test_the_gravest_sentence_holds(found, verdict):
    assert decide(Findings(**FINE | found)) is verdict


def test_every_verdict_is_another_sentence():
    assert len({verdict.value for verdict in Verdict}) == len(Verdict) == 9
