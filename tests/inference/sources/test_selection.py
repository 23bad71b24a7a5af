"""The number of components by a source of rows: criteria are of all rows, by their definitions, and those of the same rows in memory."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import norm, poisson

from inference import select_components
from mixtures import assignments, families, source
from mixtures.errors import DataError, ModelError
from mixtures.families.covariance import STRUCTURES


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Several blocks of few rows."""
    monkeypatch.setattr("mixtures.blocks.BLOCK", 128)


def overlapping(rows=700):
    rng = np.random.default_rng(5)
    z = rng.random(rows) < 0.4
    return np.where(z, rng.normal(2.2, 0.7, rows), rng.normal(0.0, 1.0, rows))


def highest(x):
    """By scipy, log p(x_i, k) at the maximum of two normals' likelihood."""

    def joint(u):
        weights = np.array([u[0], 0.0]) - np.logaddexp(u[0], 0.0)
        return weights + norm(u[1:3], np.exp(u[3:5])).logpdf(x[:, None])

    found = minimize(lambda u: -logsumexp(joint(u), axis=1).sum(), [0.0, 0.0, 2.0, 0.0, 0.0], method="BFGS")
    return joint(found.x)


@pytest.mark.quick("numpyro", reason="one code serves both backends")
def test_criteria_are_those_of_all_rows(backend):
    x = overlapping()
    options = {"restarts": 3, "tolerance": 1e-12, "seed": 0, "backend": backend}
    found = select_components(source(np.split(x, [13, 400])), [1, 2], "V", **options)
    table = found.table.set_index("components")
    one = norm(x.mean(), x.std()).logpdf(x).sum()
    assert_allclose(table.loc[1, "log_likelihood"], one, rtol=1e-11)
    assert_allclose(table.loc[1, ["bic", "icl"]].astype(float), -2 * one + 2 * np.log(700), rtol=1e-11)
    joint = highest(x)
    log_likelihood, penalty = logsumexp(joint, axis=1).sum(), 5 * np.log(700)
    assert_allclose(table.loc[2, "log_likelihood"], log_likelihood, rtol=1e-9)
    assert_allclose(table.loc[2, "bic"], -2 * log_likelihood + penalty, rtol=1e-9)
    # the classification likelihood is not flat where the likelihood is, at which EM and BFGS end a little apart
    assert_allclose(table.loc[2, "icl"], -2 * joint.max(axis=1).sum() + penalty, rtol=1e-5)
    assert found.best_model == ("V", 2)
    assert_allclose(found.best.bic, table.loc[2, "bic"], rtol=1e-7)


@pytest.mark.quick("few", reason="chunks are added up by one code")
@pytest.mark.parametrize("structures", [["EII", "VVI", "VEV"], list(STRUCTURES)], ids=["few", "all"])
def test_structures_stream_as_in_memory(structures):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(250, 2)), rng.normal(size=(200, 2)) * [0.5, 1.5] + [2.0, 1.0]])
    options = {"components": 2, "structures": structures, "restarts": 4, "seed": 0, "tolerance": 1e-9}
    streamed, whole = (select_components(rows, **options).table for rows in (source(x), x))
    assert streamed["structure"].tolist() == structures
    assert streamed["free_parameters"].tolist() == whole["free_parameters"].tolist()
    assert_allclose(streamed["bic"], whole["bic"], atol=0.05)


def test_families_are_compared_too():
    x = np.random.default_rng(1).poisson(3.0, 300).astype(float)
    several = {"poisson": families.Poisson(), "gaussian": families.Gaussian("V")}
    found = select_components(source(np.split(x, [100])), 1, family=several, criterion="aic", seed=0)
    by_name = found.table.set_index("structure")["log_likelihood"]
    assert_allclose(by_name["poisson"], poisson(x.mean()).logpmf(x).sum(), rtol=1e-11)
    assert_allclose(by_name["gaussian"], norm(x.mean(), x.std()).logpdf(x).sum(), rtol=1e-11)


def test_what_does_not_stream_is_said_before_the_first_fit(monkeypatch):
    monkeypatch.setattr("inference.selection.components.one_by_one", None)
    rows = source(np.abs(overlapping()))
    with pytest.raises(ModelError, match="StudentT components of a source of rows, whose M-step is not closed"):
        select_components(rows, family={"a": families.Gaussian("V"), "b": families.StudentT()}, seed=0)
    with pytest.raises(ModelError, match="Markov, under which rows hang together"):
        select_components(rows, assignment=assignments.Markov(), seed=0)
    for name in ("labels", "row_weights"):
        with pytest.raises(DataError, match=f"{name}: got some, and a source of rows"):
            select_components(rows, seed=0, **{name: np.ones(700)})
