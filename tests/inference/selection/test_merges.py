"""Merged components: every merge by brute force, valleys by climbing to the modes, an elbow by all pairs of lines."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal, norm

from inference import fit_em, fit_map, merge_components, responsibilities
from inference.plots import plot_merges
from inference.selection.elbow import elbow
from inference.selection.entropy import entropy_of, merged_by_entropy
from inference.selection.ridgeline import merged_by_valleys, ridgeline, valley
from mixtures import Mixture, Observations, families, gaussian_mixture, load_dataset, poisson_mixture
from mixtures.errors import ChoiceError, ModelError


def entropy(shares: np.ndarray, times: np.ndarray) -> float:
    """By its definition, row by row."""
    return -sum(w * sum(t * np.log(t) for t in row if t > 0) for w, row in zip(times, shares, strict=True))


@pytest.mark.parametrize("seed", range(4))
def test_every_merge_is_the_best_of_all(seed):
    rng = np.random.default_rng(seed)
    shares, times = rng.dirichlet(np.full(6, 0.3), size=40), rng.integers(1, 4, size=40).astype(float)
    tree = merged_by_entropy(shares, times)
    groups = [[k] for k in range(6)]
    expected, moved = [entropy(shares, times)], [0.0]
    for kept, gone in tree:
        now = np.stack([shares[:, group].sum(axis=1) for group in groups], axis=1)
        found = {}
        for i, j in itertools.combinations(range(len(groups)), 2):
            rest = [k for k in range(len(groups)) if k not in (i, j)]
            found[i, j] = entropy(np.column_stack([now[:, rest], now[:, i] + now[:, j]]), times)
        i, j = min(found, key=found.get)
        assert (min(groups[i]), min(groups[j])) == (kept, gone)
        expected.append(found[i, j])
        moved.append(moved[-1] + times[np.isin(now.argmax(axis=1), [i, j])].sum())
        groups[i] += groups.pop(j)
    entropies, rows_merged = entropy_of(shares, times, tree)
    np.testing.assert_allclose(entropies[::-1], expected, atol=1e-9)
    np.testing.assert_allclose(rows_merged[::-1], moved)


@pytest.fixture(scope="module")
def faithful_fit():
    x = load_dataset("faithful")
    return fit_em(gaussian_mixture(3, "EEE"), x, restarts=20, tolerance=1e-12, seed=0), x


def test_entropies_of_old_faithful(faithful_fit):
    """The expected entropies are those of clustCombi in mclust 6.0.0, at the same maximum (tolerance 1e-12), computed here once."""
    merges = merge_components(*faithful_fit)
    np.testing.assert_allclose(merges.entropies, [0.0, 0.482527497, 42.7423539], rtol=1e-4, atol=1e-12)
    # the two components that it merges are those of weights .475 and .169
    pair = next(group for group in merges.groups(2) if len(group) == 2)
    np.testing.assert_allclose(sorted(faithful_fit[0].parameters["weights"][list(pair)]), [0.1686, 0.4750], atol=1e-3)
    assert merges.suggested is None and "Too few components" in str(merges)


def test_frames_in_frames_out_and_the_density_stays(faithful_fit):
    fit, x = faithful_fit
    frame = pd.DataFrame(x.x, columns=list(x.feature_names), index=[f"row {i}" for i in range(len(x))])
    merges = merge_components(fit, frame)
    classes = merges.classify(2)
    assert classes.index.equals(frame.index) and classes.name == "cluster"
    shares = responsibilities(fit, x)
    expected = np.stack([shares[:, list(group)].sum(axis=1) for group in merges.groups(2)], axis=1)
    np.testing.assert_allclose(merges.probabilities(2), expected)
    np.testing.assert_array_equal(classes, expected.argmax(axis=1))
    np.testing.assert_allclose(merges.probabilities(1), 1.0)
    assert merges.to_frame().index.tolist() == [1, 2, 3]


def test_the_elbow_is_where_two_lines_fit_best():
    rng = np.random.default_rng(0)
    for _ in range(20):
        place, height = np.sort(rng.normal(size=7)), rng.normal(size=7)
        left = []
        for i in range(1, 6):
            parts = [(place[: i + 1], height[: i + 1]), (place[i:], height[i:])]
            left.append(sum(np.sum((y - np.polyval(np.polyfit(p, y, 1), p)) ** 2) for p, y in parts))
        assert elbow(place, height) == 2 + int(np.argmin(left))
    assert elbow(np.arange(3.0), np.ones(3)) is None


@pytest.mark.parametrize("apart", [1.9, 2.1])
def test_two_equal_normals_have_two_modes_from_two_standard_deviations_on(apart):
    """Behboodian (1970), Technometrics 12."""
    found = valley(np.array([0.5, 0.5]), np.array([[0.0], [apart]]), np.ones((2, 1, 1)))
    grid = np.linspace(0, apart, 100_001)
    density = norm.pdf(grid) + norm.pdf(grid, apart)
    expected = density[50_000] / density.max() if apart > 2 else 1.0  # the valley lies in the middle
    assert found == pytest.approx(expected, abs=1e-6)
    assert (found < 1 - 1e-6) == (apart > 2)


def test_narrow_and_wide_normals_have_the_valley_that_a_fine_grid_finds():
    weights, means, scales = np.array([0.3, 0.7]), np.array([0.0, 3.0]), np.array([1e-3, 1.0])
    grid = np.union1d(np.linspace(0, 0.01, 200_001), np.linspace(0, 3, 200_001))
    density = (weights * norm.pdf(grid[:, None], means, scales)).sum(axis=1)
    expected = density.min() / density[grid > 1].max()
    assert valley(weights, means[:, None], scales[:, None, None] ** 2) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("seed", range(12))
def test_two_normals_in_the_plane_are_one_mode_if_climbs_from_both_means_meet(seed):
    rng = np.random.default_rng(seed)
    weights, means = rng.dirichlet([3, 3]), 1.5 * rng.normal(size=(2, 2))
    roots = rng.normal(size=(2, 2, 2)) + 0.7 * np.eye(2)
    covariances = roots @ roots.swapaxes(1, 2)

    def downwards(point: np.ndarray) -> float:
        return -np.log(
            sum(w * multivariate_normal.pdf(point, m, s) for w, m, s in zip(weights, means, covariances, strict=True))
        )

    tops = [minimize(downwards, mean, options={"gtol": 1e-8}).x for mean in means]
    found = valley(weights, means, covariances)
    assert (found >= 1 - 1e-6) == (np.linalg.norm(tops[0] - tops[1]) < 1e-3)
    # and the modes lie on the ridgeline
    way = ridgeline(means, covariances)
    assert all(np.linalg.norm(way - top, axis=1).min() < 1e-2 for top in tops)


def test_merges_by_valleys_take_the_highest_first():
    means = np.array([[0.0], [1.5], [10.0], [12.5]])
    tree, crossed = merged_by_valleys(np.full(4, 0.25), means, np.ones((4, 1, 1)))
    assert tree.tolist() == [[0, 1], [2, 3], [0, 2]]
    pairs = {pair: valley(np.full(2, 0.25), means[list(pair)], np.ones((2, 1, 1))) for pair in [(0, 1), (2, 3), (1, 2)]}
    np.testing.assert_allclose(crossed, list(pairs.values()))


@pytest.mark.parametrize("backend", ["numpyro", pytest.param("pyro", marks=pytest.mark.slow)])
def test_skewed_clusters_need_several_components_and_are_merged(backend):
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1], 150)
    x = np.where(truth == 0, rng.gamma(2.0, 1.0, 300), 16 - rng.gamma(2.0, 1.0, 300))
    fit = fit_em(gaussian_mixture(4, "V"), x, restarts=20, seed=0, backend=backend)
    for method in ("entropy", "modes"):
        merges = merge_components(fit, x, method=method)
        classes = merges.classify(2)
        assert max(np.mean(classes == truth), np.mean(classes != truth)) > 0.97
    assert merges.suggested == 2 and "2 modes" in str(merges)


@pytest.mark.slow  # entropies are of probabilities, whatever the family
def test_any_family_has_entropies():
    rng = np.random.default_rng(0)
    counts = rng.poisson(np.repeat([2.0, 9.0], 60))
    fit = fit_em(poisson_mixture(3), counts, restarts=5, seed=0)
    weighted = Observations(counts, row_weights=np.full(120, 2.0))
    once, twice = (merge_components(fit, x).entropies for x in (counts, weighted))
    np.testing.assert_allclose(twice, 2 * once, atol=1e-12)
    with pytest.raises(ModelError, match="ridgelines are known for these"):
        merge_components(fit, counts, method="modes")
    student = fit_map(Mixture(2, families.StudentT()), rng.normal(size=30), restarts=2, steps=50, seed=0)
    assert merge_components(student, rng.normal(size=30)).entropies.shape == (2,)


def test_bad_arguments_say_what_is_wrong(faithful_fit):
    fit, x = faithful_fit
    with pytest.raises(ChoiceError, match="method"):
        merge_components(fit, x, method="bic")
    with pytest.raises(ModelError, match="clusters: got 4"):
        merge_components(fit, x).groups(4)
    with pytest.raises(ModelError, match="no number is suggested"):
        merge_components(fit, x).classify()
    with pytest.raises(ModelError, match="one component"):
        merge_components(fit_em(gaussian_mixture(1, "EEE"), x, restarts=1, seed=0), x)
    with pytest.raises(ModelError, match="a ComponentMerges"):
        plot_merges(fit)


def test_the_picture_shows_every_entropy_and_every_row(faithful_fit):
    fit, x = faithful_fit
    merges = merge_components(fit, x)
    axes = plot_merges(merges, clusters=2, against="rows")
    np.testing.assert_allclose(axes[0].lines[0].get_ydata(), merges.entropies)
    np.testing.assert_allclose(axes[0].lines[0].get_xdata(), merges.rows_merged)
    assert sum(len(line.get_xdata()) for line in axes[1].lines) == len(x)
    plt.close(axes[0].figure)
    six = fit_em(gaussian_mixture(6, "V"), x.x[:, 0], restarts=5, max_steps=50, seed=0)
    (ax,) = plot_merges(merge_components(six, x.x[:, 0]))
    assert [line.get_label() for line in ax.lines][-1].startswith("elbow")
    plt.close(ax.figure)
