"""G2 and X2 are poLCA's; the residuals of pairs are those of two-way tables written down by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from inference import fit_em, goodness_of_fit
from mixtures import Observations, gaussian_mixture, latent_class
from mixtures.errors import DataError, ModelError

CARCINOMA = pd.read_csv(Path(__file__).parents[2] / "published" / "carcinoma.csv") - 1


def test_carcinoma_has_polcas_statistics(backend):
    """poLCA's manual, 3 classes: log L -293.705, G2 15.26171, X2 20.50336, 23 parameters."""
    fit = fit_em(latent_class(3, CARCINOMA), CARCINOMA, restarts=20, tolerance=1e-12, seed=0, backend=backend)
    found = goodness_of_fit(fit, CARCINOMA)
    assert found.g2 == pytest.approx(15.26171, abs=1e-4)
    assert found.x2 == pytest.approx(20.50336, abs=1e-3)
    assert found.df == 2**7 - 1 - 23
    assert found.g2_p_value == pytest.approx(chi2.sf(15.26171, 104), abs=1e-6)
    assert found.bivariate.columns.tolist() == list("ABCDEFG")
    assert "128 cells, 104 degrees of freedom: G2 15.26" in str(found)


TABLE = pd.DataFrame({"item0": [0, 0, 1, 1, 2, 2, 0, 1], "item1": [0, 1, 1, 1, 0, 1, 0, 0]})


def test_one_class_is_the_test_of_independence(backend):
    weights = np.array([3.0, 1.0, 2.0, 4.0, 1.0, 2.0, 5.0, 2.0])
    x = Observations(TABLE, row_weights=weights)
    fit = fit_em(latent_class(1, [3, 2]), x, restarts=1, seed=0, backend=backend)
    found = goodness_of_fit(fit, x)
    counts = np.zeros((3, 2))
    np.add.at(counts, (TABLE["item0"], TABLE["item1"]), weights)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    pearson = ((counts - expected) ** 2 / expected).sum()
    assert found.x2 == pytest.approx(pearson)
    assert found.df == 2
    assert found.bivariate.loc["item0", "item1"] == pytest.approx(pearson / 2)
    seen = counts > 0
    assert found.g2 == pytest.approx(2 * (counts[seen] * np.log(counts[seen] / expected[seen])).sum())


def test_a_table_of_many_columns_has_all_its_cells():
    x = np.arange(10)[:, None] % np.arange(2, 72) == 0
    found = goodness_of_fit(fit_em(latent_class(1, 2), x.astype(int), restarts=1, seed=0), x.astype(int))
    assert (found.cells, found.df) == (2**70, 2**70 - 1 - 70)


def test_what_is_no_table_is_refused_in_words():
    x = np.arange(12.0).reshape(6, 2)
    with pytest.raises(ModelError, match="no categories"):
        goodness_of_fit(fit_em(gaussian_mixture(1, "diag"), x, restarts=1, seed=0), x)
    fit = fit_em(latent_class(1, [3, 2]), TABLE, restarts=1, seed=0)
    holes = Observations(TABLE.astype(float).mask(TABLE == 2), missing="allow")
    with pytest.raises(DataError, match="impute"):
        goodness_of_fit(fit, holes)
