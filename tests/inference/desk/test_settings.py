"""run.toml says all that repeats a run, and reads back as what was written."""

import tomllib

import pytest

from inference.desk.settings import (
    DataSettings,
    FitSettings,
    ModelSettings,
    SampleSettings,
    Settings,
    from_toml,
    to_toml,
)
from inference.desk.text_tables import TextOptions
from mixtures.errors import ChoiceError, MixturesError, ModelError, StoredFileError

FULL = Settings(
    DataSettings(
        "a b.csv", ("x", "größe"), ("age",), "known", "times", "series", "id", "allow", "Sheet 1",
        TextOptions(";", ",", "latin-1", False, ("?", "-9")),
        "y ~ x", True, {"größe": ["klein", "groß"]},
    ),
    ModelSettings((2, 3), ("x=Gaussian", "größe=Poisson"), "VEV", ("loc=Normal(0, 10)",), True, False),
    FitSettings("em", 7, 3, "pyro"),
    SampleSettings(10, 20, 3, "pyro", False),
    "plants",
    "0f",
    "as it was",
    {"python": "3.11"},
)  # fmt: skip


@pytest.mark.parametrize("settings", [FULL, Settings(DataSettings("faithful"), ModelSettings((2,)))])
def test_settings_come_back_as_they_were(settings):
    assert from_toml(to_toml(settings)) == settings


def test_the_text_is_toml_that_people_read():
    table = tomllib.loads(to_toml(FULL))
    assert table["data"]["text"]["decimal"] == ","
    assert table["model"]["components"] == [2, 3]
    assert table["sample"]["draws"] == 10


@pytest.mark.parametrize(
    "text", ["", "a = ", "[data]\nsource = 'x'\nother = 1", "[data]\nsource = 'x'\n[fit]\nrestart = 3", "data = 3"]
)
def test_what_no_run_has_written_is_refused(text):
    with pytest.raises(StoredFileError, match=r"run\.toml"):
        from_toml(text)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: FitSettings("fast"), ChoiceError),
        (lambda: FitSettings(restarts=0), ModelError),
        (lambda: FitSettings(seed=-1), MixturesError),
        (lambda: SampleSettings(chains=0), ModelError),
        (lambda: ModelSettings((0,)), ModelError),
        (lambda: DataSettings("x", missing="perhaps"), ChoiceError),
        (lambda: TextOptions(separator="x"), ChoiceError),
        (lambda: TextOptions(encoding="klingon"), MixturesError),
    ],
)
def test_bad_settings_are_found_before_any_work(make, kind):
    with pytest.raises(kind):
        make()
