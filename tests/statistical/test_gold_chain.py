"""The posterior of a hidden Markov model has the means that posteriordb's reference draws have.

posteriordb (Magnusson et al. 2024), posterior hmm_example-hmm_example: two states, normal with standard deviation 1, locations with normal
priors around 3 and 10, rows of the transition matrix uniform on the simplex; means of theta[1, 1], theta[2, 1], mu[1], mu[2].
"""

from pathlib import Path
from typing import ClassVar

import arviz_stats
import numpy as np
import pytest

import inference
from mixtures import Mixture, assignments, priors
from mixtures.families import Columns

SERIES = np.loadtxt(Path(__file__).parents[1] / "published" / "hmm_example.csv", skiprows=1)
GOLD = {"theta[1, 1]": 0.666645, "theta[2, 1]": 0.073133, "mu[1]": 3.021517, "mu[2]": 8.827282}


class UnitNormal(Columns):
    """A normal distribution whose standard deviation is known to be 1."""

    default_priors: ClassVar = {"loc": priors.Normal([3.0, 10.0], 1.0)}

    def cell(self, ppl, parameters):
        return ppl.dist.Normal(parameters["loc"], 1.0)

    def start(self, x, rows, components):
        return {"loc": np.array([3.0, 10.0])}


@pytest.mark.slow
@pytest.mark.statistical
def test_the_means_are_those_of_the_reference_draws():
    model = Mixture(2, UnitNormal(), assignments.Markov(initial="uniform"))
    tree = inference.sample_nuts(model, SERIES, draws=1500, tune=500, chains=4, seed=0, progress=False)
    post = tree["posterior"].to_dataset()
    found = {
        "theta[1, 1]": post["transition"][..., 0, 0],
        "theta[2, 1]": post["transition"][..., 1, 0],
        "mu[1]": post["loc"][..., 0],
        "mu[2]": post["loc"][..., 1],
    }
    for name, gold in GOLD.items():
        draws = found[name]
        error = np.hypot(
            float(arviz_stats.mcse(draws)), float(draws.std()) / np.sqrt(10_000)
        )  # theirs are 10,000 draws
        assert abs(float(draws.mean()) - gold) < 4 * error, name
