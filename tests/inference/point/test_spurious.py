"""Components on a few close rows are found whatever the units, small groups as wide as the others are left alone, and EM prefers a fit
without them even where its likelihood is lower.
"""

import numpy as np
import pytest
from scipy import linalg

from inference import fit_em, fit_mle, responsibilities
from inference.point.spurious import NARROW, few_rows, spurious_components
from inference.status import Status
from mixtures import Mixture, Observations, families, gamma_mixture, gaussian_mixture, load_dataset

RNG = np.random.default_rng(0)


def covariances(components: int, features: int) -> np.ndarray:
    roots = RNG.normal(size=(components, features, features))
    return roots @ roots.swapaxes(1, 2)


@pytest.mark.parametrize("features", [1, 2, 4])
def test_the_rule_is_hathaways_bound_for_components_of_few_rows(features):
    for _ in range(50):
        spread = covariances(3, features)
        spread[2] *= RNG.choice([1e-4, 1e-2, 1.0])
        rows = np.array([60.0, 30.0, RNG.uniform(1.0, 2 * few_rows(features))])
        within = (60 * spread[0] + 30 * spread[1]) / 90
        smallest = linalg.eigh(spread[2], within, eigvals_only=True)[0]
        expected = rows[2] < few_rows(features) and smallest < NARROW
        unit = RNG.normal(size=(features, features))
        for seen in (spread, unit @ spread @ unit.T):
            assert spurious_components(seen, rows).tolist() == [False, False, expected]


def test_a_shared_covariance_is_never_narrow():
    shared = np.repeat(1e-6 * covariances(1, 2), 3, axis=0)
    assert not spurious_components(shared, np.array([2.0, 3.0, 90.0])).any()
    assert not spurious_components(shared[:1], np.array([3.0])).any()


def test_a_lower_optimum_is_preferred_to_a_spurious_one():
    pair = np.array([2.5, 2.51])
    x = np.concatenate([np.random.default_rng(2).normal(size=98), pair])
    narrow = {"weights": [0.98, 0.02], "loc": [0.0, pair.mean()], "scale": [1.0, pair.std()]}
    wide = {"weights": [0.5, 0.5], "loc": [-1.0, 1.0], "scale": [1.0, 1.0]}
    fit = fit_em(gaussian_mixture(2), x, init=[narrow, wide], restarts=2, seed=0)
    assert fit.restarts.loc[0, "status"] is Status.SPURIOUS
    assert fit.restarts.loc[0, "objective"] < fit.restarts.loc[1, "objective"]
    assert fit.status is Status.CONVERGED
    assert "1 spurious" in str(fit)
    alone = fit_em(gaussian_mixture(2), x, init=narrow, restarts=1, seed=0)
    assert alone.status is Status.SPURIOUS
    # what is known is not due to chance
    labels = np.where(np.isin(x, pair), 1, -1)
    assert fit_em(gaussian_mixture(2), x, init=narrow, restarts=1, labels=labels, seed=0).status.is_sound
    known = {"scale": narrow["scale"]}
    assert fit_em(gaussian_mixture(2), x, init=narrow, restarts=1, fixed=known, seed=0).status.is_sound


def test_the_pair_of_galaxies_is_not_a_component():
    x = load_dataset("galaxies").x / 1000
    fit = fit_em(gaussian_mixture(5), x, restarts=30, seed=0)
    spurious = fit.restarts[fit.restarts["status"].map(lambda status: status is Status.SPURIOUS)]
    assert spurious["objective"].min() < fit.losses[-1]
    assert min(spurious.loc[spurious["objective"].idxmin(), "occupancy"]) < few_rows(1)
    assert fit.status.is_sound


@pytest.mark.parametrize("verb", [fit_em, fit_mle])
def test_a_peak_on_one_value_is_never_the_best_where_families_have_no_covariances(verb):
    """Six rows are alike: the likelihood has a peak there without end, and a sound optimum elsewhere."""
    x = np.concatenate([np.random.default_rng(0).gamma(3.0, 1.0, 24), [2.5] * 6])
    fit = verb(gamma_mixture(2), x, restarts=3, seed=0)
    alike = responsibilities(fit, x)[-1].argmax()
    narrow = fit.parameters["concentration"][alike] ** -0.5  # sd over mean
    assert not fit.status.is_sound or narrow > 0.01
    sound = fit.restarts["status"].map(lambda status: status.is_sound)
    assert fit.status.is_sound == sound.any()


def test_as_many_components_as_rows_are_no_sound_fit():
    x = Observations([1.0, 2.0, np.nan], missing="allow")
    assert not fit_em(gaussian_mixture(2), x, restarts=2, seed=0).status.is_sound


@pytest.mark.quick("fit_mle", reason="one judgement of all fits")
@pytest.mark.parametrize("verb", [fit_em, fit_mle])
def test_a_thin_plate_on_five_rows_is_spurious_by_every_verb(verb):
    """Too low for a spike: a tenth as thick as the rest, and as wide. Student's t have covariance matrices as normals have."""
    rest = np.random.default_rng(3).normal(size=(200, 2))
    line = np.linspace(-1.5, 1.5, 5)
    plate = np.stack([2.0 + line, line - 2.0 + 0.02 * np.array([1.0, -1.0, 0.0, 1.0, -1.0])], axis=1)
    loc = np.stack([plate.mean(axis=0), rest.mean(axis=0)])
    matrices = np.stack([np.cov(plate.T, ddof=0), np.cov(rest.T, ddof=0)])
    deviation = np.sqrt(np.diagonal(matrices, axis1=1, axis2=2))
    roots = np.linalg.cholesky(matrices / deviation[:, :, None] / deviation[:, None, :])
    begin = {"weights": np.array([5, 200]) / 205, "loc": loc, "scale": deviation, "correlation_cholesky": roots}
    fit = verb(
        Mixture(2, families.StudentT(30.0, "full")), np.concatenate([rest, plate]), init=begin, restarts=1, seed=0
    )
    assert fit.restarts.at[0, "status"] is Status.SPURIOUS
    assert fit.restarts.at[0, "occupancy"].min() < few_rows(2)
    assert linalg.eigh(*matrices, eigvals_only=True)[0] < 0.1 * NARROW
