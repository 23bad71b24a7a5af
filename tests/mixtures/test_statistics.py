"""The statistics that priors are scaled by are those of the observed cells, and cost next to no memory beside the data."""

import gc
import tracemalloc
from collections import Counter

import numpy as np
import pytest

import inference
import mixtures
from mixtures import Observations, gaussian_mixture, statistics
from mixtures.among import Among
from mixtures.statistics import LOG_HALF_SD, MEAN, MIDRANGE, RANGE, Statistic


@pytest.mark.parametrize("shape", [(50,), (50, 3)])
def test_statistics_are_those_of_the_observed_cells(shape):
    x = np.random.default_rng(0).gamma(2.0, size=shape)
    x[:3] = np.nan
    expected = {
        MIDRANGE: (np.nanmax(x, axis=0) + np.nanmin(x, axis=0)) / 2,
        RANGE: np.nanmax(x, axis=0) - np.nanmin(x, axis=0),
        LOG_HALF_SD: np.log(np.nanstd(x, axis=0) / 2),
        MEAN: np.nanmean(x, axis=0),
    }
    for statistic, value in expected.items():
        np.testing.assert_allclose(statistic.of(np, x), value, rtol=1e-12)


def of_numpy(x, c):
    """Each statistic of columns that are complete, and of covariates, by NumPy's functions."""
    log, sd = np.log, x.std(axis=0)
    # at covariates 0: as far from their mean as so many standard deviations
    offset = np.sqrt(1 + np.sum((c.mean(axis=0) / c.std(axis=0)) ** 2))
    return {
        "midrange(x)": (x.max(axis=0) + x.min(axis=0)) / 2,
        "range(x)": np.ptp(x, axis=0),
        "sd(x)/2": sd / 2,
        "log(sd(x)/2)": log(sd / 2),
        "log(rms(sd(x))/2)": log(np.sqrt(np.mean(sd**2)) / 2),
        "mean(x)": x.mean(axis=0),
        "1/mean(x)": 1 / x.mean(axis=0),
        "log(mean(x))": log(x.mean(axis=0)),
        "-log(mean(x))": -log(x.mean(axis=0)),
        "midrange(log(x))": (log(x).max(axis=0) + log(x).min(axis=0)) / 2,
        "range(log(x))": np.ptp(log(x), axis=0),
        "log(sd(log(x))/2)": log(log(x).std(axis=0) / 2),
        "mean of x": x.mean(axis=0),
        "2.5 sd(x)/sd(covariates)": 2.5 * sd / c.std(axis=0),
        "log(sd(x)/sd(covariates)/2)": log(sd / c.std(axis=0) / 2),
        "log(sd(x)/2 at covariates 0)": log(sd / 2 * offset),
        "log(1/sd(covariates)/2)": log(1 / c.std(axis=0) / 2),
        "log(1/2 at covariates 0)": log(1 / 2 * offset),
        "2.5/sd(covariates)": 2.5 / c.std(axis=0),
        "2.5 sd(x) at covariates 0": 2.5 * sd * offset,
        "2.5 at covariates 0": 2.5 * offset,
    }


@pytest.mark.parametrize("text", statistics._STATISTICS)
def test_every_statistic_is_numpys(text):
    rng = np.random.default_rng(0)
    x, c = rng.gamma(2.0, size=50) + 0.3, rng.normal(size=(50, 2)) * [1.0, 30.0] + [2.0, -40.0]
    np.testing.assert_allclose(Statistic(text).of(np, x, c), of_numpy(x, c)[text], rtol=1e-12)
    plane = np.column_stack([x, rng.gamma(2.0, size=50) + 5.0])
    if "covariates" not in text:
        np.testing.assert_allclose(Statistic(text).of(np, plane), of_numpy(plane, c)[text], rtol=1e-12)
    second = Statistic(text).of_column(1, "size").of_covariates(Among((1,)))
    expected = of_numpy(plane[:, 1], c[:, 1:])[text]
    np.testing.assert_allclose(second.of(np, plane, c), expected, rtol=1e-12)


def test_without_data_statistics_are_those_of_standard_data():
    """Mean 0, standard deviation 1 and a range of four of them; mean 1 where data are positive; covariates of mean 0."""
    found = {text: Statistic(text).of(np, None) for text in statistics._STATISTICS}
    half = float(np.log(0.5))
    assert [value for text, value in found.items() if "midrange" in text or text == "mean of x"] == [0.0] * 3
    assert (found["range(x)"], found["range(log(x))"], found["sd(x)/2"]) == (4.0, 4.0, 0.5)
    assert [value for text, value in found.items() if text.startswith("log(") and "mean" not in text] == [half] * 7
    assert [found[text] for text in ("mean(x)", "1/mean(x)", "log(mean(x))", "-log(mean(x))")] == [1.0, 1.0, 0.0, 0.0]
    assert [value for text, value in found.items() if text.startswith("2.5")] == [2.5] * 4


def test_the_same_data_with_other_covariates_have_other_statistics():
    x = Observations([0.0, 2.0, 4.0]).x  # constant: what was computed of it is kept
    for scale in (1.0, 10.0):
        c = np.array([[0.0], [scale], [2 * scale]])
        assert statistics.SLOPE.of(np, x, c) == pytest.approx([2.5 * 2.0 / scale], rel=1e-12)
    # of no covariates, as of one that is 0 everywhere
    assert statistics.SLOPE.of_covariates(Among(())).of(np, x, c) == pytest.approx([2.5 * x.std()], rel=1e-12)


def test_columns_without_a_scale_have_that_of_one():
    x, c = np.full(4, 3.0), np.zeros((4, 1))
    found = {text: float(np.ravel(Statistic(text).of(np, x, c))[0]) for text in statistics._STATISTICS}
    assert found["range(x)"] == 1.0 and found["sd(x)/2"] == 0.5 and found["range(log(x))"] == 1.0
    assert found["log(rms(sd(x))/2)"] == np.log(0.5) and found["2.5/sd(covariates)"] == 2.5
    assert found["2.5 at covariates 0"] == 2.5
    zeros = np.zeros(4)
    assert (MEAN.of(np, zeros), statistics.INVERSE_MEAN.of(np, zeros), statistics.LOG_MEAN.of(np, zeros)) == (1, 1, 0)


def test_large_data_are_not_copied_to_scale_priors_or_to_tell_data_apart():
    data = Observations(np.random.default_rng(0).normal(size=(100_000, 16)))
    tracemalloc.start()
    gaussian_mixture(2).hyper(data)
    assert len(data.fingerprint) == 64
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.5 * data.x.nbytes


@pytest.mark.parametrize("verb", ["fit_em", "fit_map", "fit_mle", "sample_nuts"])
def test_each_statistic_is_computed_once_a_verb(verb, monkeypatch):
    computed = Counter()

    def counted(text, compute):
        return lambda xp, x, c: (computed.update([text] if xp is np else []), compute(xp, x, c))[1]

    for text, (compute, standard) in statistics._STATISTICS.items():
        monkeypatch.setitem(statistics._STATISTICS, text, (counted(text, compute), standard))
    x = np.random.default_rng(0).normal(size=(30, 2))
    options = {"sample_nuts": {"draws": 3, "tune": 3, "chains": 1, "progress": False}}.get(verb, {"restarts": 3})
    getattr(inference, verb)(mixtures.gaussian_mixture(2, "diag"), x, seed=0, **options)
    assert computed and max(computed.values()) == 1, computed


def test_statistics_of_arrays_are_forgotten_with_them_and_follow_arrays_that_change():
    values = np.arange(5.0)
    assert statistics.RANGE.of(np, values) == 4.0
    values[4] = 9.0
    assert statistics.RANGE.of(np, values) == 9.0
    constant = mixtures.Observations(values).x
    before = len(statistics._KNOWN)
    assert statistics.RANGE.of(np, constant) == 9.0 and len(statistics._KNOWN) == before + 1
    del constant
    gc.collect()
    assert len(statistics._KNOWN) <= before
