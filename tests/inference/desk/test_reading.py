"""A run's table says how new ones are read: their categories, their formula, their units."""

import io

import numpy as np
import pandas as pd
import pytest

from inference.cli import main
from inference.desk.data import observations_of, reading_of
from inference.desk.declaration import family_of, takes_names
from inference.desk.kept_data import frame_of, table_of, text_of
from inference.desk.reading import Reading
from inference.desk.run import Run
from inference.desk.settings import DataSettings, ModelSettings
from inference.desk.table_files import Table
from mixtures import Observations, latent_class
from mixtures.errors import DataError
from mixtures.families import Bernoulli, Categorical, Gaussian, Poisson, Product

FRAME = pd.DataFrame(
    {
        "city": ["Rome", "Oslo", "Bonn", "Rome", "Oslo"],
        "smokes": [True, False, True, True, False],
        "height": [170.0, 180.0, 175.0, 168.0, 181.0],
        "visits": [0, 3, 1, 2, 2],
    }
)
BY_COLUMN = ModelSettings((2,), ("city=Categorical", "visits=Poisson"))


def read(frame, settings, model):
    table = Table(frame, "people", "5 rows")
    return observations_of(table, settings, reading_of(table, settings, takes_names(model)))


def test_columns_of_names_have_a_family_of_as_many_categories():
    x = read(FRAME, DataSettings(""), BY_COLUMN)
    assert x.categories == (("Bonn", "Oslo", "Rome"), ("False", "True"), None, None)
    wanted = {"city": Categorical(3), "smokes": Gaussian(), "height": Gaussian(), "visits": Poisson()}
    assert family_of(BY_COLUMN, x) == Product(wanted)
    unsaid = ModelSettings((2,), ("smokes=Bernoulli",))  # the others by what they hold
    assert family_of(unsaid, read(FRAME, DataSettings(""), unsaid)).columns == (
        ("city", Categorical(3)), ("smokes", Bernoulli()), ("height", Gaussian()), ("visits", Gaussian()),
    )  # fmt: skip
    alike = pd.DataFrame({"a": ["yes", "no"], "b": ["no", "yes"]})
    assert family_of(ModelSettings((2,), ("Categorical",)), Observations(alike)) == Categorical(2)


@pytest.mark.parametrize(
    "model", [ModelSettings((2,)), ModelSettings((2,), ("Poisson",)), ModelSettings((2,), ("city=Gaussian",))]
)
def test_texts_are_refused_where_nobody_wants_categories(model):
    with pytest.raises(DataError) as caught:
        read(FRAME, DataSettings(""), model)
    assert all(
        word in str(caught.value)
        for word in ("columns ['city']", "'Rome' at row 0", "--family city=Categorical", "--columns")
    )


def test_new_tables_are_numbered_as_the_first():
    table = Table(FRAME, "people", "")
    reading = reading_of(table, DataSettings(""), takes_names(BY_COLUMN))
    after = reading.after(observations_of(table, DataSettings(""), reading))
    new = Table(FRAME.iloc[[4, 3]].reset_index(drop=True), "new", "")
    assert observations_of(new, DataSettings(""), after).x[:, 0].tolist() == [1.0, 2.0]
    assert observations_of(new, DataSettings(""), reading).x[:, 0].tolist() == [0.0, 1.0]
    known = Reading(lambda column: True, categories={"kind": ["1", "2"]})
    for column in ([2, 1], [2.0, 1.0], ["2", "1"]):  # as files may be read
        assert observations_of(Table(pd.DataFrame({"kind": column}), "", ""), DataSettings(""), known).x.tolist() == [
            1.0,
            0.0,
        ]


def test_standardised_columns_have_the_units_of_the_first_table():
    settings = DataSettings("", standardise=True)
    table = Table(FRAME[["height", "smokes"]], "people", "")
    reading = reading_of(table, settings, takes_names(ModelSettings((2,))))
    x = observations_of(table, settings, reading)
    height = FRAME["height"].to_numpy()
    np.testing.assert_allclose(x.x[:, 0], (height - height.mean()) / height.std())
    assert x.x[:, 1].tolist() == [1, 0, 1, 1, 0]
    new = observations_of(Table(FRAME[["height", "smokes"]].iloc[:1], "new", ""), settings, reading)
    assert new.x[0, 0] == x.x[0, 0]
    with pytest.raises(DataError, match="--standardise: got --errors, which is in the units of the table"):
        reading_of(table, DataSettings("", ("height",), standardise=True, errors=("smokes",)), lambda column: True)


def test_names_in_a_folder_come_back_to_the_last_letter():
    frame = pd.DataFrame(
        {"kind": pd.Categorical(["NA", "1", None, "1"], ["1", "NA", "none"]), "x": [0.1, 0.2, 0.3, np.nan]}
    )
    x = Observations(frame, missing="allow")
    table, settings = table_of(x)
    again = observations_of(table, settings, reading_of(table, settings, lambda column: True))
    assert again.fingerprint == x.fingerprint and again.categories == x.categories
    text = text_of(x.to_frame())
    assert frame_of(text, ["kind"])["kind"].tolist()[:2] == ["NA", "1"]


def test_a_run_of_names_is_opened_again(tmp_path):
    frame = pd.DataFrame(
        {"a": ["yes", "no", "yes", "no"] * 5, "b": pd.Categorical(["u", "v", "v", "v"] * 5, ["v", "u"])}
    )
    run = Run.of(latent_class(2, frame), frame, parent=tmp_path)
    again = Run.open(run.path)
    assert again.x.categories == (("no", "yes"), ("v", "u")) and again.program == run.program


def test_a_formula_in_the_command(tmp_path, capsys):
    pytest.importorskip("formulaic")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.uniform(0, 4, 40), "g": ["a", "b"] * 20, "row name": [f"r{i}" for i in range(40)]})
    frame["y"] = np.where(rng.random(40) < 0.5, frame.x, 4 - frame.x) + 2.0 * (frame.g == "b") + rng.normal(0, 0.3, 40)
    frame.to_csv(tmp_path / "t.csv", index=False)
    options = ["--formula", "y ~ x + C(g)", "--components", "1", "--index", "row name", "--restarts", "1", "--quiet"]
    assert main(["fit", str(tmp_path / "t.csv"), *options, "--out", str(tmp_path)]) == 0
    assert "slope[C(g)[T.b]]" in capsys.readouterr().out
    frame.iloc[[3, 1]].to_csv(tmp_path / "new.csv", index=False)
    assert main(["classify", str(tmp_path / "t-001"), str(tmp_path / "new.csv")]) == 0
    out = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert (
        out["row"].tolist() == ["r3", "r1"]
        and out["g"].tolist() == ["b", "b"]
        and out["probability_0"].tolist() == [1.0, 1.0]
    )
    frame.assign(g="c").to_csv(tmp_path / "new.csv", index=False)
    assert main(["classify", str(tmp_path / "t-001"), str(tmp_path / "new.csv")]) == 1
    assert "'c' at row 0 ('r0'), column 'g'" in capsys.readouterr().err
    for bad in (
        ["--formula", "y ~ x", "--columns", "y"],
        ["--formula", "y ~ os.x"],
        ["--formula", "y ~ x", "--standardise"],
    ):
        assert main(["fit", str(tmp_path / "t.csv"), *bad, "--components", "1"]) == 2
