"""New starts from a fit are drawn by the law that is written down: which component is split, which two are merged, and which rows go; by brute
force over all that can be drawn, SciPy's distances, and data in other units."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import softmax
from scipy.stats import chisquare, norm

from inference import fit_em
from inference.point.em import split_merge
from inference.point.em.closed_form import Frame
from mixtures import gaussian_mixture
from mixtures.seeds import generator

LABELS = np.repeat([0, 1, 2, 3], [12, 6, 8, 4])
SEEDS = range(2000)
RNG = np.random.default_rng(0)
PLANE = RNG.normal(size=(60, 2)) * [1.0, 0.5] + 2.0 * RNG.integers(2, size=(60, 1))


def shares_of(pairs):
    """Rows that are their label's, but for the first row of a component, which has a share in another's."""
    shares = np.eye(4)[:, LABELS]
    for (one, other), share in pairs.items():
        shares[[one, other], np.flatnonzero(one == LABELS)[0]] = 1 - share, share
    return shares


@pytest.fixture
def first_member(monkeypatch):
    """A part is one row of the component that is split, or none where rows around some row would be."""
    monkeypatch.setattr(split_merge, "_half", lambda x, members, rng: members[-1:])
    monkeypatch.setattr(split_merge, "_neighbourhood", lambda x, rng: np.zeros(0, dtype=int))


@pytest.mark.statistical
def test_a_split_and_a_merge_have_the_chances_of_sizes_and_shared_rows(first_member):
    """Every component by its rows; then, of the pairs without it, each by the rows that its components share, and a little."""
    shares = shares_of({(0, 1): 0.05, (1, 3): 0.02, (2, 3): 0.3})
    chances = {}
    for split in range(4):
        others = [k for k in range(4) if k != split]
        pairs = [(j, k) for j in others for k in others if j < k]
        shared = [sum(shares[j, i] * shares[k, i] for i in range(30)) + 1e-3 * 30 / 4 for j, k in pairs]
        for pair, one in zip(pairs, shared, strict=True):
            chances[split, *pair] = (split == LABELS).mean() * one / sum(shared)
    found, cut = dict.fromkeys(chances, 0), 0
    for seed in SEEDS:
        moved = split_merge._moved(PLANE[:30], LABELS, shares, seed)
        gone = next(k for k in range(4) if (moved[k == LABELS] != k).all())
        (kept,) = set(moved[gone == LABELS])
        (changed,) = np.nonzero((moved != LABELS) & (gone != LABELS))
        if len(changed):
            cut += 1
            assert moved[changed].tolist() == [gone]  # whose number is free
            found[LABELS[changed[0]], kept, gone] += 1
    assert abs(cut - len(SEEDS) / 2) < 4 * np.sqrt(len(SEEDS)) / 2
    assert chisquare([*found.values()], np.array([*chances.values()]) * cut).pvalue > 1e-3


@pytest.mark.statistical
def test_one_more_component_is_split_off_by_sizes(first_member):
    found = np.zeros(4)
    for seed in SEEDS:
        divided = split_merge._divided(PLANE[:30], LABELS, 4, seed)
        (changed,) = np.nonzero(divided != LABELS)
        assert (divided[changed] == 4).all() and len(changed) <= 1
        found[LABELS[changed]] += 1
    assert abs(found.sum() - len(SEEDS) / 2) < 4 * np.sqrt(len(SEEDS)) / 2
    assert chisquare(found, np.bincount(LABELS) / 30 * found.sum()).pvalue > 1e-3


MEMBERS = np.flatnonzero(PLANE[:, 0] > 0)


def halves(x, count=400):
    return [split_merge._half(x, MEMBERS, generator(seed, "half")) for seed in range(count)]


@pytest.mark.statistical
def test_a_part_of_a_component_lies_on_one_side_of_a_random_cut():
    """Of one column: the members above a quantile from 0.2 to 0.8, or below, any of them."""
    along, sizes, sides = PLANE[MEMBERS, 0], [], []
    for part in halves(PLANE[:, :1]):
        inside = np.isin(MEMBERS, part)
        above = along[inside].min() > along[~inside].max()
        assert above or along[inside].max() < along[~inside].min()
        sizes.append(len(part) / len(MEMBERS))
        sides.append(above)
    assert 0.4 < np.mean(sides) < 0.6
    slack = 1 / len(MEMBERS)
    assert 0.2 - slack <= min(sizes) < 0.25 and 0.75 < max(sizes) <= 0.8 + slack


def test_a_cut_is_the_same_in_any_unit_and_has_any_direction():
    """Columns as wide as the members spread, not as all rows do; a column of one value tells nothing."""
    parts = halves(PLANE)
    far = np.where(np.isin(np.arange(60), MEMBERS)[:, None], PLANE, 1e3 + 1e3 * PLANE)
    for other in (PLANE * [1e-6, 1e6], far):
        for one, part in zip(parts, halves(other), strict=True):
            np.testing.assert_array_equal(one, part)
    same = np.column_stack([PLANE[:, 0], np.full(60, 7.0)])
    assert all(len(part) in range(1, len(MEMBERS)) for part in halves(same))
    # directions are round in standardised columns: a cut tells the columns apart as often as it joins them
    standard = PLANE[MEMBERS] / PLANE[MEMBERS].std(axis=0)
    normals = [standard[np.isin(MEMBERS, part)].mean(axis=0) - standard.mean(axis=0) for part in parts]
    assert {tuple(sign) for sign in np.sign(normals)} == {(1, 1), (1, -1), (-1, 1), (-1, -1)}
    assert split_merge._half(PLANE, np.zeros(0, dtype=int), generator(0, "half")).size == 0


@pytest.mark.statistical
def test_a_neighbourhood_is_the_rows_nearest_to_any_one():
    """By SciPy's standardised distances; from a twentieth to a third and a little of all rows."""
    apart = cdist(PLANE, PLANE, "seuclidean", V=PLANE.var(axis=0))
    nearest = apart.argsort(axis=1)
    centres, sizes = set(), []
    for seed in range(600):
        part = split_merge._neighbourhood(PLANE, generator(seed, "near"))
        assert set(part) == set(nearest[part[0], : len(part)])
        centres.add(part[0])
        sizes.append(len(part))
    assert centres == set(range(60))
    assert min(sizes) == 3 and max(sizes) == 20  # 0.05 and less than 0.35 of 60
    assert len(split_merge._neighbourhood(PLANE[:5], generator(0, "near"))) == 2
    flat = np.column_stack([PLANE[:, 0], np.full(60, 7.0)])
    one, two = (split_merge._neighbourhood(x, generator(3, "near")) for x in (flat, flat[:, :1]))
    np.testing.assert_array_equal(one, two)


def test_shares_labels_and_columns_are_those_of_the_fit(monkeypatch):
    """In the coordinates of EM, of the rows that partitions speak of, without what only the law looks at."""
    frame, rows, locs = Frame(np.array([1.0, 5.0]), np.array([2.0, 4.0])), np.array([4, 0, 9, 7]), [0.2, -0.3, 0.9]

    def log_joint(xp, state, x):
        return norm.logpdf(x[0], np.array(state["loc"])[:, None]) - 900.0, None

    closed = SimpleNamespace(log_joint=log_joint, cut=lambda x: (x[:1], x[1:]))
    problem = SimpleNamespace(x=PLANE, frame=frame, closed_form=closed)
    own = (PLANE[rows, :1] - 1.0) / 2.0
    joint = norm.logpdf(own.T, np.array(locs)[:, None])
    seen = []
    monkeypatch.setattr(split_merge, "_moved", lambda *arguments: seen.append(arguments) or arguments[1])
    monkeypatch.setattr(split_merge, "_divided", lambda *arguments: seen.append(arguments) or arguments[1])
    merged = split_merge.split_and_merge(problem, {"loc": locs}, rows, np.array([3, 8]))
    divided = split_merge.split(problem, {"loc": locs}, rows, np.array([5]))
    for x, labels, shares, _ in seen[:2]:
        np.testing.assert_allclose(x, own)
        np.testing.assert_array_equal(labels, joint.argmax(axis=0))
        np.testing.assert_allclose(shares, softmax(joint, axis=0))
    np.testing.assert_allclose(seen[2][0], own)
    assert seen[2][2:] == (3, 5) and [one[3] for one in seen[:2]] == [3, 8]
    assert [(one.rule, one.seed) for one in merged + divided] == [
        ("split and merge", 3),
        ("split and merge", 8),
        ("split", 5),
    ]
    np.testing.assert_array_equal(merged[0].rows, rows)


@pytest.mark.parametrize(("components", "bred"), [(2, 0), (3, 2)])
def test_half_of_the_starts_are_bred_where_there_are_two_to_merge_and_a_third_to_split(components, bred):
    fit = fit_em(gaussian_mixture(components, "tied"), PLANE[:, 0], restarts=5, seed=0)
    assert (fit.restarts["rule"] == "split and merge").sum() == bred
