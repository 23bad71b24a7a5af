"""Every picture of a result can be read as it is drawn, whatever the family, and a component has one colour in all of them."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

import inference
import mixtures
from inference import plots
from inference.plots.palette import NOISE
from mixtures import Observations, families
from tests.family_cases import CASES
from tests.inference.plots.conftest import point_fit, posterior_around
from tests.inference.plots.legible import check_legible

ROWS = 80
OF_POSTERIORS = (
    "gaussian full", "poisson columns", "categorical columns", "product with covariates", "von_mises", "per component",
    "gating", "with noise",
)  # fmt: skip


@pytest.fixture(scope="module")
def case_fit():
    """Data of a case and a fit at its truth, made once."""
    made = {}

    def make(name):
        if name not in made:
            x = CASES[name].draw(ROWS, seed=1)[0]
            made[name] = point_fit(CASES[name].model.scaled_to(x), x, CASES[name].parameters), x
        return made[name]

    return make


@pytest.fixture(scope="module")
def chain():
    """The earthquakes and a chain of two states."""
    x = mixtures.load_dataset("earthquakes")
    model = mixtures.hidden_markov(2, families.Poisson())
    known = {"initial": [0.5, 0.5], "transition": [[0.9, 0.1], [0.2, 0.8]], "rate": [15.0, 26.0]}
    return point_fit(model.scaled_to(x), x, known), x


@pytest.fixture(scope="module")
def many():
    """Three overlapping components of six named columns, and 120 rows of them."""
    rng = np.random.default_rng(3)
    loc = rng.normal(size=(3, 6)) * [1, 1, 1, 1, 1, 100]
    scale = np.ones((3, 6)) * [1, 1, 1, 1, 1, 100]
    z = rng.integers(0, 3, 120)
    names = ("sepal length", "sepal width", "petal length", "petal width", "age", "income per year")
    x = Observations(loc[z] + rng.normal(size=(120, 6)) * scale[z], feature_names=names)
    return point_fit(
        mixtures.gaussian_mixture(3, "diag"), x, {"weights": [0.3, 0.3, 0.4], "loc": loc, "scale": scale}
    ), x


@pytest.mark.quick(
    *OF_POSTERIORS, "poisson", "gamma", "gaussian regression", "multinomial", reason="each kind of picture"
)
@pytest.mark.parametrize("name", CASES)
def test_the_page_of_every_family_can_be_read(case_fit, name):
    check_legible(plots.overview(*case_fit(name)))


@pytest.mark.quick(
    "gaussian full", "categorical columns", "von_mises", "with noise", "gating", reason="each kind of picture"
)
@pytest.mark.parametrize("name", OF_POSTERIORS)
def test_the_page_of_a_posterior_can_be_read(case_fit, name):
    fit, x = case_fit(name)
    check_legible(plots.overview(posterior_around(fit, x), x))


def test_the_page_of_a_chain_can_be_read(chain):
    fit, x = chain
    check_legible(plots.overview(fit, x))
    check_legible(plots.overview(posterior_around(fit, x), x))


def test_the_page_of_many_columns_and_components_can_be_read(many):
    check_legible(plots.overview(*many))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 3))
    loc = rng.normal(size=(9, 3))
    fit = point_fit(mixtures.gaussian_mixture(9, "EII"), x, {"weights": np.full(9, 1 / 9), "loc": loc, "scale": 0.5})
    check_legible(plots.overview(fit, x))


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e12])
def test_the_page_of_awkward_names_and_units_can_be_read(unit):
    rng = np.random.default_rng(0)
    names = ("a long name of a column, in kilograms per square metre", "another column, of which the unit is not known")
    x = Observations(rng.normal(size=(60, 2)) * unit, feature_names=names)
    loc, scale = np.array([[0.0, 1.0], [1.0, 0.0]]) * unit, np.ones((2, 2)) * unit
    fit = point_fit(mixtures.gaussian_mixture(2, "diag"), x, {"weights": [0.5, 0.5], "loc": loc, "scale": scale})
    check_legible(plots.overview(fit, x))


def test_the_page_of_a_program_of_ones_own_can_be_read():
    @mixtures.declare
    def levels(ppl, x):
        weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
        with ppl.plate("components", 2):
            level = ppl.sample("level", ppl.dist.Normal(0.0, 5.0))
        with ppl.plate("rows", len(x)):
            z = ppl.assign("assignment", weights)
            ppl.sample("first", ppl.dist.Normal(level[z], 1.0), obs=x[:, 0])
            ppl.sample("second", ppl.dist.Normal(-level[z], 1.0), obs=x[:, 1])

    x = np.random.default_rng(0).normal(size=(30, 2))
    check_legible(plots.overview(point_fit(levels, x, {"weights": [0.4, 0.6], "level": [-1.0, 1.0]}), x))


@pytest.mark.slow  # pages have the same pictures
def test_each_picture_by_itself_can_be_read(many, chain, case_fit):
    fit, x = many
    check_legible(plots.plot_pairs(fit, x)[0, 0].figure)
    check_legible(plots.plot_pairs(fit, x, features=(5, 0))[0, 0].figure)
    check_legible(plots.plot_columns(fit, x)[0].figure)
    probabilities = inference.responsibilities(fit, x)
    for ax in (
        plots.plot_ellipses(fit, x),
        plots.plot_profiles(fit, x),
        plots.plot_intervals(fit),
        plots.plot_intervals(posterior_around(fit, x), site="scale"),
        plots.plot_weights(fit, x),
        plots.plot_certainty(fit, x),
        plots.plot_uncertain_rows(x, probabilities),
        plots.plot_uncertain_rows(x.column(0), probabilities),
        plots.plot_predictive(posterior_around(fit, x), x, feature=5),
        plots.plot_predictive(posterior_around(*chain), chain[1]),
        plots.plot_transition(np.full((2, 2), 0.5)),
        plots.plot_dwell_times(np.repeat([0, 1, 0, 1, 0], [3, 2, 5, 1, 2]), np.full((2, 2), 0.5)),
        plots.plot_transition(np.full((12, 12), 1 / 12)),
        plots.plot_path(chain[1], inference.responsibilities(*chain).argmax(axis=1)),
        plots.plot_regression(*case_fit("poisson regression"), covariate=1),
    ):
        check_legible(ax.figure)


def test_a_hundred_thousand_rows_are_pixels_that_leave_ellipses_to_be_seen(many):
    fit, x = many
    rows = np.tile(x.x, (834, 1))[:100_000]
    ax = plots.plot_ellipses(fit, rows, classes=np.arange(100_000) % 3)
    marks = [line for line in ax.lines if line.get_linestyle() == "None" and len(line.get_xdata()) > 1]
    assert sum(len(line.get_xdata()) for line in marks) <= 20_000
    assert all(line.get_rasterized() and line.get_alpha() < 0.5 for line in marks)
    ax = plots.plot_ellipses(fit, x, classes=np.arange(120) % 3)
    assert sum(len(line.get_xdata()) for line in ax.lines if line.get_alpha() not in (None, 1.0)) == 120
    assert not any(line.get_rasterized() for line in ax.lines)


def colours_by_label(figure):
    """What each label of any legend, or handle that one would have, is drawn in."""
    found = {}
    for ax in figure.axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            artist = handle[0] if hasattr(handle, "patches") else handle
            shade = artist.get_facecolor() if hasattr(artist, "get_facecolor") else artist.get_color()
            found.setdefault(label, set()).add(
                to_hex(np.atleast_2d(shade)[0][:3] if not isinstance(shade, str) else shade).upper()
            )
    return found


@pytest.mark.parametrize("name", ["gaussian full", "poisson", "poisson regression", "product", "von_mises", "gamma"])
def test_a_component_has_one_colour_in_all_pictures(case_fit, name):
    fit, x = case_fit(name)
    plots.overview(fit, x)
    if x.features is None:
        plots.plot_density(fit, x)
    plots.plot_certainty(fit, x)
    plots.plot_profiles(fit, x)
    plots.plot_intervals(fit)
    for k in (0, 1):
        shades = set().union(*(colours_by_label(plt.figure(n)).get(f"component {k}", set()) for n in plt.get_fignums()))
        assert shades == {plots.colour(k)}


@pytest.mark.parametrize("name", ["with noise", "noise among counts", "noise around a line"])
def test_noise_is_grey_in_all_pictures(case_fit, name):
    fit, x = case_fit(name)
    plots.overview(fit, x)
    plots.plot_certainty(fit, x)
    found = [colours_by_label(plt.figure(n)) for n in plt.get_fignums()]
    assert set().union(*(by.get("component 0 (noise)", set()) for by in found)) == {NOISE.upper()}
    assert not any("component 0" in by for by in found)


@pytest.mark.parametrize("spoil", ["blank", "edge", "over", "cut", "legend"])
def test_the_reader_of_these_tests_can_fail(spoil):
    figure, ax = plt.subplots(layout="constrained")
    if spoil != "blank":
        ax.plot([0, 1], [0, 1], "o", label="data")
    else:
        ax.set_axis_off()
    if spoil == "edge":
        figure.text(0.98, 0.5, "beyond the edge")
    elif spoil == "over":
        ax.text(0.5, 0.5, "one")
        ax.text(0.5, 0.5, "another")
    elif spoil == "cut":
        ax.set_xlim(0.5, 1.5)
    elif spoil == "legend":
        ax.legend()
    words = {
        "blank": "blank",
        "edge": "leaves the page",
        "over": "over",
        "cut": "marks beyond",
        "legend": "a legend over",
    }
    with pytest.raises(AssertionError, match=words[spoil]):
        check_legible(figure)
