"""Tables say what the results say, in the reader's terms."""

import arviz_stats
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import mixtures
from inference import fit_em
from inference.report import restarts_text, summary_text
from inference.status import Status
from mixtures import Mixture, Observations, families
from tests.family_cases import CASES
from tests.inference.plots.conftest import point_fit


@pytest.fixture
def fit():
    """Two components in two named columns, correlations 0.5 and -0.25."""
    x = pd.DataFrame({"height": [0.0, 1.0, 2.0], "width": [0.0, 1.0, 2.0]})
    correlations = np.array([0.5, -0.25])
    roots = np.linalg.cholesky([[[1, r], [r, 1]] for r in correlations])
    parameters = {"weights": [0.6, 0.4], "loc": [[1.0, 2.0], [3.0, 4.0]], "scale": [[5.0, 6.0], [7.0, 8.0]]}
    return point_fit(mixtures.gaussian_mixture(2), x, {**parameters, "correlation_cholesky": roots})


def cells(text):
    return {" ".join(line.split()[:-2]): [float(cell) for cell in line.split()[-2:]] for line in text.splitlines()}


def test_a_fit_has_a_column_for_each_component_and_correlations_for_people(fit):
    table = cells(str(fit).split("component 1\n")[1])
    assert table["weights"] == [0.6, 0.4]
    assert table["loc[width]"] == [2.0, 4.0]
    assert table["scale[height]"] == [5.0, 7.0]
    assert table["correlation[height, width]"] == [0.5, -0.25]
    assert not any("cholesky" in name for name in table)


def test_shared_parameters_stand_below():
    x = [0.0, 1.0, 2.0]
    shared = point_fit(
        mixtures.gaussian_mixture(2, "tied"), x, {"weights": [0.5, 0.5], "loc": [0.0, 2.0], "scale": 0.5}
    )
    assert str(shared).endswith("scale, shared: 0.5")
    tied = {"weights": [0.5, 0.5], "loc": np.zeros((2, 2)), "scale": [1.0, 2.0], "correlation_cholesky": np.eye(2)}
    frame = np.arange(6.0).reshape(3, 2)
    shared = point_fit(mixtures.gaussian_mixture(2, "tied"), frame, tied)
    assert "scale[1], shared: 2" in str(shared)


def test_restarts_start_with_the_chosen_one_and_end_with_the_unsound(fit):
    rows = [(0, 9.0, 5.0, Status.MAX_STEPS), (1, 8.0, -50.0, Status.COLLAPSED), (2, 7.0, 5.0, Status.CONVERGED)]
    table = pd.DataFrame(rows, columns=["seed", "initial_objective", "objective", "status"]).assign(steps=100)
    object.__setattr__(fit, "restarts", table)
    head, *lines = restarts_text(fit).splitlines()
    assert "3 restarts" in head
    assert "1 collapsed" in head
    assert [line.split()[0] for line in lines[2:]] == ["2", "0", "1"]


def test_restarts_of_one_optimum_are_one_line(fit):
    rows = [(0, 5.0, 1), (1, 4.0, 0), (2, 4.0, 0), (3, 9.0, -1), (4, 5.0, 1), (5, 9.5, -1), (6, 5.0, 1)]
    table = pd.DataFrame(rows, columns=["seed", "objective", "optimum"]).assign(initial_objective=10.0, steps=7)
    statuses = [Status.COLLAPSED if optimum < 0 else Status.CONVERGED for optimum in table["optimum"]]
    object.__setattr__(fit, "restarts", table.assign(status=statuses))
    lines = [line.split() for line in restarts_text(fit).splitlines()[3:]]
    assert [(line[0], line[4]) for line in lines] == [("1", "2"), ("0", "3"), ("3", "1"), ("5", "1")]


def test_the_summary_is_that_of_arviz_with_correlations_and_without_constants():
    rng = np.random.default_rng(0)
    angle = rng.uniform(0.2, 1.2, size=(2, 100, 2))
    root = np.zeros((2, 100, 2, 2, 2))
    root[..., 0, 0], root[..., 1, 0], root[..., 1, 1] = 1, np.sin(angle), np.cos(angle)
    dims = ("chain", "draw", "components")
    variables = {
        "loc": (dims, rng.normal(size=(2, 100, 2))),
        "correlation_cholesky": ((*dims, "features", "features_bis"), root),
    }
    coords = {"features": ["a", "b"], "features_bis": ["a", "b"]}
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset(variables, coords=coords)})
    lines = {line.split("  ")[0]: line for line in summary_text(tree).splitlines()[1:]}
    assert set(lines) == {"loc[0]", "loc[1]", "correlation[0, a, b]", "correlation[1, a, b]"}
    expected = arviz_stats.summary(tree, var_names=["loc"], round_to="none")
    assert summary_text(tree).splitlines()[0].split()[2:] == [
        "89%",
        "from",
        "89%",
        "to",
        "ESS,",
        "bulk",
        "ESS,",
        "tail",
        "R-hat",
    ]
    for name, row in expected.filter(regex="^(?!mcse)").iterrows():
        shown = [float(cell) for cell in lines[name].split()[1:]]
        np.testing.assert_allclose(shown, row, rtol=5e-4, atol=0.5 if shown[4] > 10 else 0)
    assert float(lines["correlation[0, a, b]"].split()[3]) == pytest.approx(np.sin(angle)[..., 0].mean(), rel=1e-3)


def covariates_of(dim, place):
    """What a place along an axis is called: of some covariates, by their own numbers, which the axis is named after; of outcomes, by the
    category, since all but the first have a predictor; of the loadings of one factor, by the column and the factor."""
    if dim == "outcomes":
        return str(place + 1)
    if dim == "loadings_1":
        return f"{place}, 0"
    return dim.split("_")[1:][place] if dim.startswith("covariates_") else str(place)


@pytest.mark.quick(
    "gaussian*",
    "poisson*",
    "categorical*",
    "student_t*",
    "von_mises",
    "product*",
    "per component",
    "gating",
    "with noise",
    "truncated",
    "ordinal",
    reason="each kind of site",
)
@pytest.mark.parametrize("name", CASES)
def test_a_fit_of_every_family_in_words(name):
    """Every number of every site is there once: under its name, in its component's column."""
    case = CASES[name]
    x = case.data()
    fit, parameters = point_fit(case.model, x, case.parameters), case.parameters
    text = str(fit)
    table = {line.split("  ")[0].strip(): line.split()[-2:] for line in text.splitlines()[2:]}
    has_own = isinstance(case.family, families.PerComponent)
    shared = set(case.shared) | (set(case.truth) if has_own else set())
    for site in set(parameters) - {"correlation_cholesky"}:
        value = parameters[site]
        for index in np.ndindex(value.shape if site in shared else value.shape[1:]):
            numbers = [
                covariates_of(dim, place) for dim, place in zip(fit.dims[site][-len(index) :], index, strict=False)
            ]
            label = f"{site}[{', '.join(numbers)}]" if index else site
            if has_own and site in case.truth:  # loc_1 is of component 1
                right = [f"{value[index]:.4g}" if site.endswith(f"_{k}") else "-" for k in (0, 1)]
                assert table[label] == right
            elif site not in shared:
                is_redundant = site in case.family.parts().redundant_sites
                right = ["-" if is_redundant and k == 0 else f"{value[(k, *index)]:.4g}" for k in (0, 1)]
                assert table[label] == right
            else:
                assert f"{label}, shared: {value[index]:.4g}" in text


def test_covariates_are_called_by_their_names():
    frame = pd.DataFrame({"age": np.linspace(0, 4, 30), "dose": np.tile([0.0, 1.0, 2.0], 10)})
    y = np.random.default_rng(0).normal(frame["age"] * np.tile([1.0, -1.0], 15), 0.3)
    model = Mixture(2, families.Regression("gaussian"))
    fit = fit_em(model, Observations(y, covariates=frame), restarts=2, seed=0)
    lines = {line.split()[0]: line.split()[1:] for line in str(fit).splitlines() if line.startswith("slope")}
    assert lines.keys() == {"slope[age]", "slope[dose]"}
    right = fit.parameters["slope"][:, 0]
    np.testing.assert_allclose(np.array(lines["slope[age]"], dtype=float), right, rtol=1e-3)
