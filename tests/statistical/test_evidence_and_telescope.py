"""The evidence of each number of components, and the telescoping sampler, which draws that number, say the same."""

import numpy as np
import pytest

import inference
from mixtures import Mixture, component_counts, load_dataset
from tests.monte_carlo import standard_error
from tests.published import column
from tests.published.posteriors import of_counts, richardson_and_green

DATA = {
    "eye tracking": (column("eye_tracking"), of_counts),
    "waiting": (load_dataset("faithful").x[:60, 1], richardson_and_green),
    "acidity": (column("acidity"), richardson_and_green),
}
MOST = 3


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("name", DATA)
def test_both_have_the_same_probabilities(name):
    """p(K), K = 1, 2, 3, uniform before the data: two algorithms that share the density alone, within their errors."""
    x, priors = DATA[name]
    family, every = priors(x), range(1, MOST + 1)
    trees = [inference.sample_smc(Mixture(k, family), x, seed=1, progress=False) for k in every]
    logs, errors = (np.array([tree.attrs[name] for tree in trees]) for name in ("log_evidence", "log_evidence_error"))
    shares = np.exp(logs - np.logaddexp.reduce(logs))
    # d share_k / d log evidence_j = share_k ([j = k] - share_j)
    slopes = shares[:, None] * (np.eye(MOST) - shares)
    of_evidence = np.sqrt((slopes * errors) ** 2 @ np.ones(MOST))
    posterior = inference.sample_telescope(
        Mixture(MOST, family),
        x,
        prior_on_components=component_counts.Uniform(),
        draws=3000,
        tune=500,
        seed=2,
        progress=False,
    )
    for k, share, error in zip(every, shares, of_evidence, strict=True):
        is_so = posterior["posterior"]["n_components"].values == k
        allowed = 4 * np.hypot(error, standard_error(is_so, share)) + 1 / is_so.size  # of what is rare, within a draw
        assert abs(is_so.mean() - share) < allowed, (k, is_so.mean(), share)
