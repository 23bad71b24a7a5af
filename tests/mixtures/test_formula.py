"""Formulas: the design against one made by hand, the same for new rows, and nothing called that is none of a formula's."""

import numpy as np
import pandas as pd
import pytest

import inference
from mixtures import Formula, Mixture, Observations, regression_mixture
from mixtures.errors import DataError, MixturesError, ModelError
from mixtures.families import Regression
from mixtures.specification import from_json, to_json

pytest.importorskip("formulaic")

ROWS = 40


def table(seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "x": rng.uniform(1.0, 4.0, ROWS),
            "g": rng.permutation(np.resize(["low", "mid", "high"], ROWS)),
            "year": rng.permutation(np.resize([2001, 2002, 2003], ROWS)),
            "ill": rng.random(ROWS) < 0.5,
            "blood pressure": rng.normal(120.0, 15.0, ROWS),
        },
        index=[f"p{row}" for row in range(ROWS)],
    )
    frame["y"] = (
        np.where(rng.random(ROWS) < 0.5, 1 + 2 * frame.x, 6 - frame.x)
        + 2.0 * (frame.g == "low")
        + rng.normal(0.0, 0.5, ROWS)
    )
    return frame


T = table()
DESIGNS = {
    "y ~ x + C(g)": {"x": T.x, "C(g)[T.low]": T.g == "low", "C(g)[T.mid]": T.g == "mid"},
    "y ~ x * ill": {"x": T.x, "ill": T.ill, "x:ill": T.x * T.ill},
    "y ~ C(year) + center(x)": {"C(year)[T.2002]": T.year == 2002, "C(year)[T.2003]": T.year == 2003, "center(x)": T.x - T.x.mean()},
    "y ~ scale(x) + np.log(x)": {"scale(x)": (T.x - T.x.mean()) / T.x.std(), "np.log(x)": np.log(T.x)},
    "y ~ `blood pressure` + I(x ** 2)": {"blood pressure": T["blood pressure"], "I(x ** 2)": T.x**2},
    "y ~ C(g, contr.sum)": {
        "C(g, contr.sum)[S.high]": 1.0 * (T.g == "high") - (T.g == "mid"), "C(g, contr.sum)[S.low]": 1.0 * (T.g == "low") - (T.g == "mid"),
    },
}  # fmt: skip


@pytest.mark.parametrize("text", DESIGNS)
def test_the_design_is_that_made_by_hand_for_new_rows_too(text):
    formula, wanted = Formula.of(text, T), pd.DataFrame(DESIGNS[text]).astype(float)
    assert sorted(formula.covariates) == sorted(wanted.columns)
    whole = formula.observations(T)
    assert whole.feature_names == ("y",) and whole.row_names.tolist() == T.index.tolist()
    np.testing.assert_allclose(whole.covariates, wanted[list(whole.covariate_names)], rtol=1e-12)
    some = ["p7", "p3"]
    np.testing.assert_allclose(
        formula.observations(T.loc[some]).covariates, wanted.loc[some, list(whole.covariate_names)], rtol=1e-12
    )


@pytest.mark.parametrize("text", ["y ~ bs(x, df=4)", "y ~ poly(x, 2) + g:x", *DESIGNS])
def test_a_formula_is_the_same_after_it_was_written_down(text):
    model = regression_mixture(2, text, data=T)
    read = from_json(to_json(model))
    assert read == model and hash(read) == hash(model)
    some = T.iloc[[5, 1]]
    np.testing.assert_array_equal(read.read(some).covariates, model.read(T).covariates[[5, 1]])


def test_one_component_is_least_squares():
    fit = inference.fit_mle(regression_mixture(1, "y ~ x + C(g)", data=T), T, restarts=2, seed=0)
    design = np.column_stack([np.ones(ROWS), *DESIGNS["y ~ x + C(g)"].values()]).astype(float)
    wanted, *_ = np.linalg.lstsq(design, T.y.to_numpy(), rcond=None)
    lines = fit.to_frame()
    found = lines.loc[["intercept", "slope[x]", "slope[C(g)[T.low]]", "slope[C(g)[T.mid]]"]].to_numpy()[:, 0]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


@pytest.fixture(scope="module")
def fit():
    return inference.fit_em(regression_mixture(2, "y ~ x + C(g)", data=T), T, restarts=3, seed=0)


def test_verbs_take_tables_old_and_new_after_a_file_too(fit, tmp_path):
    inference.save(fit, tmp_path / "fit.json")
    read = inference.load(tmp_path / "fit.json")
    new = T.loc[["p9", "p2"], ["g", "y", "x"]]
    whole = inference.responsibilities(fit, T)
    for known in (fit, read):
        pd.testing.assert_frame_equal(inference.responsibilities(known, new), whole.loc[new.index], rtol=1e-12)
    by_hand = Observations(T["y"], covariates=pd.DataFrame(DESIGNS["y ~ x + C(g)"]).astype(float))
    other = inference.fit_em(Mixture(2, Regression()), by_hand, restarts=3, seed=0)
    assert other.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-8)
    assert "y ~ x + C(g)" in str(fit.program)


def test_weights_and_labels_go_along(fit):
    x = Observations(
        T[["x", "g", "y"]], row_weights=np.full(ROWS, 2.0), labels=[0] * 2 + [-1] * (ROWS - 2), group=list("ab") * 20
    )
    read = fit.program.mixture.read(x)
    assert read.row_weights.tolist() == [2.0] * ROWS and read.labels[:3].tolist() == [0, 0, -1]
    assert read.covariates.shape == (ROWS, 3) and read.names_of_groups.tolist() == list("ab") * 20


def test_a_response_of_names_keeps_them():
    model = regression_mixture(2, "ill ~ x", "bernoulli", data=T)
    assert model.read(T).categories == (("False", "True"),) and model.family.kind == "bernoulli"


REFUSED = {
    "an unknown category": (lambda m: m.read(T.assign(g="none")), DataError, ["'none' at row 0 ('p0'), column 'g'", "'high', 'low', 'mid'"]),
    "a missing category": (lambda m: m.read(T.assign(g=None)), DataError, ["None at row 0", "known for every row"]),
    "a missing number": (lambda m: m.read(T.assign(x=np.nan)), DataError, ["nan at row 0", "column 'x'"]),
    "a variable that is not there": (lambda m: m.read(T.drop(columns="x").assign(X=1.0)), DataError, ["without 'x'", "['g', 'x', 'y']"]),
    "no table": (lambda m: m.read(T.to_numpy()), DataError, ["a ndarray", "a DataFrame"]),
    "dates": (lambda m: m.read(T.assign(x=pd.Timestamp("2024-01-01"))), DataError, ["dates in column 'x'", "np.timedelta64"]),
    "text in arithmetic": (lambda m: Formula.of("y ~ I(g * 2.5)", T), DataError, ["makes nothing"]),
    "no data": (lambda m: regression_mixture(2, "y ~ x"), ModelError, ["a formula without data", "data=table"]),
    "no formula": (lambda m: regression_mixture(2, "poisson", data=T), ModelError, ["data without a formula"]),
    "a text for a formula": (lambda m: Mixture(2, Regression(), formula="y ~ x"), ModelError, ["'y ~ x'", "Formula.of"]),
}  # fmt: skip


@pytest.mark.parametrize(("make", "kind", "words"), REFUSED.values(), ids=REFUSED)
def test_data_that_a_formula_cannot_read_are_refused(make, kind, words):
    with pytest.raises(kind) as caught:
        make(regression_mixture(2, "y ~ x + C(g)", data=T))
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "y", "~ x", "y ~ 0 + x", "y ~ 1", "y ~ x | g | x", "y ~ x | 1", "y ~ x | 0 + g", "y ~ x | np.load('a')", "y ~ C(x", "y ~ C(x > 2)", 3,
        "y ~ __import__('os').getpid()", "y ~ x.values", "y ~ {x.values}", "y ~ np.load('a')", "y ~ np.lib.x(x)", "y ~ hashed(g)", "y ~ x[0]",
        "y ~ C(g)(1)", "y ~ {[q for q in x]}", "y ~ {(lambda: 1)()}", "y ~ eval('x')", "y ~ {x if x else x}", "y ~ x + `__import__('os')`",
    ],
)  # fmt: skip
def test_what_is_no_formula_is_refused_and_nothing_run(text):
    with pytest.raises(MixturesError, match="formula|columns"):
        Formula.of(text, T)


@pytest.mark.parametrize("text", ["y ~ x + (1 | g)", "y ~ x + (1 + x | g)"])
def test_effects_of_groups_in_a_formula_are_told_their_place(text):
    with pytest.raises(ModelError, match="random='intercept'.*group="):
        regression_mixture(2, text, data=T)


def test_an_altered_file_runs_nothing_either():
    stored = to_json(regression_mixture(2, "y ~ x", data=T)).replace("y ~ x", "y ~ x + eval('x')")
    with pytest.raises(OSError, match="eval"):
        from_json(stored)
