"""The bootstrap test of K against K + 1: the same fits alone, a broad test at the level it claims, every kind of declaration."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import log_expit
from scipy.stats import binomtest, norm

from inference import bootstrap_test, fit_em
from inference.backends import bind
from inference.point.em.closed_em import closed_task
from inference.point.em.initial_partitions import Partitions
from inference.point.em.restarts import run_each_on_its_own, run_restarts
from inference.point.em.runs import beginnings, problem_of, stacked
from inference.selection.refits import EMOptions
from inference.selection.replicates import batches_of, replicates_of
from inference.selection.steps_up import statistics_of
from inference.status import Status
from mixtures import Mixture, Observations, families, gaussian_mixture, poisson_mixture, regression_mixture
from mixtures.errors import DataError, ModelError

OPTIONS = EMOptions(4, 0, 1e-9, 1000, "numpyro")


def overlapping(rows: int, seed: int) -> np.ndarray:
    """Rows of two normals whose means are two standard deviations apart."""
    rng = np.random.default_rng(seed)
    return rng.normal(2.0 * (rng.random(rows) < 0.4), 1.0)


@pytest.mark.parametrize("backend", ["numpyro", "pyro"])
def test_restarts_on_data_of_their_own_end_where_each_ends_alone(backend):
    model, sets = gaussian_mixture(2, "V"), [overlapping(60, seed) * 10**seed for seed in range(3)]
    problems, starts = [], []
    for index, x in enumerate(map(Observations, sets)):
        task = closed_task(model, x, frozenset(), is_posterior=False)
        # one of them also counts its rows unequally
        weights = np.where(np.arange(60) < 6, index, 1.0)
        problem = problem_of((task.closed,), 0, x, row_weights=weights, fixed=task.held, tolerance=1e-7, max_steps=40)
        problems.append(problem)
        starts += beginnings(problem, 2, 1, 0, partitions=Partitions(x.x[:, None], 0, "fit_em"))
    together = run_each_on_its_own(backend, problems, stacked(starts))
    for index, problem in enumerate(problems):
        alone = run_restarts(backend, problem, stacked(starts[index : index + 1]))
        np.testing.assert_allclose(together.objectives[index], alone.objectives[0], rtol=1e-9)
        assert together.outcomes[index] == alone.outcomes[0]
        for name, value in alone.states.items():
            np.testing.assert_allclose(together.states[name][index], value[0], rtol=1e-6, atol=1e-9)


def test_the_statistic_of_one_normal_against_two_is_that_of_fits_made_alone():
    sets = [Observations(overlapping(80, seed)) for seed in range(3)]
    start = {"weights": np.ones(1), "loc": np.zeros(1), "scale": np.ones(())}
    found, _ = statistics_of(gaussian_mixture(1, "E"), sets, start, replace(OPTIONS, restarts=12))
    for x, statistic in zip(sets, found, strict=True):
        one = norm.logpdf(x.x, x.x.mean(), x.x.std()).sum()
        two = fit_em(gaussian_mixture(2, "E"), x, restarts=30, seed=1).log_likelihood
        assert statistic == pytest.approx(max(0.0, 2 * (two - one)), abs=1e-3)


def test_no_statistic_is_negative_and_the_table_adds_up():
    x = np.random.default_rng(0).normal(size=(60, 2))
    test = bootstrap_test(gaussian_mixture(1, "EEE"), x, replicates=39, restarts=3, seed=0)
    statistics, line = test.replicates[1], test.table.iloc[0]
    assert (statistics >= 0).all() and line["failed"] == 0
    assert line["p_value"] == pytest.approx((1 + np.sum(statistics >= line["statistic"])) / 40)
    assert line["log_likelihood"] == pytest.approx(fit_em(gaussian_mixture(1, "EEE"), x, seed=0).log_likelihood)
    assert "1 against 2" in str(test) and test.to_frame().index.tolist() == [1]


def test_numbers_are_tested_in_turn_until_one_is_not_rejected():
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(0, 1, 100), rng.normal(4, 1, 100)])
    test = bootstrap_test(gaussian_mixture(1, "E"), x, range(1, 5), replicates=39, restarts=3, seed=0)
    assert test.table["components"].tolist()[0] == 1 and test.table["p_value"].iloc[0] == 1 / 40
    assert test.components == test.table["components"].iloc[-1]
    assert (test.table["p_value"].iloc[:-1] <= 0.05).all() and test.table["p_value"].iloc[-1] > 0.05


def test_replicates_have_the_data_s_shape_cells_and_moments():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(50, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]]) + [3.0, -1.0]
    x[::5, 0] = np.nan
    data = Observations(pd.DataFrame(x, columns=["a", "b"]), missing="allow")
    parameters = fit_em(gaussian_mixture(1), data, seed=0).parameters
    sets = replicates_of(bind(gaussian_mixture(1), data, "numpyro"), parameters, range(400), 0)
    drawn = np.stack([one.x for one in sets])
    assert sets[0].feature_names == ("a", "b") and np.array_equal(np.isnan(drawn[7]), np.isnan(x))
    scale = parameters["scale"][0]
    np.testing.assert_allclose(np.nanmean(drawn, axis=(0, 1)), parameters["loc"][0], atol=5 * scale.max() / 120)
    np.testing.assert_allclose(np.nanstd(drawn, axis=(0, 1)), scale, rtol=0.05)
    assert [len(batch) for batch in batches_of(7, Observations(np.zeros((2_000_000, 1))))] == [2, 2, 2, 1]


CASES = {
    "counts": (poisson_mixture(1), np.random.default_rng(3).poisson(3.0, 40)),
    "no closed M-step": (Mixture(1, families.Gamma()), np.random.default_rng(4).gamma(2.0, 1.0, 40)),
    "lines": (
        regression_mixture(1),
        Observations(np.random.default_rng(5).normal(size=40), covariates=np.linspace(0, 1, 40)),
    ),
    "columns of two kinds": (
        Mixture(1, families.Product({"a": families.Gaussian("V"), "b": families.Poisson()})),
        pd.DataFrame({"a": np.random.default_rng(6).normal(size=40), "b": np.random.default_rng(7).poisson(4, 40)}),
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_any_mixture_that_em_takes(name):
    model, x = CASES[name]
    test = bootstrap_test(model, x, replicates=9, level=0.2, restarts=2, seed=0)
    line = test.table.iloc[0]
    assert 0.1 <= line["p_value"] <= 1 and np.isfinite(line["statistic"])
    assert np.isfinite(test.replicates[1]).sum() == 9 - line["failed"]


def test_replicates_without_a_sound_fit_are_counted_as_larger(monkeypatch):
    from inference.selection import bootstrap

    real = bootstrap.statistics_of

    def failing(mixture, data, *rest, **options):
        found, statuses = real(mixture, data, *rest, **options)
        if len(data) > 1:
            found[:5] = np.nan
        return found, statuses

    monkeypatch.setattr(bootstrap, "statistics_of", failing)
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(0, 1, 60), rng.normal(6, 1, 60)])
    test = bootstrap_test(gaussian_mixture(1, "E"), x, replicates=19, restarts=2, seed=0)
    assert test.table["failed"].tolist() == [5] and test.table["p_value"].tolist() == [6 / 20]
    assert "count as larger" in str(test)


def test_a_statistic_is_twice_the_distance_of_scipys_maxima():
    x = overlapping(60, 0)

    def loss(u):
        scale = np.exp(u[3])
        first, second = norm.logpdf(x, u[1], scale), norm.logpdf(x, u[2], scale)
        return -np.logaddexp(log_expit(u[0]) + first, log_expit(-u[0]) + second).sum()

    smaller = norm.logpdf(x, x.mean(), x.std()).sum()
    larger = -min(minimize(loss, [0.0, x.mean() - d, x.mean() + d, 0.0]).fun for d in (0.5, 1.0, 2.0))
    options = {"replicates": 4, "level": 0.2, "restarts": 4, "tolerance": 1e-10, "seed": 0, "backend": "pyro"}
    found = bootstrap_test(gaussian_mixture(1, "E"), x, **options).table["statistic"]
    np.testing.assert_allclose(found, [2 * (larger - smaller)], rtol=1e-4)


def test_an_unsound_fit_to_the_data_is_no_test():
    x = np.concatenate([np.random.default_rng(0).normal(size=60), np.full(20, 4.0)])
    test = bootstrap_test(gaussian_mixture(2, "V"), x, replicates=19, restarts=2, seed=0)
    assert test.table["status"].tolist() == [Status.COLLAPSED] and test.components is None
    assert np.isnan(test.table["p_value"].iloc[0]) and "No test of 2 against 3" in str(test)


def test_bad_arguments_say_what_is_wrong():
    x = overlapping(30, 0)
    with pytest.raises(DataError, match="labels: got labels; expected none"):
        bootstrap_test(gaussian_mixture(2), Observations(x, labels=np.zeros(30, int)), seed=0)
    with pytest.raises(DataError, match="row_weights"):
        bootstrap_test(gaussian_mixture(2), Observations(x, row_weights=np.full(30, 2.0)), seed=0)
    censored = Observations(np.where(x > 1, np.nan, x), lower=np.where(x > 1, 1.0, np.nan))
    with pytest.raises(DataError, match="lower: got bounds of cells"):
        bootstrap_test(gaussian_mixture(2), censored, seed=0)
    with pytest.raises(DataError, match="increasing"):
        bootstrap_test(gaussian_mixture(2), x, [3, 2], seed=0)
    with pytest.raises(ModelError, match="replicates: got 18 at level 0.05; expected at least 19"):
        bootstrap_test(gaussian_mixture(2), x, replicates=18, seed=0)


@pytest.mark.slow
def test_reaven_and_miller_s_diabetes():
    """mclust's manual: 369.985, 121.107, 19.901, each from one start; the insulin of row 104 is 455 there.

    Its statistic of 1 against 2 is that of our second best maximum of two components (its EM stops at a relative gain of 1e-5); that of
    1 against 3, the sum of two, is that of the best ones. Its four components are a lower maximum too.
    """
    path = Path(__file__).parents[2] / "published" / "diabetes.csv"
    x = pd.read_csv(path).iloc[:, 1:]
    fits = {k: fit_em(gaussian_mixture(k, "VVV"), x, restarts=100, seed=0) for k in (1, 2, 3, 4)}
    likelihood = {k: fit.log_likelihood for k, fit in fits.items()}
    second = -fits[2].restarts.query("optimum == 1")["objective"].iloc[0]
    assert 2 * (second - likelihood[1]) == pytest.approx(369.985, abs=0.1)
    assert 2 * (likelihood[3] - likelihood[1]) == pytest.approx(369.985 + 121.107, abs=0.1)
    assert 2 * (likelihood[4] - likelihood[3]) > 19.901
    test = bootstrap_test(gaussian_mixture(1, "VVV"), x, range(1, 3), replicates=99, seed=0)
    assert test.table["p_value"].tolist() == [0.01, 0.01]
    assert test.table["statistic"].iloc[0] > 369.9


@pytest.mark.slow
@pytest.mark.statistical
def test_under_the_null_p_is_no_smaller_than_it_should_be():
    """50 data sets of one normal, each against two: P(p <= 0.2) = 0.2."""
    rng = np.random.default_rng(8)
    found = [
        bootstrap_test(gaussian_mixture(1, "E"), rng.normal(size=50), replicates=19, restarts=3, seed=int(seed))
        for seed in rng.integers(2**32, size=50)
    ]
    small = sum(test.table["p_value"].iloc[0] <= 0.2 for test in found)
    assert binomtest(small, 50, 0.2, alternative="two-sided").pvalue > 1e-4
