"""Bootstraps of what has a closed form vary as they must; labels are the fit's, whatever a replicate calls them; failures are counted."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from inference import bootstrap, fit_em, fit_map, fit_mle
from inference.backends import bind
from inference.status import Status
from inference.uncertainty.aligned import aligned
from inference.uncertainty.bootstrap import BootstrapIntervals, _numbers, _table
from inference.uncertainty.resamples import resamples_of
from mixtures import Mixture, Observations, declare, families, gaussian_mixture, poisson_mixture, student_t_mixture
from mixtures.assignments import Markov, PerGroup
from mixtures.errors import DataError, FitError, ModelError
from mixtures.seeds import derived
from tests.inference.plots.conftest import point_fit

RNG = np.random.default_rng(8)
X = RNG.normal(1.0, 2.0, 30)
OVERLAPPING = np.concatenate([RNG.normal(0.0, 1.0, 40), RNG.normal(2.5, 1.0, 20)])
REPLICATES = 500
FIVE_SIGMA = 5 / np.sqrt(2 * REPLICATES)
"""Of the relative error of a standard deviation over so many normal replicates."""


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("kind", "rows"), [("nonparametric", len(X)), ("parametric", len(X)), ("weighted", len(X) + 1)]
)
def test_the_mean_of_a_normal_varies_as_it_must(kind, rows):
    """Var = s^2 / n, of Dirichlet weights s^2 / (n + 1) (Rubin 1981)."""
    fit = fit_em(gaussian_mixture(1), X, restarts=1, seed=0)
    found = bootstrap(fit, X, kind=kind, replicates=REPLICATES, seed=4)
    sd = found.table.loc[("loc", 0), "standard_error"]
    assert sd == pytest.approx(X.std() / np.sqrt(rows), rel=FIVE_SIGMA)
    lower, upper = found.table.loc[("loc", 0), ["lower", "upper"]]
    assert (upper - lower) / 2 == pytest.approx(1.96 * X.std() / np.sqrt(rows), rel=0.25)
    if kind == "parametric":
        scale = found.table.loc[("scale", 0), "standard_error"]
        assert scale == pytest.approx(X.std() / np.sqrt(2 * rows), rel=FIVE_SIGMA)


def test_a_row_of_weight_three_is_weighted_as_three_rows():
    """Dirichlet(w) shares of rows: Var(share_i) = w_i (n - w_i) / n^2 / (n + 1)."""
    times = np.repeat([1.0, 3.0], 15)
    x = Observations(X, row_weights=times)
    fit = fit_em(gaussian_mixture(1), x, restarts=1, seed=0)
    sets = resamples_of(fit, bind(fit.program, x, fit.backend), "weighted", range(2000), 3)
    shares, n = np.stack([one.row_weights for one in sets]) / 60, 60
    spread = np.sqrt((shares.var(axis=0) / (times * (n - times) / n**2 / (n + 1))).reshape(2, 15).mean(axis=1))
    np.testing.assert_allclose(spread, 1.0, rtol=0.05)
    np.testing.assert_allclose(shares.mean(axis=0), times / n, rtol=0.15)


@pytest.mark.parametrize("kind", ["nonparametric", "weighted"])
def test_replicates_are_fits_of_the_weighted_rows(kind, backend):
    fit = fit_em(gaussian_mixture(1), X, restarts=1, seed=0, backend=backend)
    found = bootstrap(fit, X, kind=kind, replicates=4, seed=1)
    sets = resamples_of(fit, bind(fit.program, Observations(X), backend), kind, range(4), derived(1, "bootstrap"))
    for replicate, x in enumerate(sets):
        times = x.row_weights
        assert times.sum() == pytest.approx(30)
        assert (times == np.round(times)).all() == (kind == "nonparametric")
        mean = np.average(X, weights=times)
        assert found.replicates.loc[replicate, ("loc", 0)] == pytest.approx(mean, rel=1e-6)
        spread = np.sqrt(np.average((X - mean) ** 2, weights=times))
        assert found.replicates.loc[replicate, ("scale", 0)] == pytest.approx(spread, rel=1e-6)
    free = ["loc", "scale"]
    table, drawn = found.table.loc[free], found.replicates[free]
    np.testing.assert_allclose(table["standard_error"], drawn.std(ddof=1), rtol=1e-12)
    np.testing.assert_allclose(table[["lower", "upper"]].T, drawn.quantile([0.025, 0.975]), rtol=1e-12)
    np.testing.assert_allclose(table["estimate"], [X.mean(), X.std()], rtol=1e-6)
    assert found.table.loc["weights", ["standard_error", "lower", "upper"]].isna().all(axis=None)  # 1 of one component


def test_both_backends_have_the_same_replicates():
    tables = []
    for backend in ("numpyro", "pyro"):
        fit = fit_em(gaussian_mixture(2, "tied"), OVERLAPPING, restarts=3, seed=0, backend=backend)
        tables.append(bootstrap(fit, OVERLAPPING, kind="weighted", replicates=6, seed=2).replicates)
    pd.testing.assert_frame_equal(*tables, rtol=1e-3)


def test_components_have_the_labels_of_the_fit_whatever_replicates_call_them():
    frame = pd.DataFrame({"a": OVERLAPPING, "b": -OVERLAPPING + RNG.normal(size=60)})
    fit = fit_em(gaussian_mixture(3), frame, restarts=5, seed=0)
    bound = bind(fit.program, Observations.of(frame), fit.backend)
    orders = np.array([[0, 1, 2], [2, 0, 1], [1, 0, 2]])
    renamed = {name: np.stack([value[order] for order in orders]) for name, value in fit.parameters.items()}
    labelled, ambiguous = aligned(fit, bound, renamed)
    for one in labelled:
        for name, value in fit.parameters.items():
            np.testing.assert_array_equal(one[name], value)
    assert 0 <= ambiguous <= 1


def test_two_components_that_are_nearly_one_are_ambiguous():
    fit = fit_em(gaussian_mixture(2, "tied"), X, restarts=2, seed=0)
    twins = {"weights": np.array([[0.5, 0.5]]), "loc": np.array([[1.0, 1.01]]), "scale": np.array([2.0])}
    assert aligned(fit, bind(fit.program, Observations(X), fit.backend), twins)[1] == 1.0


def test_replicates_that_collapse_are_counted_and_said():
    rng = np.random.default_rng(1)
    few = np.concatenate([rng.normal(0.0, 1.0, (12, 2)), rng.normal(2.5, 1.0, (6, 2))])
    fit = fit_em(gaussian_mixture(2), few, restarts=20, seed=0)
    found = bootstrap(fit, few, replicates=60, seed=0)
    unsound = sum(count for status, count in found.statuses.items() if not status.is_sound)
    assert found.statuses.sum() == 60
    assert len(found.replicates) == 60 - unsound
    assert unsound
    assert f"{unsound} of 60 replicates ended without a sound fit and are left out" in str(found)


GROUP, SERIES = np.repeat(list("abcdef"), 10), np.repeat(np.arange(6), 10)


@pytest.mark.parametrize("kind", ["nonparametric", "parametric"])
@pytest.mark.parametrize(
    ("law", "x"),
    [(PerGroup(), Observations(OVERLAPPING, group=GROUP)), (Markov(), Observations(OVERLAPPING, sequence=SERIES))],
    ids=["groups", "series"],
)
def test_units_are_drawn_whole(law, x, kind):
    fit = fit_em(Mixture(2, families.Gaussian("tied"), law), x, restarts=3, seed=0)
    found = bootstrap(fit, x, kind=kind, replicates=3, seed=1)
    assert found.statuses.sum() == 3
    assert found.table["standard_error"].notna().any()


def test_a_unit_that_is_drawn_twice_is_there_twice():
    x = Observations([1.0, 2.0, 3.0, 4.0, 5.0], sequence=["a", "a", "b", "c", "c"])
    again = x.resampled("sequence", [2, 0, 2])
    assert again.x.tolist() == [4.0, 5.0, 1.0, 2.0, 4.0, 5.0]
    assert again.sequence.tolist() == [0, 0, 1, 1, 2, 2]
    again = Observations([1.0, 2.0, 3.0], group=["b", "a", "b"]).resampled("group", [0, 0])
    assert again.x.tolist() == [1.0, 3.0, 1.0, 3.0]
    assert again.group.tolist() == [0, 0, 1, 1]


def test_known_labels_and_missing_cells_go_along():
    labels = np.where(np.arange(60) % 6 == 0, (OVERLAPPING > 1.2).astype(int), -1)
    table = np.column_stack([OVERLAPPING, OVERLAPPING[::-1]])
    table[3, 1] = np.nan
    x = Observations(table, missing="allow", labels=labels)
    fit = fit_em(gaussian_mixture(2, "tied"), x, restarts=2, seed=0)
    found = bootstrap(fit, x, replicates=5, seed=1)
    assert found.statuses.sum() == 5
    assert found.ambiguous == 0  # labels name both components
    with pytest.raises(DataError, match="a replicate is a data set drawn from the mixture alone"):
        bootstrap(fit, x, kind="parametric", replicates=5, seed=1)


def test_families_without_closed_m_steps_are_fitted_one_by_one():
    fit = fit_mle(student_t_mixture(1), X, restarts=2, seed=0)
    assert fit.status in (Status.CONVERGED, Status.LIMIT)
    assert bootstrap(fit, X, kind="weighted", replicates=2, seed=1).statuses.sum() == 2


@declare
def own(ppl, x):
    weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        rate = ppl.sample("rate", ppl.dist.Gamma(2.0, 1.0))
    with ppl.plate("rows", len(x)):
        ppl.sample("obs", ppl.dist.Poisson(rate[ppl.assign("assignment", weights)]), obs=x)


def test_what_was_known_is_known_in_every_replicate(backend):
    """Around a known place a normal's scale is the root of the mean square."""
    fit = fit_em(gaussian_mixture(1), X, restarts=1, fixed={"loc": 0.5}, seed=0, backend=backend)
    found = bootstrap(fit, X, kind="weighted", replicates=3, fixed={"loc": 0.5}, seed=1)
    sets = resamples_of(fit, bind(fit.program, Observations(X), backend), "weighted", range(3), derived(1, "bootstrap"))
    right = [np.sqrt(np.average((X - 0.5) ** 2, weights=x.row_weights)) for x in sets]
    np.testing.assert_allclose(found.replicates[("scale", 0)], right, rtol=1e-7)
    assert (found.replicates[("loc", 0)] == 0.5).all()
    assert np.isnan(found.table.loc[("loc", 0), "standard_error"])
    pd.testing.assert_frame_equal(
        bootstrap(fit, X, kind="weighted", replicates=3, fixed="loc", seed=1).table, found.table
    )


def test_values_known_in_part_are_known_in_every_replicate():
    known = {"loc": [0.0, np.nan]}
    fit = fit_mle(gaussian_mixture(2, "tied"), OVERLAPPING, restarts=2, fixed=known, seed=0)
    found = bootstrap(fit, OVERLAPPING, kind="weighted", replicates=2, fixed=known, seed=1)
    sets = resamples_of(
        fit, bind(fit.program, Observations(OVERLAPPING), "numpyro"), "weighted", range(2), derived(1, "bootstrap")
    )
    for replicate, x in enumerate(sets):
        right = fit_mle(fit.program, x, restarts=1, init=fit.parameters, fixed=known, seed=0).parameters
        assert found.replicates.loc[replicate, ("loc", 0)] == 0.0
        assert found.replicates.loc[replicate, ("loc", 1)] == pytest.approx(right["loc"][1], rel=1e-3)


def test_components_that_what_is_known_tells_apart_keep_their_places():
    fit = fit_em(gaussian_mixture(3), OVERLAPPING, restarts=2, max_steps=5, seed=0)
    bound = bind(fit.program, Observations(OVERLAPPING), fit.backend)
    turned = {name: value[None, [1, 0, 2]] for name, value in fit.parameters.items()}
    kept, _ = aligned(fit, bound, turned, {"loc": np.array([0.0, np.nan, np.nan])})
    assert kept[0]["loc"][0] == fit.parameters["loc"][1]
    back, _ = aligned(fit, bound, turned, {"loc": np.array([np.nan, np.nan, 2.0])})
    np.testing.assert_array_equal(back[0]["loc"], fit.parameters["loc"])


@pytest.mark.parametrize("fixed", [{"loc": 0.0}, {"loc": [0.0, np.nan]}])
def test_what_was_known_must_be_named(fixed):
    fit = replace(fit_em(gaussian_mixture(2), X, restarts=1, max_steps=1, fixed=fixed, seed=0), status=Status.CONVERGED)
    with pytest.raises(ModelError, match="parameters were known or shared.* Pass fixed= as to the fit"):
        bootstrap(fit, X, replicates=2, seed=0)
    with pytest.raises(ModelError, match="fixed: got other values of 'loc' than the fit has"):
        bootstrap(fit, X, fixed={"loc": [1.0, np.nan]}, replicates=2, seed=0)
    small = replace(fit, parameters=fit.parameters | {"loc": np.array([0.0, 1e-12])})
    with pytest.raises(ModelError, match="fixed: got other values of 'loc' than the fit has"):
        bootstrap(small, X, fixed={"loc": [np.nan, 5e-12]}, replicates=2, seed=0)


def numbers_of(*places):
    """Replicates of one normal by its place, as a table."""
    names = pd.MultiIndex.from_tuples([("weights", 0), ("loc", 0), ("scale", 0)])
    return pd.DataFrame([[1.0, place, 2.0] for place in places], columns=names)


def test_standard_errors_and_intervals_by_hand():
    fit = point_fit(gaussian_mixture(1).scaled_to(X), X, {"weights": [1.0], "loc": [0.5], "scale": [2.0]})
    table = _table(fit, numbers_of(1.0, 2.0, 6.0), 0.8)
    assert table.loc[("loc", 0)].tolist() == pytest.approx([0.5, np.sqrt(7.0), 1.2, 5.2])
    for name, value in (("weights", 1.0), ("scale", 2.0)):  # which do not vary
        np.testing.assert_array_equal(table.loc[(name, 0)], [value, np.nan, np.nan, np.nan])
    alone = _table(fit, numbers_of(1.0), 0.8)
    assert alone["estimate"].tolist() == [1.0, 0.5, 2.0] and alone.drop(columns="estimate").isna().all(axis=None)


def test_no_sound_replicate_leaves_estimates_alone():
    fit = point_fit(gaussian_mixture(1).scaled_to(X), X, {"weights": [1.0], "loc": [0.5], "scale": [2.0]})
    numbers, ambiguous = _numbers(fit, bind(fit.program, Observations(X), "numpyro"), [], {})
    table = _table(fit, numbers, 0.8)
    assert numbers.shape == (0, 3) and ambiguous == 0 and table["estimate"].tolist() == [1.0, 0.5, 2.0]
    assert table.drop(columns="estimate").isna().all(axis=None)


def test_what_became_of_replicates_is_said():
    fit = point_fit(gaussian_mixture(1).scaled_to(X), X, {"weights": [1.0], "loc": [0.5], "scale": [2.0]})
    numbers = numbers_of(1.0, 2.0, 6.0)
    found = BootstrapIntervals(
        _table(fit, numbers, 0.8), numbers, pd.Series({Status.CONVERGED: 3}), 0.0, "weighted", 0.8, 0, "numpyro"
    )
    lines = str(found).splitlines()
    assert lines[0].endswith(", 3 replicates:") and "80% from" in lines[2]
    assert lines[-1] == "Every replicate has a sound fit, and labels that are clear."
    ends = pd.Series({Status.CONVERGED: 2, Status.MAX_STEPS: 1, Status.COLLAPSED: 4, Status.EMPTY: 1})
    assert str(replace(found, statuses=ends, ambiguous=0.25)).splitlines()[-2:] == [
        "5 of 8 replicates ended without a sound fit and are left out: 4 collapsed, 1 empty component.",
        "25% of replicates could as well be labelled otherwise: read intervals of single components with care.",
    ]
    assert str(replace(found, ambiguous=0.25)).splitlines()[-2] == ""


def test_what_cannot_be_bootstrapped_is_refused_in_words():
    counts = np.array([1, 0, 4, 2, 5, 0, 7, 9])
    with pytest.raises(ModelError, match="maximised the posterior density.*sample_nuts"):
        bootstrap(fit_map(poisson_mixture(1), counts, restarts=1, seed=0), counts, seed=0)
    with pytest.raises(ModelError, match="Declared.*a Mixture"):
        bootstrap(fit_mle(own, counts, restarts=2, seed=0), counts, seed=0)
    chain = fit_em(Mixture(2, families.Poisson(), Markov()), counts, restarts=3, seed=0)
    if chain.status.is_sound:
        with pytest.raises(ModelError, match="one series.*parametric"):
            bootstrap(chain, counts, seed=0)
        with pytest.raises(ModelError, match="'weighted', of rows that follow one another"):
            bootstrap(chain, counts, kind="weighted", seed=0)
    fit = fit_em(poisson_mixture(1), counts, restarts=1, seed=0)
    with pytest.raises(DataError, match="other data"):
        bootstrap(fit, counts[::-1], seed=0)
    two = fit_em(gaussian_mixture(2), [0.0, 0.0, 0.0, 1.0], restarts=1, seed=0)
    with pytest.raises(FitError, match="one that ended"):
        bootstrap(two, [0.0, 0.0, 0.0, 1.0], seed=0)
