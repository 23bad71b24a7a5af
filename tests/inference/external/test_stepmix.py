"""Estimates are those of StepMix (Morin et al. 2024), which solves the same equations with code of its own.

StepMix holds the classes' shares of the first step where an outcome is asked about; here they are estimated with it, as Vermunt (2010) and
Bakk & Kuha (2018) have it. StepMix does so too where the class also depends on a covariate, here a constant one. With proportional
assignment its ML correction averages logarithms over classes, and not, as Vermunt does, log likelihoods: it is left out.
"""

import contextlib
import io

import numpy as np
import pytest

import inference

CLOSE = 1e-4
"""Both first steps have converged to some 1e-5."""


@pytest.fixture(scope="module")
def fitted(study):
    """A function: a StepMix with a structural model, and our number of each of its classes."""
    stepmix = pytest.importorskip("stepmix", reason="StepMix is in the test extra")

    def fit(external, structural, parameters=None, **options):
        model = stepmix.StepMix(
            n_components=3, measurement="categorical", structural=structural, structural_params=parameters,
            n_init=3, random_state=0, abs_tol=1e-12, rel_tol=1e-14, max_iter=5000, progress_bar=0, **options,
        )  # fmt: skip
        with contextlib.redirect_stdout(io.StringIO()):
            model.fit(study.items.to_numpy(dtype=int), external)
        order = [int(np.abs(model.weights_ - w).argmin()) for w in study.fit.parameters["weights"]]
        assert sorted(order) == [0, 1, 2]
        return model.get_parameters()["structural"], order

    return fit


STEPS = {
    ("none", "modal"): {"n_steps": 3, "assignment": "modal"},
    ("none", "proportional"): {"n_steps": 3, "assignment": "soft"},
    ("bch", "modal"): {"n_steps": 3, "correction": "BCH", "assignment": "modal"},
    ("bch", "proportional"): {"n_steps": 3, "correction": "BCH", "assignment": "soft"},
    ("ml", "modal"): {"n_steps": 3, "correction": "ML", "assignment": "modal"},
    ("two-step", "modal"): {"n_steps": 2},
}


@pytest.mark.quick("numpyro-*", "pyro-two-step-modal", reason="both backends give one table in a test of its own")
@pytest.mark.parametrize(("correction", "assignment"), STEPS)
def test_coefficients_of_covariates_are_stepmixs(study, fitted, correction, assignment):
    age = (study.frame["age"].to_numpy() - 40)[:, None] / 10
    options = {"method": "newton-raphson", "max_iter": 10}
    found, order = fitted(age, "covariate", options, **STEPS[correction, assignment])
    beta = found["beta"][order]
    ours = inference.external(
        study.fit, study.items, covariates=age, correction=correction, assignment=assignment, reference=0
    )
    np.testing.assert_allclose(ours.to_frame()["estimate"], (beta[1:] - beta[0]).ravel(), atol=5 * CLOSE)


@pytest.mark.quick("numpyro-*", "pyro-none-modal", reason="both backends give one table in a test of its own")
@pytest.mark.parametrize(("correction", "assignment"), STEPS)
def test_means_and_variances_are_stepmixs(study, fitted, correction, assignment):
    y = study.frame["y"].to_numpy()
    if correction in ("ml", "two-step"):
        constant = {"model": "covariate", "n_columns": 1, "method": "newton-raphson", "max_iter": 10}
        structural = {"constant": constant, "y": {"model": "gaussian_diag", "n_columns": 1}}
        found, order = fitted(np.column_stack([0 * y, y]), structural, **STEPS[correction, assignment])
        found = found["y"]
    else:
        found, order = fitted(y[:, None], "gaussian_diag", **STEPS[correction, assignment])
    ours = inference.external(study.fit, study.items, outcome=y, correction=correction, assignment=assignment)
    table = ours.to_frame()["estimate"]
    np.testing.assert_allclose(table.xs("mean", level="parameter"), found["means"][order, 0], atol=CLOSE)
    np.testing.assert_allclose(table.xs("variance", level="parameter"), found["covariances"][order, 0], atol=CLOSE)


def test_two_steps_are_within_a_standard_error_of_one(study, fitted):
    y = study.frame["y"].to_numpy()
    found, _ = fitted(y[:, None], "gaussian_diag", n_steps=1)
    ours = inference.external(study.fit, study.items, outcome=y, correction="two-step").to_frame()
    means = ours.xs("mean", level="parameter").sort_values("estimate")
    assert (np.abs(means["estimate"] - np.sort(found["means"][:, 0])) < means["standard_error"]).all()
