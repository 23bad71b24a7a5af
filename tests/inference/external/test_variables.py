"""External variables in every form that they come in, units that are groups, and what is refused in words."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from scipy.stats import norm

import inference
import mixtures
from inference.backends import bind
from inference.external.outcomes import Outcome, read_outcome
from inference.external.units import Units, units_of
from mixtures import Observations
from mixtures.assignments import Gating, PerGroup
from mixtures.errors import ChoiceError, DataError, FitError, ModelError

CORRECTIONS = ("ml", "bch", "two-step", "none")


@pytest.fixture(scope="module")
def small():
    """Eighty rows of two overlapping normals, of one fit, and an outcome."""
    rng = np.random.default_rng(5)
    z = np.arange(80) % 2
    x = pd.Series(rng.normal(2.5 * z, 1.0), name="size")
    fit = inference.fit_em(mixtures.gaussian_mixture(2, "tied"), x, restarts=5, seed=0)
    return fit, x, pd.Series(rng.normal(z, 1.0), name="y")


@pytest.mark.quick("numpyro", reason="the other asks the same the other way round")
def test_both_backends_give_one_table(study):
    other = dataclasses.replace(study.fit.origin, backend="pyro" if study.fit.backend == "numpyro" else "numpyro")
    for correction in CORRECTIONS:
        for question in ({"outcome": "y"}, {"covariates": "age"}):
            one, two = (
                inference.external(fit, study.frame, correction=correction, **question)
                for fit in (study.fit, dataclasses.replace(study.fit, origin=other))
            )
            np.testing.assert_allclose(one.estimates, two.estimates, rtol=1e-5, atol=1e-9)
            np.testing.assert_allclose(one.tests, two.tests, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_rows_without_the_external_variable_are_left_out_and_counted(small, correction):
    fit, x, y = small
    missing = y.where(np.arange(80) >= 7)
    found = inference.external(fit, x, outcome=missing, correction=correction)
    assert (found.used, found.left_out) == (73, 7)
    assert "73 rows, 7 left out" in str(found)
    filled = inference.external(fit, x, outcome=y, correction=correction)
    assert np.abs(found.estimates["estimate"] - filled.estimates["estimate"]).max() > 1e-6
    np.testing.assert_allclose(found.classification, filled.classification)  # of all rows


def test_a_formula_a_column_and_an_array_are_one_question(study):
    frame = study.frame.assign(centred=study.frame["age"] - 40)
    by_name = inference.external(study.fit, frame, covariates="centred")
    by_array = inference.external(study.fit, study.items, covariates=frame["centred"].to_numpy())
    by_formula = inference.external(study.fit, study.items, covariates="~ I(age - 40)", data=frame)
    np.testing.assert_allclose(by_name.covariance, by_array.covariance)
    np.testing.assert_allclose(by_name.covariance, by_formula.covariance)
    assert by_name.to_frame().index[1] == (study.fit.components[1], "centred")


def test_factors_of_a_formula_are_coded_and_rows_that_lack_one_left_out(study):
    frame = study.frame.copy()
    frame.loc[frame.index[:5], "group"] = None
    found = inference.external(study.fit, frame, covariates="~ age + C(group)")
    assert found.left_out == 5
    assert list(found.tests.index) == ["age", "C(group)[T.v]", "C(group)[T.w]"]
    dummies = np.column_stack([frame["age"], frame["group"] == "v", frame["group"] == "w"])[5:]
    origin = dataclasses.replace(study.fit.origin, fingerprint=Observations(study.items.iloc[5:]).fingerprint)
    fewer = inference.external(
        dataclasses.replace(study.fit, origin=origin),
        study.items.iloc[5:],
        covariates=dummies.astype(float),
        correction="none",
    )
    again = inference.external(study.fit, frame, covariates="~ age + C(group)", correction="none")
    np.testing.assert_allclose(again.estimates["estimate"], fewer.estimates["estimate"], rtol=1e-7)


def test_reference_is_by_name_or_number_and_changes_the_sign(small):
    fit, x, y = small
    named = inference.name_components(fit, ["a", "b"])
    one = inference.external(named, x, covariates=y)
    two = inference.external(named, x, covariates=y, reference="b")
    assert one.reference == "a" and "against a" in str(one)
    np.testing.assert_allclose(one.estimates["estimate"], -two.estimates["estimate"].to_numpy(), rtol=1e-6)
    np.testing.assert_allclose(
        inference.external(fit, x, covariates=y, reference=1).covariance, two.covariance, rtol=1e-9
    )


def test_the_kind_of_an_outcome_is_that_of_its_values(small):
    fit, x, y = small
    kinds = {
        "continuous": y,
        "categorical": [["a", "b", "c"][row % 3] for row in range(80)],
    }
    for kind, outcome in kinds.items():
        assert inference.external(fit, x, outcome=outcome).kind == kind
    yes = (y > 0).to_numpy()
    one, two, three = (
        inference.external(fit, x, outcome=values) for values in (yes, yes.astype(int), yes.astype(float))
    )
    assert one.kind == two.kind == three.kind == "categorical"
    np.testing.assert_allclose(one.covariance, two.covariance)
    assert one.to_frame().index[0][1] == "P(True)" and two.to_frame().index[0][1] == "P(1)"
    whole = np.arange(80) % 5
    assert inference.external(fit, x, outcome=whole).kind == "continuous"
    rates = inference.external(fit, x, outcome=whole, kind="count").to_frame()["estimate"]
    means = inference.external(fit, x, outcome=whole, correction="none").to_frame()["estimate"].xs("mean", level=1)
    counted = inference.external(fit, x, outcome=whole, kind="count", correction="none").to_frame()["estimate"]
    np.testing.assert_allclose(counted, means)
    assert rates.index[0][1] == "rate"
    named = inference.external(fit, x, outcome=whole, kind="categorical").to_frame()
    assert named.index[0][1] == "P(0)" and len(named) == 10


def test_an_outcome_is_coded_by_the_categories_that_there_are():
    few = Outcome("mood", np.array([2.0, 0.0, 2.0])[:, None], "categorical", ("a", "b", "c"))
    kind = few.structural(few.values, 2, 0).kind
    assert kind.names == ("a", "c") and kind.y.tolist() == [1.0, 0.0, 1.0]
    code = np.arange(51.0)[:, None]
    many = Outcome("code", code, "categorical", ())
    assert many.structural(code[:50], 2, 0).kind.names == tuple(map(str, range(50)))
    with pytest.raises(DataError, match="got 51 categories; expected 50 at most"):
        many.structural(code, 2, 0)
    model = Outcome("size", code, "continuous", ()).structural(code, 2, 0)
    assert (model.middle, model.unit) == (25.0, pytest.approx(np.sqrt((51**2 - 1) / 12)))
    np.testing.assert_allclose(model.kind.y, (code[:, 0] - 25.0) / model.unit)
    ranked = pd.Series(pd.Categorical(["high", "low", None], categories=["low", "high"]), name="rank")
    read = read_outcome(ranked, None, None, Observations([0.0, 1.0, 2.0]))
    assert (read.title, read.kind, read.names) == ("rank", "categorical", ("low", "high"))
    np.testing.assert_array_equal(read.values, [[1.0], [0.0], [np.nan]])


@pytest.mark.parametrize("factor", [1e-12, 1e12])
def test_answers_do_not_depend_on_units(small, factor):
    fit, x, y = small
    for correction in CORRECTIONS:
        plain = inference.external(fit, x, outcome=y, correction=correction).estimates["z"]
        np.testing.assert_allclose(
            inference.external(fit, x, outcome=y * factor, correction=correction).estimates["z"], plain, rtol=1e-6
        )
        slope = inference.external(fit, x, covariates=y, correction=correction).estimates.iloc[1]
        other = inference.external(fit, x, covariates=y * factor, correction=correction).estimates.iloc[1]
        assert other["estimate"] * factor == pytest.approx(slope["estimate"], rel=1e-6)
        assert other["z"] == pytest.approx(slope["z"], rel=1e-6)


def test_groups_are_units_and_groups_of_one_row_are_rows(small):
    fit, x, y = small
    rows = np.arange(80)
    grouped = Observations(x, group=rows)
    model = mixtures.Mixture(2, mixtures.gaussian_mixture(2, "tied").family, PerGroup())
    own = inference.fit_em(model, grouped, restarts=5, seed=0)
    same = dataclasses.replace(own, parameters=fit.parameters)
    for correction in CORRECTIONS:
        one = inference.external(fit, x, outcome=y, correction=correction)
        two = inference.external(same, grouped, outcome=y, correction=correction)
        assert "80 groups" in str(two)
        if correction != "two-step":  # whose first step has a prior of its own
            np.testing.assert_allclose(one.covariance, two.covariance, rtol=1e-6)
        np.testing.assert_allclose(one.estimates["estimate"], two.estimates["estimate"], rtol=1e-8)


def test_a_group_has_the_value_of_its_rows():
    bound = bind(mixtures.gaussian_mixture(2), Observations(np.arange(5.0)), "numpyro")
    group = np.array([1, 0, 1, 1, 0])
    units = Units(bound, ("a", "b"), np.ones(2), np.array([1, 0]), group)
    values = np.array([2.0, np.nan, 2.0, 2.0, np.nan])[:, None]
    own = Outcome("y", values, "continuous", ()).of_units(units)
    np.testing.assert_array_equal(own, [[np.nan], [2.0]])
    for row, other in ((3, np.nan), (4, 5.0), (2, 2.5)):
        differing = values.copy()
        differing[row] = other
        with pytest.raises(DataError, match=f"got {other:g} at row {row}; expected one value a group"):
            Outcome("y", differing, "continuous", ()).of_units(units)


def test_a_groups_class_is_that_of_all_its_rows(small):
    _, x, y = small
    group = np.arange(80) % 2 + 2 * (np.arange(80) // 8)  # four rows each, all of one class
    grouped = Observations(x, group=group)
    model = mixtures.Mixture(2, mixtures.gaussian_mixture(2, "tied").family, PerGroup())
    fit = inference.fit_em(model, grouped, restarts=5, seed=0)
    value = y.to_numpy()[:20]
    found = inference.external(fit, grouped, outcome=value[group], correction="none", assignment="proportional")
    posterior = np.array([inference.responsibilities(fit, grouped)[group == g][0] for g in range(20)])
    means = found.to_frame()["estimate"].xs("mean", level="parameter")
    np.testing.assert_allclose(means, value @ posterior / posterior.sum(axis=0), rtol=1e-8)
    for correction in ("ml", "bch", "two-step"):
        assert np.isfinite(
            inference.external(fit, grouped, outcome=value[group], correction=correction).covariance
        ).all()
    with pytest.raises(DataError, match="one value a group, the same in all of its rows"):
        inference.external(fit, grouped, outcome=y)


def test_a_group_counts_once_if_a_row_of_it_says_anything(small):
    """By SciPy's densities, added up over the rows of a group that were seen."""
    fit, x, y = small
    group, seen = np.arange(80) // 4, x.to_numpy().copy()
    seen[[0, 1, 2, 3, 5]] = np.nan  # a whole group, and a row of another
    grouped = Observations(seen, group=group, missing="allow")
    model = mixtures.Mixture(2, mixtures.gaussian_mixture(2, "tied").family, PerGroup())
    one = dataclasses.replace(inference.fit_map(model, grouped, restarts=2, seed=0), parameters=fit.parameters)
    loc, scale, weights = (fit.parameters[name] for name in ("loc", "scale", "weights"))
    rows = np.where(np.isnan(seen)[:, None], 0.0, norm.logpdf(seen[:, None], loc, scale))
    table = np.stack([rows[group == g].sum(axis=0) for g in range(20)])
    posterior = softmax(np.log(weights) + table, axis=1)
    units = units_of(one, grouped, "two-step")
    np.testing.assert_allclose(units.emissions(fit.parameters), table, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(units.posterior(fit.parameters), posterior, rtol=1e-9)
    assert units.times.tolist() == [0.0] + [1.0] * 19
    value = y.to_numpy()[:20]
    found = inference.external(one, grouped, outcome=value[group], correction="none", assignment="proportional")
    assert (found.used, found.left_out) == (19, 1)
    means = found.to_frame()["estimate"].xs("mean", level="parameter")
    np.testing.assert_allclose(means, value[1:] @ posterior[1:] / posterior[1:].sum(axis=0), rtol=1e-8)


def test_a_variance_that_comes_out_negative_is_said_and_has_no_silent_number(study):
    y = np.where(study.frame["y"] > 2.0, 6.0, 0.0) + 1e-3 * study.frame["y"]
    posterior = inference.responsibilities(study.fit, study.items).to_numpy()
    few = study.fit.components.index("few")
    y = np.where(
        posterior.argmax(axis=1) == few, 3.0, y
    )  # one value where "few" is assigned: its variance is overcorrected
    found = inference.external(study.fit, study.items, outcome=y, correction="bch")
    assert found.to_frame().loc[("few", "variance"), "estimate"] < 0
    assert "Few: its variance comes out negative." in str(found)


@pytest.mark.parametrize("correction", ["ml", "two-step"])
def test_a_class_with_one_value_has_a_variance_of_zero(small, correction):
    fit, x, y = small
    high = int(fit.parameters["loc"].argmax())
    one_value = np.where(inference.classify(fit, x) == high, 5.0, y)
    found = inference.external(fit, x, outcome=one_value, correction=correction)
    assert found.to_frame().loc[(high, "variance"), "estimate"] == pytest.approx(0.0, abs=1e-5)
    assert f"Component {high}: its variance is 0: the outcome is one value there." in found.notes


def test_a_probability_beyond_its_bounds_is_said(study):
    posterior = inference.responsibilities(study.fit, study.items).to_numpy()
    few = study.fit.components.index("few")
    found = inference.external(study.fit, study.items, outcome=posterior.argmax(axis=1) == few, correction="bch")
    assert str(found).count("outside 0 to 1.") == 3
    assert found.to_frame()["estimate"].max() > 1 and found.to_frame()["estimate"].min() < 0
    text = str(inference.external(study.fit, study.items, outcome=posterior.argmax(axis=1) == few, correction="none"))
    assert "Few: P(True) is on its bound, where it has no standard error." in text


def test_an_outcome_that_takes_the_classes_over_is_said(study):
    rng = np.random.default_rng(0)
    rank = np.argsort(np.argsort(-study.fit.parameters["weights"]))
    classes = inference.responsibilities(study.fit, study.items).to_numpy().argmax(axis=1)
    y = 8.0 * (rng.random(600) < np.array([0.3, 0.5, 0.7])[rank[classes]]) + rng.normal(
        size=600
    )  # two modes in each class
    note = "of rows change their most probable class with the outcome: it has changed the classes. Use bch."
    for correction in ("ml", "two-step"):
        assert note in str(inference.external(study.fit, study.items, outcome=y, correction=correction))
    assert not inference.external(study.fit, study.items, outcome=y, correction="bch").notes


def test_results_are_read_as_text_as_a_table_and_in_a_notebook(small):
    fit, x, y = small
    found = inference.external(fit, x, outcome=y)
    lines = str(found).splitlines()
    assert lines[0].startswith("y, mean and variance by component, by maximum likelihood")
    assert lines[2].split() == ["component", "parameter", "estimate", "standard_error", "z", "p", "lower", "upper"]
    assert repr(found) == f"<External: {lines[0]}>"
    assert "<table" in found._repr_html_()
    assert found.to_frame().columns.tolist() == ["estimate", "standard_error", "z", "p", "lower", "upper"]


REFUSALS = {
    "neither": ({}, ModelError, "got neither; expected one of them"),
    "both": ({"outcome": "y", "covariates": "y"}, ModelError, "got both; expected one of them"),
    "correction": ({"outcome": "y", "correction": "lanza"}, ChoiceError, "one of 'ml', 'bch', 'two-step', 'none'"),
    "assignment": ({"outcome": "y", "assignment": "soft"}, ChoiceError, "one of 'modal', 'proportional'"),
    "kind": ({"outcome": "y", "kind": "ordinal"}, ChoiceError, "one of 'continuous', 'categorical', 'count'"),
    "count": ({"outcome": "y", "kind": "count"}, DataError, "whole numbers from 0, for kind='count'"),
    "kind of covariates": ({"covariates": "y", "kind": "count"}, ModelError, "a covariate has none"),
    "reference of outcome": ({"outcome": "y", "reference": 0}, ModelError, "an outcome has none"),
    "reference": ({"covariates": "y", "reference": "c"}, ModelError, "one of the components"),
    "column": ({"outcome": "z"}, DataError, "outcome: got 'z'; expected one of the columns"),
    "level": ({"outcome": "y", "level": 95}, ModelError, "a share between 0 and 1"),
    "rows": ({"outcome": [1.0, 2.0]}, DataError, "one for each row of x, shape (80,)"),
    "two outcomes": ({"outcome": np.ones((80, 2))}, DataError, "shape (80,). One outcome at a time"),
    "no covariates": ({"covariates": np.ones((80, 0))}, DataError, "shape (80,) or (80, covariates)"),
    "rows of covariates": ({"covariates": np.ones((79, 2))}, DataError, "shape (80,) or (80, covariates)"),
    "infinite covariate": (
        {"covariates": np.where(np.arange(160).reshape(80, 2) == 7, -np.inf, 1.0)},
        DataError,
        "got -inf at row 3",
    ),
    "constant": ({"outcome": np.full(80, 3.0)}, DataError, "got 3 in every row; expected an outcome that varies"),
    "too large": ({"outcome": np.r_[0.0, 2e154, np.zeros(78)]}, DataError, "got 2e+154 at row 1; expected finite"),
    "infinite": (
        {"outcome": np.r_[0.0, np.inf, np.zeros(77), -np.inf]},
        DataError,
        "got inf at row 1; expected finite",
    ),
    "missing": ({"outcome": np.full(80, np.nan)}, DataError, "got 0 rows with a value"),
    "names": ({"outcome": list("ab") * 40, "kind": "continuous"}, DataError, "numbers, for kind='continuous'"),
    "many": ({"outcome": [f"n{i}" for i in range(80)]}, DataError, "got 80 categories; expected 50 at most"),
    "collinear": ({"covariates": np.ones((80, 2))}, DataError, "follows from the others"),
    "response": ({"covariates": "z ~ y"}, ModelError, "a formula without a response, '~ age + C(sex)' say"),
    "unknown variable": ({"covariates": "~ z"}, DataError, "got a table without 'z'"),
}


@pytest.mark.parametrize(("arguments", "error", "text"), REFUSALS.values(), ids=REFUSALS)
def test_what_makes_no_sense_is_refused_in_words(small, arguments, error, text):
    fit, x, y = small
    with pytest.raises(error) as caught:
        inference.external(fit, x, data=pd.DataFrame({"y": y}), **arguments)
    assert text in str(caught.value)


def test_a_column_of_names_wants_a_formula(small):
    fit, x, _ = small
    frame = pd.DataFrame({"city": ["Rome", "Rome", "Oslo", "Oslo"] * 20})
    with pytest.raises(DataError, match=r"'city', a column that is not of numbers.*covariates='~ C\(city\)'"):
        inference.external(fit, x, covariates="city", data=frame)
    assert inference.external(fit, x, covariates="~ C(city)", data=frame).used == 80


def test_names_want_a_frame(small):
    fit, x, _ = small
    with pytest.raises(DataError, match="a DataFrame that has the columns. Pass data=frame"):
        inference.external(fit, x, outcome="y")


def test_other_rows_than_the_fits_are_refused(small):
    fit, x, y = small
    with pytest.raises(DataError, match="expected the data that it was fitted to"):
        inference.external(fit, x[::-1].reset_index(drop=True), outcome=y)
    with pytest.raises(DataError, match="the rows of x in the same order"):
        inference.external(fit, x, outcome=y[::-1])


def test_a_covariate_that_separates_classes_is_refused(small):
    fit, x, _ = small
    with pytest.raises(FitError, match="coefficients that run off to infinity"):
        inference.external(fit, x, covariates=inference.classify(fit, x).to_numpy(dtype=float), correction="none")


def test_chains_fits_of_one_component_and_what_is_no_fit_are_refused(small):
    _, x, y = small
    chain = inference.fit_em(mixtures.hidden_markov(2), x, restarts=2, seed=0)
    with pytest.raises(ModelError, match="a hidden Markov chain; expected one assignment a row"):
        inference.external(chain, x, outcome=y)
    alone = inference.fit_em(mixtures.gaussian_mixture(1), x, restarts=1, seed=0)
    with pytest.raises(ModelError, match="got one component; expected two at least"):
        inference.external(alone, x, outcome=y)
    with pytest.raises(ModelError, match="expected a PointFit"):
        inference.external("no fit", x, outcome=y)


def test_weights_that_depend_on_covariates_want_two_steps(small):
    _, x, y = small
    rng = np.random.default_rng(0)
    given = Observations(x, covariates=rng.normal(size=80))
    model = mixtures.Mixture(2, mixtures.gaussian_mixture(2, "tied").family, Gating())
    fit = inference.fit_map(model, given, restarts=5, seed=0)
    for correction in ("ml", "bch"):
        with pytest.raises(ModelError, match='Use correction="two-step"'):
            inference.external(fit, given, outcome=y, correction=correction)
    found = inference.external(fit, given, outcome=y, correction="two-step")
    assert np.isfinite(found.estimates).all(axis=None)


def test_a_program_of_ones_own_has_classes_too(small):
    fit, x, y = small
    loc, scale, weights = fit.parameters["loc"], float(fit.parameters["scale"]), fit.parameters["weights"]

    @mixtures.declare
    def own(ppl, x):
        middle = ppl.sample("middle", ppl.dist.Normal(0.0, 1.0))
        with ppl.plate("rows", len(x)):
            z = ppl.assign("assignment", ppl.array(weights))
            ppl.sample("obs", ppl.dist.Normal(ppl.array(loc)[z] + middle, scale), obs=x)

    alone = inference.fit_mle(own, x, restarts=2, seed=0)
    at = dataclasses.replace(alone, parameters={"middle": np.zeros(())})
    for correction in ("ml", "bch", "none"):
        found = inference.external(at, x, outcome=y, correction=correction)
        mixture = inference.external(fit, x, outcome=y, correction=correction)
        # the first steps have other parameters, and add other uncertainty
        np.testing.assert_allclose(found.estimates["estimate"], mixture.estimates["estimate"], rtol=1e-6)
    with pytest.raises(ModelError, match='"two-step" and a program of your own'):
        inference.external(at, x, outcome=y, correction="two-step")
