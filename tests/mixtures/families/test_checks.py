"""What a family cannot describe is refused with rows, columns and advice; so is a declaration that makes no sense."""

import re

import numpy as np
import pandas as pd
import pytest

import inference
import mixtures
from inference.backends import engine
from mixtures import Mixture, Observations, families, priors, specification, weights
from mixtures.errors import ChoiceError, DataError, ModelError
from tests.family_cases import CASES


@pytest.mark.parametrize(
    ("family", "bad", "text"),
    [
        (families.Poisson(), -1.0, "counts: whole numbers >= 0"),
        (families.NegativeBinomial(), 1.5, "counts: whole numbers >= 0"),
        (families.ZeroInflatedPoisson(), 0.5, "counts"),
        (families.Bernoulli(), 2.0, "whole numbers from 0 to 1"),
        (families.Binomial(3), 4.0, "whole numbers from 0 to 3"),
        (families.Categorical(3), 3.0, "whole numbers from 0 to 2"),
        (families.Exponential(), -0.1, "numbers >= 0"),
        (families.Gamma(), 0.0, "numbers > 0"),
        (families.LogNormal(), 0.0, "numbers > 0"),
        (families.Weibull(), -2.0, "numbers > 0"),
        (families.Beta(), 1.0, "strictly between 0 and 1"),
        (families.VonMises(), 7.0, "from -pi to pi"),
    ],
)
def test_values_outside_the_support_are_named(family, bad, text):
    good = family.parts().support.example
    frame = pd.DataFrame({"a": [good, good, good], "b": [good, good, bad]}, index=["x", "y", "z"])
    with pytest.raises(DataError, match=rf"{bad} at row 2 \('z'\), column 'b'; expected .*{text}"):
        Mixture(2, family).check(Observations(frame))
    Mixture(2, family).check(Observations(frame[["a", "a"]].to_numpy()))


@pytest.mark.parametrize(
    ("family", "x", "advice"),
    [
        (families.Categorical(3), [1, 2, 3, 1], "Numbers begin at 0 here, and at 1 in the data: pass x - 1."),
        (families.Categorical(3), [[1, 3], [2, 1]], "pass x - 1."),
        (families.Categorical(3), [1.0, np.nan, 3.0], "pass x - 1."),
        (families.Categorical(3), [0, 1, 3], "The data go up to 3: declare as many, or drop or mend these rows."),
        (families.Categorical(3), [1, 2, 7], "The data go up to 7: declare as many"),
        (families.Categorical(3), [0.5, 1, 3], "Drop or mend these rows"),
        (families.Categorical(3), [-1, 1, 2], "Drop or mend these rows"),
        (families.Bernoulli(), [[1, 2], [2, 1]], "pass x - 1."),
        (families.Binomial(5), [2, 6, 3], "The data go up to 6: declare as many"),
        (families.Regression("bernoulli"), [1, 2, 1], "pass x - 1."),
        (
            families.Product({"a": families.Categorical(2), "b": families.Gaussian()}),
            [[1, 0.5], [2, 7.0]],
            "pass x - 1.",
        ),
    ],
)
def test_numbers_that_begin_at_one_are_told_apart_from_numbers_too_large(family, x, advice):
    with pytest.raises(DataError, match=re.escape(advice)):
        family.check(Observations(x, missing="allow"))


def test_multinomial_rows_must_add_up():
    with pytest.raises(DataError, match=r"at row 1; expected rows that add up to 3"):
        families.Multinomial(3).check(Observations([[1, 2], [2, 2]]))
    with pytest.raises(DataError, match="one column for each category"):
        families.Multinomial(3).check(Observations([1, 2]))


def test_a_product_takes_its_columns_in_order():
    model = Mixture(2, families.Product({"length": families.Gaussian(), "visits": families.Poisson()}))
    frame = pd.DataFrame({"length": [0.5, 1.5], "visits": [1, 2]})
    model.check(Observations(frame))
    model.check(Observations(frame.to_numpy()))
    with pytest.raises(DataError, match=r"x\[\['length', 'visits'\]\]"):
        model.check(Observations(frame[["visits", "length"]]))
    with pytest.raises(DataError, match=r"-1.0 at row 1, column 'visits'"):
        model.check(Observations(frame.assign(visits=[1, -1])))
    with pytest.raises(ModelError, match="names all different"):
        families.Product({"weights": families.Gaussian()})
    with pytest.raises(ChoiceError, match="'length_loc'"):
        families.Product({"length": families.Gaussian()}, priors={"loc": priors.Normal()})


def test_a_data_frame_of_mixed_types_is_read():
    frame = pd.DataFrame({"length": [0.5, 1.5], "visits": [1, 2], "smoker": [True, False]})
    np.testing.assert_array_equal(Observations(frame).x, [[0.5, 1, 1], [1.5, 2, 0]])


def test_covariates_missing_of_another_length_or_absent_later():
    model = mixtures.regression_mixture(2)
    y, c = np.arange(6.0), np.array([1.0, 2.0, 1.5, 3.0, 2.5, 0.5])
    with pytest.raises(DataError, match=r"covariates: got none.*Observations\(x, covariates=...\)"):
        inference.fit_map(model, y, seed=0)
    with pytest.raises(DataError, match="one row for each of the 6 rows"):
        Observations(y, covariates=c[:5])
    fit = inference.fit_map(model, Observations(y, covariates=c), restarts=2, steps=20, seed=0)
    with pytest.raises(DataError, match="covariates: got none"):
        inference.classify(fit, y)
    with pytest.raises(DataError, match="got 2 columns; expected 1 column, as in"):
        inference.classify(fit, Observations(y, covariates=np.column_stack([c, c])))
    assert inference.classify(fit, Observations(y[:2], covariates=c[:2])).shape == (2,)
    with pytest.raises(DataError, match="the response alone"):
        model.check(Observations(np.ones((3, 2)), covariates=[1.0, 2.0, 3.0]))


def test_declarations_that_make_no_sense():
    with pytest.raises(ModelError, match="3; expected 2, one for each of the families"):
        Mixture(3, families.PerComponent([families.Gaussian(), families.StudentT()]))
    with pytest.raises(ModelError, match="low < high"):
        families.WithNoise(families.Gaussian(), 1.0, 0.0)
    with pytest.raises(ModelError, match="df"):
        families.StudentT(df=-1.0)
    with pytest.raises(ModelError, match="int >= 2"):
        families.Categorical(1)
    with pytest.raises(ChoiceError, match="'gaussian', 'student_t', 'gamma', 'poisson', 'bernoulli'"):
        families.Regression("weibull")
    with pytest.raises(ModelError, match="df: got 4.0 beside kind 'gaussian'"):
        families.Regression(df=4.0)
    with pytest.raises(ModelError, match="df: got -1.0; expected a positive number"):
        families.Regression("student_t", df=-1.0)
    with pytest.raises(ChoiceError, match="'gating_intercept', 'gating_slope'"):
        weights.Gating({"slope": priors.Normal()})


TABLE = families.Product({"a": families.Gaussian(), "b": families.Poisson()})


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda: families.WithNoise(TABLE, 0.0, 1.0), r"a Product.*own noise: Product\("),
        (lambda: families.WithNoise(families.Multinomial(3), 0, 3), "Multinomial.*add up to a total"),
        (lambda: families.WithNoise(families.Poisson(), 0.0, 9.5), "0.0, 9.5.*whole numbers"),
        (lambda: families.PerComponent([families.Gaussian(), families.Poisson()]), "Gaussian, Poisson.*of counts, or"),
        (
            lambda: families.PerComponent([families.PointMass(0.0), families.Gamma()]),
            "PointMass, Gamma.*on the unit.*Product",
        ),
        (lambda: families.PerComponent([TABLE, TABLE]), r"a Product.*PerComponent\("),
        (
            lambda: families.WithNoise(families.PerComponent([families.Gaussian()] * 2), 0.0, 1.0),
            r"a family for each component.*PerComponent\(\[Uniform",
        ),
        (lambda: families.WithNoise("gaussian", 0.0, 1.0), r"'gaussian'.*a family, such as families.Gaussian\(\)"),
        (lambda: families.Uniform(0.5, 3.0, whole=True), "0.5, 3.0.*whole numbers"),
        (lambda: families.Product({"labels": families.Gaussian()}), "none of .*labels"),
        (
            lambda: families.Product({"length": families.Gaussian(), "length_loc": families.Gaussian()}),
            "'length_loc', which is a site of another",
        ),
        (lambda: families.Product({"a": TABLE}), r"several columns for \['a'\].*one variable"),
        (
            lambda: families.Product(
                {
                    "a": families.PerComponent([families.Gaussian()] * 2),
                    "b": families.PerComponent([families.Gaussian()] * 3),
                }
            ),
            r"families of \[2, 3\] components",
        ),
        (
            lambda: Mixture(3, families.Product({"a": families.PerComponent([families.Gaussian()] * 2)})),
            "3; expected 2, one for each of the families",
        ),
        (
            lambda: families.WithNoise(families.WithNoise(families.Gaussian(), 0, 1), 0, 1),
            r"a WithNoise.*PerComponent\(\[Uniform",
        ),
        (
            lambda: families.PerComponent([families.Gaussian(), families.WithNoise(families.Gaussian(), 0, 1)]),
            "a WithNoise, which is several components",
        ),
        (lambda: families.PerComponent([families.PerComponent([families.Gaussian()])]), "a PerComponent, which is sev"),
    ],
)
def test_families_that_cannot_be_put_together_say_what_can(declare, said):
    with pytest.raises(ModelError, match=said):
        declare()


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda: families.PerComponent(3), "members: got 3; expected a list of families"),
        (lambda: families.PerComponent(families.Gaussian()), r"members: got Gaussian\(.*expected a list of families"),
        (lambda: families.PerComponent("ab"), "members: got 'ab'; expected a list of families"),
        (lambda: families.PerComponent([]), r"members: got \[\]"),
        (
            lambda: families.PerComponent([families.Gaussian, families.Gamma()]),
            r"members: got the class Gaussian; .*Call it: Gaussian\(...\)",
        ),
        (lambda: families.PerComponent([None, families.Gamma()]), "members: got None; expected a family"),
        (lambda: families.Product(3), r"columns: got 3; expected \{column: family\}"),
        (lambda: families.Product([families.Gaussian()]), r"columns: got \[Gaussian.*expected \{column: family\}"),
        (lambda: families.Product({"a": families.Gaussian}), r"columns\['a'\]: got the class Gaussian; .*Call it"),
        (lambda: families.Product({"a": "gaussian"}), r"columns\['a'\]: got 'gaussian'; expected a family"),
        (lambda: families.WithNoise(families.Gaussian, 0, 3), r"family: got the class Gaussian; .*Call it: Gaussian\("),
        (lambda: families.WithNoise(families.Gaussian(), "a", 3), "low: got 'a'; expected a number"),
        (lambda: families.WithNoise(families.Gaussian(), 0, None), "high: got None; expected a number"),
        (lambda: families.Uniform([[0.0], [0.0, 1.0]], 3), r"low: got \[\[0.0\], .*one for each column"),
        (lambda: families.Uniform((0.0, 0.0), (1.0, 1.0, 1.0)), "low, high: got 2 and 3 numbers"),
        (lambda: families.Uniform(0.0, ()), r"high: got \(\)"),
        (lambda: families.PointMass("a"), "value: got 'a'; expected a finite number"),
        (lambda: families.PointMass(np.nan), "value: got nan"),
    ],
)
def test_parts_of_a_declaration_that_are_no_families_or_numbers(declare, said):
    with pytest.raises(ModelError, match=said):
        declare()


@pytest.mark.parametrize(
    ("family", "x"),
    [
        (families.WithNoise(families.Gaussian(), (0.0, 0.0), (1.0, 1.0)), np.ones((4, 3))),
        (families.WithNoise(families.Gaussian(), 0.0, (1.0, 1.0)), np.ones((4, 3))),
        (families.WithNoise(families.Gaussian(), (0.0, 0.0), 1.0), np.ones(4)),
        (families.PerComponent([families.Uniform((0.0, 0.0), 2.0), families.Gaussian()]), np.ones((4, 3))),
        (families.Product({"a": families.WithNoise(families.Gaussian(), (0.0, 0.0), 1.0)}), np.ones(4)),
    ],
)
def test_bounds_must_match_the_columns(family, x):
    columns = x.shape[1] if x.ndim == 2 else 1
    with pytest.raises(DataError, match=rf"x: got {columns} columns?; expected 2, one for each of the bounds"):
        Mixture(2, family).check(Observations(x))


def test_bounds_that_match_the_columns_are_taken():
    for low, x in [((0.0,), np.ones(4)), ((0.0, 0.5), np.ones((4, 2))), (0.0, np.ones((4, 2))), (0, np.ones(4))]:
        model = Mixture(2, families.WithNoise(families.Gaussian(), low, 2.0))
        model.check(Observations(x))
        assert specification.from_json(specification.to_json(model)) == model


@pytest.mark.parametrize(
    "family",
    [
        families.Binomial(np.int64(10)),
        families.StudentT(df=np.float32(4)),
        families.PerComponent([families.PointMass(np.int64(0)), families.Poisson()]),
        families.Categorical(np.int32(3)),
    ],
)
def test_numpys_numbers_are_saved_as_numbers(family):
    model = Mixture(2, family)
    assert specification.from_json(specification.to_json(model)) == model


def test_a_uniform_member_is_noise_by_another_name():
    """A component of its own kind beside two others is the noise of `WithNoise`."""
    x = Observations(np.random.default_rng(0).normal(size=9))
    members = [families.Uniform(-4.0, 5.0), families.Gaussian(), families.Gaussian()]
    one, other = Mixture(3, families.PerComponent(members)), Mixture(3, families.WithNoise(families.Gaussian(), -4, 5))
    weights = np.array([0.2, 0.3, 0.5])
    numbered = {"loc_1": 0.0, "scale_1": 1.0, "loc_2": 1.0, "scale_2": 2.0}
    table = engine("numpyro").log_joint(one, {"weights": weights, **{k: np.array(v) for k, v in numbered.items()}}, x)
    together = {"weights": weights, "loc": np.array([9.0, 0.0, 1.0]), "scale": np.array([9.0, 1.0, 2.0])}
    np.testing.assert_allclose(table, engine("numpyro").log_joint(other, together, x), rtol=1e-12)
    sites = engine("numpyro").sites
    assert sites(one, x).free_parameters == sites(other, x).free_parameters


def test_what_was_cut_off_is_of_no_component_and_no_cell_that_stands_for_missing_ones():
    def parts(family, **bounds):
        return families.Truncated(family, **bounds).parts()

    x = np.array([0.5, 1.0, np.nan, 1.5, 2.0, 2.5])
    inside = [False, True, True, True, True, False]
    for bounds, right in (({"low": 1.0, "high": 2.0}, inside), ({"low": 1.0}, x != 0.5), ({"high": 2.0}, x != 2.5)):
        np.testing.assert_array_equal(parts(families.Gaussian(), **bounds).can_be(x, 2), np.transpose([right, right]))
    usual = families.Gaussian().parts().support.example
    for bounds, example in (
        ({"low": usual - 1.0, "high": usual}, usual),
        ({"low": usual, "high": usual + 1.0}, usual),
        ({"low": usual + 2.0}, usual + 2.0),
        ({"high": usual - 3.0}, usual - 3.0),
        ({"low": (usual + 1.0, usual + 2.0), "high": usual + 4.0}, usual + 2.0),
        ({"low": -np.inf, "high": (usual - 1.0, usual + 1.0)}, usual - 1.0),
    ):
        assert parts(families.Gaussian(), **bounds).support.example == example
    for low, high in ((1.0, 1.0), (2.0, 1.0), ((0.0, 1.0), (1.0, 1.0)), (-np.inf, np.inf)):
        with pytest.raises(ModelError, match="low, high: got .* expected low < high, not both infinite"):
            families.Truncated(families.Gaussian(), low, high)


@pytest.mark.parametrize("name", CASES)
def test_every_declaration_can_be_printed_hashed_saved_and_scaled(name):
    model, x = CASES[name].model, CASES[name].data()
    assert "assignment[i]" in str(model)
    scaled = model.scaled_to(x)
    assert all(prior.is_scaled for prior in scaled.priors.values())
    assert hash(scaled) == hash(model.scaled_to(x))
    assert specification.from_json(specification.to_json(scaled)) == scaled
    assert "assignment[i]" in str(scaled)
