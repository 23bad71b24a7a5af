"""A label that says a row is of a component whose bounds it lies beyond is refused, row and component named."""

import numpy as np
import pandas as pd
import pytest

from inference import classify, fit_em, fit_map, log_likelihood, responsibilities, select_components
from mixtures import Mixture, Observations, families
from mixtures.errors import DataError
from mixtures.families.members import can_be

ZEROS = families.PerComponent([families.PointMass(0.0), families.Poisson()])
COUNTS = np.array([0.0, 0.0, 1.0, 2.0, 5.0, 6.0])
NOISE = families.WithNoise(families.Gaussian(), (0.0, 0.0), (1.0, 2.0))
PLANE = np.array([[0.5, 1.0], [0.5, 3.0], [-1.0, 1.0], [1.0, 2.0], [0.2, 0.1]])
TABLE = families.Product({"a": families.WithNoise(families.Gaussian(), 0.0, 1.0), "b": ZEROS})


@pytest.mark.parametrize(
    ("family", "x", "expected"),
    [
        # the value itself, or any count
        (ZEROS, COUNTS, np.stack([COUNTS == 0, np.full(6, True)], axis=1)),
        # noise between the bounds, ends included, in every column that was observed
        (NOISE, PLANE, [[1, 1, 1], [0, 1, 1], [0, 1, 1], [1, 1, 1], [1, 1, 1]]),
        (NOISE, np.array([[np.nan, 3.0], [np.nan, 1.0], [np.nan, np.nan]]), [[0, 1, 1], [1, 1, 1], [1, 1, 1]]),
        # both columns must allow for it
        (TABLE, np.array([[0.5, 0.0], [0.5, 1.0], [2.0, 0.0], [2.0, 1.0]]), [[1, 1], [0, 1], [0, 1], [0, 1]]),
        (families.PerComponent([families.Uniform(0, 2), families.Uniform(1, 3)]), np.array([0.5, 1.5, 2.5, 4.0]),
         [[1, 0], [1, 1], [0, 1], [0, 0]]),
        (families.Gaussian(), PLANE, np.ones((5, 2))),
    ],
)  # fmt: skip
def test_the_bounds_of_a_family_say_what_a_row_can_be(family, x, expected):
    expected = np.asarray(expected, dtype=bool)
    np.testing.assert_array_equal(can_be(family, x, expected.shape[1]), expected)


def test_a_row_that_its_label_rules_out_is_named():
    model, labels = Mixture(2, ZEROS), [-1, -1, 0, -1, -1, -1]
    said = r"labels: got 0 at row 2, which cannot be of that component: x there is 1.0; .* \[1\], or -1\. Mend"
    for ask in (
        lambda: fit_em(model, COUNTS, labels=labels, seed=0),
        lambda: fit_map(model, Observations(COUNTS, labels=labels), seed=0),
    ):
        with pytest.raises(DataError, match=said):
            ask()


def test_rows_beyond_the_noise_are_named_and_counted():
    frame = pd.DataFrame(PLANE, columns=["a", "b"], index=list("vwxyz"))
    with pytest.raises(DataError, match=r"0 at row 1 \('w'\), which .* \[0.5 3. \], and so for 1 more; .*\[1, 2\]"):
        fit_em(Mixture(3, NOISE), Observations(frame, labels=[0, 0, 0, 1, -1]), seed=0)


@pytest.mark.parametrize("ask", [responsibilities, classify, log_likelihood])
def test_rows_that_no_component_can_produce_are_named(ask):
    """A density of 0 everywhere has no responsibilities; backends would make some up."""
    bounded = Mixture(2, families.PerComponent([families.PointMass(0.0), families.Uniform(0.0, 9.0, whole=True)]))
    said = r"x: got 20\.0 at row 1; expected rows that some component can describe"
    with pytest.raises(DataError, match=said):
        fit_em(bounded, [0.0, 20.0, 3.0], restarts=1, seed=0)
    fit = fit_em(bounded, [0.0, 0.0, 3.0, 5.0], restarts=1, seed=0)
    with pytest.raises(DataError, match=said):
        ask(fit, [0.0, 20.0])


def test_labels_that_are_possible_are_taken_and_new_rows_are_judged_too():
    x = np.r_[np.zeros(8), [1.0, 2.0, 5.0, 6.0, 3.0, 4.0]]
    model, labels = Mixture(2, ZEROS), np.r_[0, np.full(12, -1), 1]
    fit = fit_em(model, x, labels=labels, restarts=2, seed=0)
    assert fit.log_likelihood > -60  # of 14 small counts; an impossible row alone would cost 100,000
    with pytest.raises(DataError, match="0 at row 1, which cannot be"):
        responsibilities(fit, Observations([0.0, 1.0], labels=[-1, 0]))
    sound = select_components(x[8:], [2], ["E"], restarts=1, seed=0)  # Gaussian components have no bounds
    assert len(sound.table) == 1
