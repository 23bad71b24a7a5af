"""Three overlapping latent classes of 600 rows, with an outcome and covariates that go with them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

import inference
import mixtures
from inference import PointFit

SHARES = np.array([0.5, 0.3, 0.2])
PROBS = np.array([[0.8] * 6, [0.8] * 3 + [0.2] * 3, [0.2] * 6])


@dataclass(frozen=True, eq=False)
class Study:
    """Items, a fit of them, and external variables beside them in one frame."""

    fit: PointFit
    items: pd.DataFrame
    frame: pd.DataFrame


def simulated(rows: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Items, and external variables: `y` with means 0, 1, 2 by class, `count` with rates 1, 2, 3, `group` of three, `age`, which predicts."""
    rng = np.random.default_rng(seed)
    age = rng.normal(size=rows)
    odds = np.log(SHARES) + age[:, None] * [0.0, 0.5, -0.5]
    probs = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    z = (rng.random(rows)[:, None] > probs.cumsum(axis=1)).sum(axis=1)
    items = pd.DataFrame(rng.random((rows, 6)) < PROBS[z], columns=list("abcdef"))
    beside = {
        "y": rng.normal(z, 1.0),
        "count": rng.poisson(1.0 + z),
        "group": pd.Categorical(
            np.array(["u", "v", "w"])[(rng.integers(0, 3, rows) + (rng.random(rows) < 0.3) * z) % 3]
        ),
        "age": 40 + 10 * age,
    }
    return items, items.assign(**beside)


@pytest.fixture(scope="session")
def study(backend):
    items, frame = simulated(600, 1)
    model = mixtures.latent_class(3, items)
    fit = inference.fit_em(model, items, restarts=20, tolerance=1e-12, seed=0, backend=backend)
    order = np.argsort(-fit.parameters["weights"])
    names = [""] * 3
    for place, name in zip(order, ["most", "some", "few"], strict=True):
        names[place] = name
    return Study(inference.name_components(fit, names), items, frame)
