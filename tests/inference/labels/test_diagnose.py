"""diagnose_labels tells apart what R-hat cannot: three ways of lying, and the honest cases, get their own verdicts."""

from types import SimpleNamespace

import arviz_stats
import numpy as np
import pytest
import xarray as xr

from inference.labels import diagnose
from inference.labels.diagnose import diagnose_labels
from inference.labels.relabel import choose_rows, relabel
from inference.labels.verdict import Verdict
from mixtures.errors import ChoiceError
from tests.inference.labels.planted import planted_draws, scrambles
from tests.inference.labels.trees import draw_responsibilities, gaussian_tree, planted_tree

CHAINS, DRAWS = 4, 500


def tree_of(planted: np.ndarray, **how) -> xr.DataTree:
    return planted_tree(planted_draws(planted, **how), chains=CHAINS)


def unscrambled(components: int) -> np.ndarray:
    return np.tile(np.arange(components), (CHAINS * DRAWS, 1))


def worst_r_hat(report, kind: str) -> float:
    of_kind = report.convergence.isel(quantity=report.convergence["kind"].values == kind)
    return float(of_kind["r_hat"].max())


@pytest.fixture(scope="module")
def stuck() -> xr.DataTree:
    labellings = np.array([[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 2, 1]])
    return tree_of(np.repeat(labellings, DRAWS, axis=0))


@pytest.fixture(scope="module")
def mixing() -> xr.DataTree:
    return tree_of(scrambles(CHAINS * DRAWS, 3))


@pytest.fixture(scope="module")
def clusters() -> np.ndarray:
    """Three clusters for two components to share: the middle one is better joined to the first, its neighbour."""
    return np.random.default_rng(0).normal(np.repeat([0.0, 3.0, 10.0], [60, 30, 60]), 1.0)


def mode(clusters: np.ndarray, cut: float, chains: int = CHAINS) -> np.ndarray:
    """Draws around the fit whose components are the rows below and above the cut."""
    below, above = clusters[clusters < cut], clusters[clusters > cut]
    centre = [[len(part) / len(clusters), part.mean(), np.log(part.std())] for part in (below, above)]
    return centre + np.random.default_rng(1).normal(0, [0, 0.1, 0.07], (chains, DRAWS, 2, 3))


def test_identified_draws_are_identified():
    report = diagnose_labels(tree_of(unscrambled(3)))
    assert report.verdict is Verdict.IDENTIFIED
    assert report.switching.visited == 1
    assert (report.comparison.agreement == 1).all()


def test_first_lie_stuck_chains_raw_r_hat_is_bad_and_the_posterior_fine(stuck):
    report = diagnose_labels(stuck)
    assert worst_r_hat(report, "raw") > 1.5
    assert worst_r_hat(report, "relabelled") < 1.01
    assert worst_r_hat(report, "invariant") < 1.01
    assert report.switching.visited == 4
    assert report.switching.rates.max() == 0
    assert report.switching.chains_apart == 1
    assert report.verdict is Verdict.CHAINS_APART


def test_second_lie_perfect_mixing_raw_r_hat_is_fine_and_the_means_meaningless(mixing):
    report = diagnose_labels(mixing)
    assert worst_r_hat(report, "raw") < 1.01
    raw_means = mixing["posterior"]["loc"].mean(["chain", "draw"])
    assert np.abs(raw_means - 5).max() < 0.5  # the clusters lie at 0, 5 and 10
    assert report.switching.visited == 6
    assert report.verdict is Verdict.SWITCHES


def test_third_lie_all_chains_in_one_minor_mode_only_the_log_density_tells(clusters):
    good, minor = (gaussian_tree(mode(clusters, cut), clusters) for cut in (6.5, 1.5))
    best = float(good["sample_stats"]["log_posterior"].max())
    assert float(minor["sample_stats"]["log_posterior"].max()) < best - 10
    assert diagnose_labels(minor).verdict is Verdict.IDENTIFIED
    fit = SimpleNamespace(log_posterior=best)
    report = diagnose_labels(minor, reference_fit=fit)
    assert report.verdict is Verdict.MINOR_MODE
    assert "below the reference fit" in str(report)
    assert diagnose_labels(good, reference_fit=fit).verdict is Verdict.IDENTIFIED


def test_chains_are_in_a_minor_mode_if_the_best_of_them_is(clusters):
    """A reference that some chains come nearer to than a typical draw would, and others do not, is within reach."""
    tree = gaussian_tree(mode(clusters, 6.5)[:, :100], clusters)
    best = tree["sample_stats"]["log_posterior"].max("draw").values
    expected = diagnose_labels(tree, reference_fit=SimpleNamespace(log_posterior=0.0)).expected_gap

    def against(log_posterior):
        return diagnose_labels(tree, reference_fit=SimpleNamespace(log_posterior=log_posterior))

    between = against(expected + (best.max() + best.min()) / 2)
    np.testing.assert_allclose(between.density_gaps, expected + (best.max() + best.min()) / 2 - best)
    assert between.verdict is Verdict.IDENTIFIED
    assert against(best.max() + expected + 1e-6).verdict is Verdict.MINOR_MODE
    assert against(best.max() + expected - 1e-6).verdict is Verdict.IDENTIFIED
    tree.attrs["init_log_posterior"] = best.max() + 20  # what is passed goes before
    assert against(best.max()).verdict is Verdict.IDENTIFIED


def test_the_density_of_the_fit_that_started_the_sampler_is_the_default_reference(clusters):
    minor = gaussian_tree(mode(clusters, 1.5), clusters)
    minor.attrs["init_log_posterior"] = float(minor["sample_stats"]["log_posterior"].max()) + 20
    assert diagnose_labels(minor).verdict is Verdict.MINOR_MODE
    assert diagnose_labels(relabel(minor)).verdict is Verdict.MINOR_MODE


def test_chains_in_different_modes_are_no_matter_of_labels(clusters):
    parameters = np.concatenate([mode(clusters, 6.5, chains=2), mode(clusters, 1.5, chains=2)])
    assert diagnose_labels(gaussian_tree(parameters, clusters)).verdict is Verdict.DIFFERENT_MODES


@pytest.mark.parametrize("gap", [0.0, 0.2])
def test_components_that_merge_are_ambiguous(gap):
    report = diagnose_labels(tree_of(scrambles(CHAINS * DRAWS, 3), gap=gap))
    assert report.verdict is Verdict.AMBIGUOUS
    assert report.comparison.by_component.max() > 0.01 or report.switching.unsure > 0.05


def test_a_draw_is_unsure_where_the_other_labelling_is_within_a_factor_of_twenty():
    """By Stephens' divergence from the mean probabilities, both ways round."""
    tree = planted_tree(planted_draws(scrambles(40, 2), rows=60, gap=0.4))
    p = draw_responsibilities(tree)
    best = relabel(tree, "stephens")["relabelling"]["permutation"].values.reshape(40, 2)
    mean = np.take_along_axis(p, best[:, None], axis=2).mean(axis=0)
    one, other = (-(p[:, :, way] * np.log(mean)).sum(axis=(1, 2)) for way in ([0, 1], [1, 0]))
    is_close = np.abs(one - other) < np.log(20.0)
    assert 0 < is_close.mean() < 1
    assert diagnose_labels(tree).switching.unsure == pytest.approx(is_close.mean())


def test_the_report_says_which_components_are_disputed():
    """Two of three components coincide: the third is beyond dispute."""
    rng = np.random.default_rng(0)
    clean = np.array([[1 / 3, 0.0, 0.0], [1 / 3, 0.0, 0.0], [1 / 3, 20.0, 0.0]])
    clean = clean + rng.normal(0, [0, 0.15, 0.1], (CHAINS, DRAWS, 3, 3))
    x = rng.normal(np.repeat([0.0, 20.0], [80, 40]), 1.0)
    report = diagnose_labels(gaussian_tree(clean, x))
    assert report.verdict is Verdict.AMBIGUOUS
    assert report.comparison.by_component[2] == 0
    assert report.comparison.by_component[:2].min() > 0.05
    assert report.comparison.close > 0.3  # why: they overlap
    assert "Where: " in str(report)


def test_one_component_and_constants_are_identified():
    report = diagnose_labels(tree_of(unscrambled(1)))
    assert report.verdict is Verdict.IDENTIFIED
    assert str(report).startswith("Labels of 1 component in ")
    assert "constant" in report.details


def test_one_chain_is_compared_with_itself(mixing):
    one = mixing.isel(chain=[0])
    report = diagnose_labels(one)
    assert report.verdict is Verdict.SWITCHES
    assert np.isfinite(worst_r_hat(report, "relabelled"))


@pytest.mark.parametrize(
    ("chains", "draws", "is_enough"), [(1, 1, 0), (1, 7, 0), (1, 8, 1), (4, 1, 0), (4, 3, 0), (4, 4, 1)]
)
def test_too_few_draws_are_said_to_be_too_few(mixing, chains, draws, is_enough):
    report = diagnose_labels(mixing.isel(chain=slice(chains), draw=slice(draws)))
    assert (report.verdict is not Verdict.TOO_FEW) == is_enough
    assert np.isfinite(worst_r_hat(report, "invariant")) or not is_enough


def test_one_chain_cannot_disagree_with_others(clusters):
    """Its first half is in one mode, its second in another."""
    halves = [mode(clusters, cut, chains=1)[:, : DRAWS // 2] for cut in (6.5, 1.5)]
    report = diagnose_labels(gaussian_tree(np.concatenate(halves, axis=1), clusters))
    assert report.verdict is Verdict.DRIFTS
    assert "chains disagree" not in str(report)


def test_the_relabelling_that_a_tree_has_is_the_one_reported_on(mixing):
    report = diagnose_labels(relabel(mixing, "ordering"))
    assert report.method == "ordering"
    assert report.verdict is Verdict.SWITCHES
    assert diagnose_labels(mixing, method="sjw").method == "sjw"


@pytest.fixture(scope="module")
def overlapping() -> xr.DataTree:
    """Draws that methods label each in its own way, with components that are at times no row's most probable."""
    return planted_tree(planted_draws(scrambles(80, 3), rows=9, gap=0.7, noise=0.5))


@pytest.mark.parametrize("is_kept", [True, False])
def test_relabelled_figures_are_of_the_labelling_reported_on(overlapping, is_kept):
    tree = relabel(overlapping, "ordering")
    report = diagnose_labels(tree) if is_kept else diagnose_labels(overlapping, "ordering")
    assert report.method == "ordering" and report.comparison.agreement.sel(one="ordering", other="ecr") < 0.9
    assert diagnose_labels(tree, "ecr").method == "ecr"  # what is asked for goes before what is kept
    found = report.convergence["r_hat"].values
    is_loc = report.convergence["site"].values == "loc"
    for kind, draws in (("raw", overlapping), ("relabelled", tree)):
        of_kind = found[is_loc & (report.convergence["kind"].values == kind)]
        np.testing.assert_allclose(of_kind, arviz_stats.rhat(draws["posterior"].to_dataset()[["loc"]])["loc"])


def test_a_component_is_empty_in_draws_where_it_is_the_most_probable_one_of_no_row(overlapping, monkeypatch):
    told = []
    compare = diagnose.compare_methods
    monkeypatch.setattr(diagnose, "compare_methods", lambda *given: told.append(given) or compare(*given))
    diagnose_labels(overlapping)
    expected = [len(set(one.argmax(axis=1))) < 3 for one in draw_responsibilities(overlapping)]
    assert 0 < np.mean(expected) < 1
    assert told[0][1].tolist() == expected


def test_the_verdict_rests_on_what_is_reported(overlapping, monkeypatch):
    told = []
    decided = diagnose.decide
    monkeypatch.setattr(diagnose, "decide", lambda found: told.append(found) or decided(found))
    report = diagnose_labels(overlapping, reference_fit=SimpleNamespace(log_posterior=0.0))
    (found,) = told
    assert 0 < report.comparison.disputed < 1 and found.agreement == 1 - report.comparison.disputed
    assert found.density_gap == report.density_gaps.min() and found.expected_gap == report.expected_gap
    for kind, worst in (("invariant", found.invariant_r_hat), ("relabelled", found.relabelled_r_hat)):
        assert worst == worst_r_hat(report, kind) != worst_r_hat(report, "raw")
    for name in ("unsure", "visited", "chains_apart", "strays"):
        assert getattr(found, name) == getattr(report.switching, name)
    assert (found.chains, found.draws, found.is_declared) == (2, 40, False)


def test_a_log_density_alone_can_tell_that_chains_disagree():
    tree = tree_of(unscrambled(2)).isel(draw=slice(100))
    assert diagnose_labels(tree).verdict is Verdict.IDENTIFIED
    tree["sample_stats"]["log_posterior"].values[0] += 10
    report = diagnose_labels(tree)
    assert report.verdict is Verdict.DIFFERENT_MODES and worst_r_hat(report, "relabelled") < 1.05


def test_some_rows_are_looked_at_as_if_they_were_all(overlapping):
    found = diagnose_labels(overlapping, max_rows=6, seed=1).convergence
    rows = choose_rows(overlapping, 6, 1)
    draws = overlapping["posterior"].to_dataset()
    parameters = np.stack([draws["weights"], draws["loc"], np.log(draws["scale"])], axis=-1)
    right = diagnose_labels(gaussian_tree(parameters, overlapping["observed_data"]["obs"].values[rows])).convergence
    for site in ("entropy", "occupied_components", "similarity"):
        own = found["site"].values == site
        np.testing.assert_allclose(found["r_hat"].values[own], right["r_hat"].values[own])
    every = diagnose_labels(overlapping).convergence
    assert not np.allclose(found["r_hat"].values[own], every["r_hat"].values[own])


def test_invariants_do_not_depend_on_the_labels(mixing):
    before = diagnose_labels(mixing).convergence
    after = diagnose_labels(xr.DataTree.from_dict({**mixing, "posterior": relabel(mixing)["posterior"]})).convergence
    kept = before["kind"].values == "invariant"
    assert np.allclose(before["r_hat"][kept], after["r_hat"][kept], equal_nan=True)
    assert np.allclose(before["ess_bulk"][kept], after["ess_bulk"][kept])


def test_the_report_prints_as_a_table_and_exports(stuck, tmp_path):
    report = diagnose_labels(stuck)
    assert report.verdict.value in str(report)
    assert "4 of 6 labellings" in str(report) and len(str(report).splitlines()) == 3
    assert "Labellings visited: 4 of 6" in report.details
    report.to_dataset().to_netcdf(tmp_path / "report.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "report.nc", engine="h5netcdf") as back:
        assert back.attrs["verdict"] == report.verdict.value
        assert back.sizes["visited"] == 4


def test_an_unknown_method_is_refused(mixing):
    with pytest.raises(ChoiceError, match="method: got 'best'"):
        diagnose_labels(mixing, method="best")
