"""A sweep gives each model the likelihood that fitting it alone gives, and criteria by their definitions."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

from inference import fit_em, select_components
from inference.plots import plot_selection
from inference.point.em.initial_partitions import Partitions
from inference.status import Status
from mixtures import Observations, gaussian_mixture, load_dataset
from mixtures.errors import ChoiceError, DataError, ModelError

FAITHFUL = load_dataset("faithful").x


@pytest.fixture(scope="module")
def selection():
    return select_components(FAITHFUL, range(1, 4), ["EEE", "VVI", "EVE"], restarts=8, seed=0)


def test_each_cell_is_the_fit_alone(selection):
    for structure, components in [("EEE", 3), ("VVI", 2)]:
        alone = fit_em(gaussian_mixture(components, structure), FAITHFUL, restarts=12, seed=0)
        row = selection.table.query("structure == @structure and components == @components").iloc[0]
        assert row["log_likelihood"] == pytest.approx(alone.log_likelihood, abs=1e-3)
        assert row["free_parameters"] == alone.free_parameters
        # the likelihood is flat at its maximum; log p(x, z) is not, and differs by what is left of the climb
        for criterion, left in {"aic": 0.01, "bic": 0.01, "sabic": 0.01, "caic": 0.01, "icl": 1.0}.items():
            assert row[criterion] == pytest.approx(getattr(alone, criterion), abs=left)


def test_one_component_is_one_gaussian(selection):
    # log likelihood of one Gaussian at its estimates: -n/2 (d log 2 pi + log |S| + d)
    rows, features = FAITHFUL.shape
    determinant = np.linalg.slogdet(np.cov(FAITHFUL.T, ddof=0))[1]
    expected = -0.5 * rows * (features * np.log(2 * np.pi) + determinant + features)
    row = selection.table.query("structure == 'EEE' and components == 1").iloc[0]
    assert row["log_likelihood"] == pytest.approx(expected, rel=1e-12)


def test_the_best_is_the_lowest_and_can_be_fitted(selection):
    assert selection.best_model == ("EEE", 3)  # as mclust has it
    assert selection.best.bic == pytest.approx(selection.table["bic"].min(), abs=1e-3)
    assert selection.wide().shape == (3, 3)
    assert "3" in str(selection)


def test_unsound_fits_are_not_best():
    x = np.concatenate([np.random.default_rng(0).normal(size=60), np.full(20, 4.0)])
    selection = select_components(x, [1, 2], ["V"], restarts=4, seed=0)
    by_count = selection.table.set_index("components")
    assert by_count.loc[2, "status"] is Status.COLLAPSED
    assert by_count.loc[2, "bic"] < by_count.loc[1, "bic"]
    assert selection.best_model == ("V", 1)
    assert np.isnan(selection.wide().loc[2, "V"])


def test_the_picture_has_a_line_for_each_structure(selection):
    ax = plot_selection(selection)
    assert [line.get_label() for line in ax.lines] == ["EEE", "VVI", "EVE", "EEE, 3"]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), selection.wide()["EEE"])
    plt.close(ax.figure)


def test_constant_data_are_swept_without_a_warning_and_every_fit_says_that_it_collapsed():
    selection = select_components(
        np.ones((20, 2)), [1, 2, 3], ["EII", "VVV"], restarts=10, seed=0
    )  # warnings are errors
    assert set(selection.table["status"]) == {Status.COLLAPSED}
    ax = plot_selection(selection)
    assert not ax.lines
    assert [text.get_text() for text in ax.texts] == ["No fit is sound:\n6 collapsed"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("components", "BIC")
    ax.figure.canvas.draw()
    plt.close(ax.figure)


@pytest.mark.parametrize("distinct", [1, 2, 3])
def test_fewer_different_rows_than_components_have_partitions(distinct):
    x = np.arange(30.0)[:, None] % distinct
    for partition in Partitions(x, seed=0, verb="fit_em").draw(4, 12):
        assert partition.labels.shape == (30,)
        assert partition.labels.min() >= 0 and partition.labels.max() < 4


def test_one_number_and_one_structure_are_lists_of_one_and_repeats_are_dropped():
    x = FAITHFUL[:40]
    one = select_components(x, 2, "EII", restarts=2, max_steps=5, seed=0)
    several = select_components(x, [2, 2], ["EII", "EII"], restarts=2, max_steps=5, seed=0)
    for selection in (one, several):
        assert selection.table[["structure", "components"]].to_numpy().tolist() == [["EII", 2]]


def test_known_labels_hold_in_every_fit():
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1], 40)
    x = Observations(rng.normal(1.5 * truth), labels=np.where(np.arange(80) % 2, truth, -1))
    selection = select_components(x, [2, 3], ["E"], restarts=8, seed=0)
    for components in (2, 3):
        fit = selection.fit("E", components)
        row = selection.table.query("components == @components").iloc[0]
        # log p(x, known labels): by hand, a labelled row belongs to its component alone
        joint = norm.logpdf(x.x[:, None], fit.parameters["loc"], fit.parameters["scale"]) + np.log(
            fit.parameters["weights"]
        )
        known = x.labels >= 0
        expected = joint[known, x.labels[known]].sum() + logsumexp(joint[~known], axis=1).sum()
        assert row["log_likelihood"] == pytest.approx(expected, abs=1e-3)
    alone = fit_em(gaussian_mixture(2, "E"), x, restarts=8, seed=0)
    assert selection.fit("E", 2).log_likelihood == pytest.approx(alone.log_likelihood, abs=1e-6)


def test_bad_arguments_say_what_is_wrong():
    with pytest.raises(ModelError, match="max_steps"):
        select_components(FAITHFUL, [2], max_steps=0, seed=0)
    with pytest.raises(DataError, match="labels: got 1 at row 1"):
        select_components(Observations([0.0, 1.0, 2.0], labels=[0, 1, -1]), [1], seed=0)
    with pytest.raises(ChoiceError, match="criterion"):
        select_components(FAITHFUL, criterion="waic", seed=0)
    for nothing in ({"components": []}, {"components": range(1, 3), "structures": []}):
        with pytest.raises(DataError, match="got none; expected at least one of each"):
            select_components(FAITHFUL, **nothing, seed=0)
    with pytest.raises(ModelError, match="at most as many components as rows"):
        select_components(FAITHFUL[:3], [4], seed=0)
