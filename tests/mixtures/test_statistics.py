"""The statistics that priors are scaled by are those of the observed cells, and cost next to no memory beside the data."""

import gc
import tracemalloc
from collections import Counter

import numpy as np
import pytest

import inference
import mixtures
from mixtures import Observations, gaussian_mixture, statistics
from mixtures.statistics import LOG_HALF_SD, MEAN, MIDRANGE, RANGE


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
