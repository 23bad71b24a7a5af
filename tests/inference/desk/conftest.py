"""One small run for all tests of the desk: overlapping components, drawn and sampled."""

import numpy as np
import pandas as pd
import pytest

from inference.desk.run import Run
from inference.desk.settings import DataSettings, FitSettings, ModelSettings, SampleSettings, Settings


@pytest.fixture(scope="session")
def plants(tmp_path_factory):
    """A file of two columns of numbers with semicolons and decimal commas."""
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal([0, 5], 1, (40, 2)), rng.normal([2.5, 7], 1, (30, 2))])
    path = tmp_path_factory.mktemp("data") / "plants.csv"
    pd.DataFrame(values.round(3), columns=["height", "width"]).to_csv(path, sep=";", decimal=",", index=False)
    return path


@pytest.fixture(scope="session")
def settings(plants):
    """Of a run on these plants."""
    return Settings(
        DataSettings(str(plants)), ModelSettings((2,)), FitSettings("map", 4), SampleSettings(draws=60, tune=80, chains=2)
    )  # fmt: skip


@pytest.fixture(scope="session")
def run(settings, tmp_path_factory):
    """The run, complete."""
    return Run.begin(settings, tmp_path_factory.mktemp("runs")).complete()
