"""Names of categories are in every result, survive files, and say how new rows are numbered."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import inference
from inference import plots
from inference.desk.answer import answer
from mixtures import Mixture, Observations, latent_class
from mixtures.errors import DataError
from mixtures.families import Bernoulli, Categorical, Gaussian, Product

ROWS = 60


def frame(seed=0):
    """Four columns of overlapping groups."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, ROWS)
    likely = rng.random((ROWS, 3)) < np.where(group, 0.8, 0.3)[:, None]
    return pd.DataFrame(
        {
            "home town": np.where(likely[:, 0], "Rome", "Oslo"),
            "smokes": likely[:, 1],
            "height": rng.normal(2.0 * group, 1.0),
            "size": pd.Categorical(np.where(likely[:, 2], "small", "large"), ["small", "middle", "large"]),
        },
        index=[f"p{row}" for row in range(ROWS)],
    )


MODEL = Mixture(
    2, Product({"home town": Categorical(2), "smokes": Bernoulli(), "height": Gaussian(), "size": Categorical(4)})
)


@pytest.fixture(scope="module")
def fit():
    return inference.fit_map(MODEL, frame(), restarts=2, seed=0)


@pytest.fixture(scope="module")
def posterior():
    return inference.sample_nuts(MODEL, frame(), draws=10, tune=20, chains=1, seed=0, progress=False)


def test_a_fit_to_names_is_the_fit_to_their_numbers(fit):
    coded = frame()
    for name in ("home town", "size"):
        coded[name] = coded[name].astype("category").cat.codes
    other = inference.fit_map(MODEL, coded.astype(float), restarts=2, seed=0)
    assert other.log_likelihood == fit.log_likelihood
    np.testing.assert_array_equal(inference.classify(other, coded), inference.classify(fit, frame()))


def test_the_table_of_parameters_has_the_names(fit):
    lines = fit.to_frame().index
    assert {
        "home_town_probs[Oslo]",
        "home_town_probs[Rome]",
        "size_probs[large]",
        "size_probs[3]",
        "smokes_probs[True]",
    } <= set(lines)
    alike = pd.DataFrame({"a": ["yes", "no"] * 9, "b": ["no", "yes", "yes"] * 6})
    found = inference.fit_map(latent_class(2, alike), alike, restarts=1, seed=0)
    assert {"probs[a, no]", "probs[b, yes]"} <= set(found.to_frame().index)
    found = inference.fit_map(Mixture(2, Bernoulli()), alike, restarts=1, seed=0)
    assert {"probs[a = yes]", "probs[b = yes]"} <= set(found.to_frame().index)


def shuffled():
    """Some rows in another order, whose categories are in another order too."""
    some = frame().iloc[[7, 3, 40, 11]]
    return some.assign(
        size=pd.Categorical(some["size"].astype(str), ["large", "small"]),
        **{"home town": some["home town"].astype("category")},
    )


def test_new_rows_are_numbered_as_the_fitted_ones_were_also_after_a_file(fit, posterior, tmp_path):
    for result, name in ((fit, "fit.json"), (posterior, "posterior.nc")):
        inference.save(result, tmp_path / name)
        read = inference.load(tmp_path / name)
        whole = inference.responsibilities(result, frame())
        for known in (result, read):
            pd.testing.assert_frame_equal(
                inference.responsibilities(known, shuffled()), whole.loc[shuffled().index], rtol=1e-12
            )
    assert read["posterior"].size_probs.coords["size_categories"].values.tolist() == ["small", "middle", "large", "3"]
    assert any("Rome" in line for line in inference.summary(read).index)


@pytest.mark.parametrize("name", ["fit", "posterior"])
@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("home town", "Bonn", ["'Bonn' at row 0 ('p7')", "'Oslo', 'Rome'"]),
        ("size", 2.0, ["numbers in column 'size'", "'small', 'middle', 'large'"]),
        ("height", "tall", ["names in column 'height'", "numbers"]),
    ],
)
def test_what_the_fit_does_not_know_is_refused(name, column, value, words, request):
    with pytest.raises(DataError) as caught:
        inference.responsibilities(request.getfixturevalue(name), shuffled().assign(**{column: value}))
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_an_array_of_the_numbers_is_as_good(fit):
    numbers = Observations(frame()).x
    np.testing.assert_array_equal(inference.classify(fit, numbers), inference.classify(fit, frame()))


def test_pictures_and_sentences_have_the_names(fit):
    named = inference.name_components(fit, ["town", "country"])
    axes = plots.plot_columns(named, frame())
    assert [label.get_text() for label in axes[3].get_xticklabels()] == ["small", "middle", "large", "3"]
    assert [label.get_text() for label in axes[1].get_xticklabels()] == ["False", "True"]
    ax = plots.plot_intervals(named, site="home_town_probs")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Oslo", "Rome"]
    told = str(answer(fit, Observations(frame())))
    assert "home town Rome (" in told and "home town Oslo (" in told and "smokes False (" in told
    names = frame()[["home town", "smokes"]]
    table = inference.name_components(
        inference.fit_map(latent_class(2, names), names, restarts=1, seed=0), ["town", "country"]
    )
    ax = plots.plot_categories(table, names)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["home town = Rome", "smokes = True"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["town", "country", "data"]
    plt.close("all")
