"""The statistics that priors are scaled by are those of the observed cells, and cost next to no memory beside the data."""

import tracemalloc

import numpy as np
import pytest

from mixtures import Observations, gaussian_mixture
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
