"""For every covariance structure and up to five components, EM finds a likelihood as high as mclust's, on four data sets.

mclust/log_likelihoods.csv: R's mclust 6.0.0 (Scrucca, Fop, Murphy & Raftery 2016), started by its hierarchical clustering; cells that it
gave up are not in it. diabetes.csv: Reaven & Miller (1979); iris.csv: Anderson (1935), Fisher (1936).
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from inference import select_components
from mixtures import load_dataset
from mixtures.families.covariance import STRUCTURES

FOLDER = Path(__file__).parent / "mclust"
REFERENCE = pd.read_csv(FOLDER / "log_likelihoods.csv")
DATA = {
    "faithful": lambda: load_dataset("faithful").x,
    "galaxies": lambda: load_dataset("galaxies").x / 1000,
    "diabetes": lambda: np.loadtxt(FOLDER / "diabetes.csv", delimiter=",", skiprows=1),
    "iris": lambda: np.loadtxt(FOLDER / "iris.csv", delimiter=",", skiprows=1),
}


@pytest.mark.statistical
@pytest.mark.slow
@pytest.mark.parametrize("name", DATA)
def test_no_cell_is_lost_to_mclust(name):
    selection = select_components(DATA[name](), range(1, 6), restarts=40, seed=0)
    cells = selection.table.merge(REFERENCE[REFERENCE["dataset"] == name], on=["structure", "components"])
    gain = cells["log_likelihood"] - cells["reference"]
    is_sound = cells["status"].map(lambda status: status.is_sound)
    lost = cells[(gain < -0.01) & is_sound]
    assert len(lost) == 0, lost.to_string()
    np.testing.assert_array_equal(cells["free_parameters"], cells["df"])
    assert len(cells) >= (70 if name != "galaxies" else 10) - 2
    assert set(cells["structure"]) == (set(STRUCTURES) if name != "galaxies" else {"E", "V"})
