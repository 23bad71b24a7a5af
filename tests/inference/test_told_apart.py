"""Components that the declaration tells apart keep their numbers: relabelled draws are draws of the same model.

The oracles: responsibilities of the relabelled draws, by the program itself, are the raw ones under other column numbers; and
the prior density of the draws, by scipy, is what it was.
"""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from inference import Verdict, align, diagnose_labels, match, relabel
from inference.assignment.responsibilities import draw_responsibilities
from inference.backends import engine
from inference.labels.methods import METHODS
from inference.labels.permutations import relabel_parameters
from inference.posterior.tree import build_tree
from inference.samplers.protocol import Draws
from mixtures import Mixture, Observations, Program, gaussian_mixture, weights
from mixtures.exchangeable import exchangeable
from mixtures.families import Gaussian, PerComponent, PointMass, Poisson, Product, WithNoise
from mixtures.priors import LKJCholesky, Normal

DRAWS = 20
RNG = np.random.default_rng(0)
NOISY = np.concatenate([RNG.normal(0, 1, 30), RNG.normal(2, 1, 20), RNG.uniform(-7, 9, 15)])
COUNTS = np.concatenate([np.zeros(20), RNG.poisson(2, 20), RNG.poisson(4, 20)])
NOISE = Mixture(3, WithNoise(Gaussian(), -7.0, 9.0))
EACH = Mixture(3, PerComponent([PointMass(0.0), Poisson(), Poisson()]))


def tree_of(
    program: Program, x: np.ndarray, parameters: dict[str, np.ndarray], lp: np.ndarray | None = None
) -> xr.DataTree:
    """Made-up draws (chain, draw, ...) in a tree; the best is the first, unless `lp` says otherwise."""
    data, backend = Observations(x), engine("numpyro")
    if lp is None:
        lp = -np.arange(2.0 * DRAWS).reshape(2, DRAWS)
    tree = build_tree(backend.bind(program, data), Draws(parameters, {"lp": lp}), {})
    tree["sample_stats"] = xr.DataTree(xr.Dataset({"lp": (("chain", "draw"), lp)}))
    return tree


def noisy_tree() -> xr.DataTree:
    """Draws whose two Gaussians overlap and are exchanged in every other draw; the noise's own location is anywhere."""
    rng = np.random.default_rng(1)
    turned = np.arange(DRAWS) % 2 == 1
    weights = rng.dirichlet([6.0, 10.0, 8.0], (2, DRAWS))
    loc = np.stack([rng.normal(0, 5, (2, DRAWS)), rng.normal(0, 0.4, (2, DRAWS)), rng.normal(2, 0.4, (2, DRAWS))], -1)
    scale = rng.gamma(20.0, 0.05, (2, DRAWS, 3))
    draws = {"weights": weights, "loc": loc, "scale": scale}
    return tree_of(NOISE, NOISY, {name: np.where(turned[:, None], v[..., [0, 2, 1]], v) for name, v in draws.items()})


def counts_tree(draws: int = DRAWS, lp: np.ndarray | None = None) -> xr.DataTree:
    rng = np.random.default_rng(2)
    parameters = {"weights": rng.dirichlet([5.0, 5.0, 5.0], (2, draws))}
    parameters |= {name: rng.gamma(9.0, 0.3, (2, draws)) for name in ("rate_1", "rate_2")}
    return tree_of(EACH, COUNTS, parameters, lp)


def check_same_model(before: xr.DataTree, after: xr.DataTree) -> np.ndarray:
    permutations = after["relabelling"]["permutation"].values.reshape(2 * DRAWS, -1)
    expected = relabel_parameters(draw_responsibilities(before), permutations, axis=2)
    np.testing.assert_allclose(draw_responsibilities(after), expected, atol=1e-10)
    return permutations


@pytest.mark.parametrize("rows", [None, 40])
@pytest.mark.parametrize("method", METHODS)
def test_the_noise_never_moves_and_the_others_do(method, rows):
    tree = noisy_tree()
    permutations = check_same_model(tree, relabel(tree, method, pivot=0, max_rows=rows, seed=0))
    assert (permutations[:, 0] == 0).all()
    turned = np.arange(2 * DRAWS) % 2 == 1
    assert np.mean((permutations[:, 1] == 2) == turned) >= 0.9


def test_sampled_assignments_of_noise_stay_noise():
    tree = noisy_tree()
    p = draw_responsibilities(tree)
    z = (p.cumsum(axis=2) < np.random.default_rng(3).uniform(size=(*p.shape[:2], 1))).sum(axis=2).clip(0, 2)
    posterior = tree["posterior"].to_dataset()
    tree["posterior"] = xr.DataTree(posterior.assign(assignment=(("chain", "draw", "rows"), z.reshape(2, DRAWS, -1))))
    for method in ("ecr", "ecr-iterative-1", "data-based"):
        after = relabel(tree, method)
        moved = after["posterior"]["assignment"].values.reshape(z.shape)
        permutations = after["relabelling"]["permutation"].values.reshape(-1, 3)
        assert np.array_equal(moved == 0, z == 0)
        assert np.array_equal(np.take_along_axis(permutations, moved, axis=1), z)
        assert 10 < (permutations[:, 1] == 2).sum() < 30


def test_ecr_beside_noise_is_the_best_of_the_permutations_that_leave_the_noise():
    """By brute force over both; the whole cost is counted, the noise's rows too."""
    tree = noisy_tree()
    p = draw_responsibilities(tree)
    pivot = p[0].argmax(axis=1)
    costs = [
        [(1 - draw[np.arange(len(NOISY)), np.array(s)[pivot]]).sum() for s in ([0, 1, 2], [0, 2, 1])] for draw in p
    ]
    found = relabel(tree, "ecr", pivot=0)["relabelling"]
    assert np.array_equal(found["permutation"].values.reshape(-1, 3)[:, 1] == 2, np.argmin(costs, axis=1) == 1)
    np.testing.assert_allclose(found["margin"].values.ravel(), np.abs(np.diff(costs, axis=1))[:, 0], atol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_components_with_sites_of_their_own_stay_in_place(method):
    tree = counts_tree()
    after = relabel(tree, method)
    assert (check_same_model(tree, after) == np.arange(3)).all()
    assert not after["relabelling"]["exchangeable"].any()
    assert "told apart by the declaration" in after["relabelling"].attrs["note"]


def test_the_report_says_what_the_declaration_fixes(tmp_path):
    report = diagnose_labels(noisy_tree())
    assert report.switching.possible == 2
    assert (report.switching.labellings[:, 0] == 0).all()
    # independent draws, enough of them for R-hat; beside these the log densities of `tree_of`, where one chain lies below the other
    lp = np.random.default_rng(4).normal(size=(2, 400))
    declared = diagnose_labels(counts_tree(400, lp))
    assert declared.switching.possible == 1
    assert declared.verdict is Verdict.DECLARED
    assert diagnose_labels(counts_tree(400, np.sort(lp.ravel()).reshape(2, 400))).verdict is Verdict.DIFFERENT_MODES
    kept = relabel(counts_tree())
    kept.to_netcdf(tmp_path / "draws.nc", engine="h5netcdf")
    with xr.open_datatree(tmp_path / "draws.nc", engine="h5netcdf") as back:
        assert back["relabelling"]["exchangeable"].values.tolist() == [False] * 3


def test_results_are_aligned_without_moving_what_is_told_apart():
    tree = noisy_tree()
    one, other = relabel(tree, pivot=0), relabel(tree, pivot=1)
    assert match(one, other).permutations.tolist() == [[0, 2, 1]]
    aligned = align(one, other)
    assert np.array_equal(check_same_model(tree, aligned), other["relabelling"]["permutation"].values.reshape(-1, 3))
    counts = counts_tree()
    swapped = counts.copy(deep=False)
    raw = counts["posterior"].to_dataset()
    swapped["posterior"] = xr.DataTree(
        raw.assign(
            rate_1=raw["rate_2"],
            rate_2=raw["rate_1"],
            weights=raw["weights"].copy(data=raw["weights"].values[..., [0, 2, 1]]),
        )
    )
    assert match(swapped, counts).permutations.tolist() == [[0, 1, 2]]


def test_components_with_prior_numbers_of_their_own_stay_in_place():
    program = gaussian_mixture(3, priors={"loc": Normal([0.0, 1.0, 1.0], [0.3, 3.0, 3.0])})
    tree = noisy_tree()
    posterior = {name: tree["posterior"][name].values for name in ("weights", "loc", "scale")}
    tree = tree_of(program, NOISY, posterior)
    for method in METHODS:
        after = relabel(tree, method)
        assert (check_same_model(tree, after)[:, 0] == 0).all()
        densities = [
            stats.norm.logpdf(one["posterior"]["loc"], [0.0, 1.0, 1.0], [0.3, 3.0, 3.0]).sum(axis=2)
            for one in (tree, after)
        ]
        np.testing.assert_allclose(*densities, rtol=1e-12)


def test_which_components_are_alike_is_read_off_the_declaration():
    alike = ((0, 1),)
    assert exchangeable(gaussian_mixture(2), 2) == alike
    assert exchangeable(gaussian_mixture(2, priors={"loc": Normal([0.0, 0.0], 1.0)}), 2) == alike
    assert exchangeable(gaussian_mixture(2, priors={"loc": Normal([0.0, 1.0], 1.0)}), 2) == ()
    # numbers for each of two columns are not numbers for each of two components
    by_column = gaussian_mixture(2, priors={"loc": Normal([0.0, 1.0], 1.0)})
    assert exchangeable(by_column, 2, features=2) == alike
    by_both = gaussian_mixture(2, priors={"loc": Normal([[0.0, 1.0], [2.0, 1.0]], 1.0)})
    assert exchangeable(by_both, 2, features=2) == ()
    shapes = gaussian_mixture(2, "full", priors={"correlation_cholesky": LKJCholesky([1.0, 5.0])})
    assert exchangeable(shapes, 2, features=3) == ()
    # a loading takes the number of its column
    for scale, expected in ([1.0, 2.0, 3.0], alike), ([[1.0, 2.0, 3.0], [1.0, 2.0, 9.0]], ()):
        factors = gaussian_mixture(2, "factor-1", priors={"loading": Normal(0.0, scale)})
        assert exchangeable(factors, 2, features=3) == expected
    assert exchangeable(Mixture(4, Poisson(), weights.Dirichlet((1.0, 2.0, 1.0, 2.0))), 4) == ((0, 2), (1, 3))
    assert exchangeable(NOISE, 3) == ((1, 2),)
    assert exchangeable(EACH, 3) == ()
    assert exchangeable(Mixture(3, Product({"a": Gaussian(), "b": WithNoise(Gaussian(), -9.0, 9.0)})), 3) == ((1, 2),)
