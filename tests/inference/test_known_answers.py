"""Classic data sets: maxima of the likelihood that others published, or that other programs find."""

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import logsumexp

import inference
from mixtures import Mixture, families, latent_class, poisson_mixture, priors, weights
from mixtures.families import PerComponent, PointMass, Poisson

LAMBS = np.repeat([0, 1, 2, 3, 4, 7], [182, 41, 12, 2, 2, 1])
"""Movements of a fetal lamb in 240 intervals of 5 seconds. Leroux & Puterman (1992), Biometrics 48, table 1."""

FLAT_RATE = {"rate": priors.Gamma(1.0, 1e-12)}
FLAT_PROBS = {"probs": priors.Dirichlet(1.0)}


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_fetal_lambs_poisson_mixture_is_scipys_maximum(backend):
    def negative(u):
        weight = 1 / (1 + np.exp(-u[0]))
        table = [np.log(w) + stats.poisson(np.exp(r)).logpmf(LAMBS) for w, r in ((weight, u[1]), (1 - weight, u[2]))]
        return -logsumexp(table, axis=0).sum()

    starts = ((1.0, -2.0, 1.0), (2.0, -1.0, 0.5), (0.0, -1.5, 0.0))
    best = min(
        (
            optimize.minimize(
                negative, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-11, "maxiter": 4000}
            )
            for start in starts
        ),
        key=lambda r: r.fun,
    )
    fit = inference.fit_map(poisson_mixture(2, priors=FLAT_RATE), LAMBS, restarts=10, seed=0, backend=backend)
    assert abs(fit.log_likelihood + best.fun) < 1e-6
    order = np.argsort(fit.parameters["rate"])
    np.testing.assert_allclose(fit.parameters["rate"][order], np.sort(np.exp(best.x[1:])), rtol=1e-3)


def test_fetal_lambs_extra_zeros_as_a_component():
    """A point mass beside one Poisson: the zero-inflated Poisson's maximum, whose mean equation has a root that scipy finds."""
    model = Mixture(2, PerComponent([PointMass(0.0), Poisson()], priors={"rate_1": priors.Gamma(1.0, 1e-12)}))
    fit = inference.fit_map(model, LAMBS, restarts=5, seed=0)
    seen = LAMBS[LAMBS > 0]
    # given x > 0, x is a Poisson without its zeros: mean = rate / (1 - exp(-rate))
    rate = optimize.brentq(lambda r: r / -np.expm1(-r) - seen.mean(), 0.1, 10)
    share = np.mean(LAMBS > 0) / -np.expm1(-rate)
    np.testing.assert_allclose(fit.parameters["rate_1"], rate, rtol=1e-4)
    np.testing.assert_allclose(fit.parameters["weights"], [1 - share, share], rtol=1e-4)


TITANIC = {
    (0, 0, 1, 0): 118, (0, 0, 1, 1): 57, (0, 0, 0, 1): 5, (0, 1, 0, 1): 1, (0, 1, 1, 0): 4, (0, 1, 1, 1): 140,
    (1, 0, 1, 0): 154, (1, 0, 1, 1): 14, (1, 0, 0, 1): 11, (1, 1, 0, 1): 13, (1, 1, 1, 0): 13, (1, 1, 1, 1): 80,
    (2, 0, 1, 0): 387, (2, 0, 1, 1): 75, (2, 0, 0, 0): 35, (2, 0, 0, 1): 13, (2, 1, 0, 0): 17, (2, 1, 0, 1): 14, (2, 1, 1, 0): 89,
    (2, 1, 1, 1): 76, (3, 0, 1, 0): 670, (3, 0, 1, 1): 192, (3, 1, 1, 0): 3, (3, 1, 1, 1): 20,
}  # fmt: skip
"""Class (3: crew), sex, age and survival of 2201 people on the Titanic. Dawson (1995), Journal of Statistics Education 3."""


@pytest.mark.slow  # of other classes external/test_stepmix.py asks StepMix
@pytest.mark.filterwarnings("ignore:Initializations did not converge")
def test_latent_classes_of_the_titanic_are_stepmixs():
    """Columns of 4, 2, 2 and 2 categories, so a product of categoricals; StepMix is another implementation."""
    from stepmix import StepMix

    rows = np.repeat(np.array(list(TITANIC)), list(TITANIC.values()), axis=0)
    assert len(rows) == 2201
    peer = StepMix(
        2, measurement="categorical", n_init=20, max_iter=5000, abs_tol=1e-12, random_state=0, progress_bar=0
    )
    peer.fit(rows)
    flat = {f"item{j}_probs": priors.Dirichlet(1.0) for j in range(4)}
    fit = inference.fit_map(latent_class(2, [4, 2, 2, 2], priors=flat), rows, restarts=20, seed=0)
    assert abs(fit.log_likelihood - peer.score(rows) * len(rows)) < 0.01
    np.testing.assert_allclose(np.sort(fit.parameters["weights"]), np.sort(peer.weights_), atol=2e-3)


def test_mixture_of_regressions_is_an_independent_ems_maximum():
    """Two crossing lines; the peer is EM by weighted least squares, written here."""
    rng = np.random.default_rng(4)
    c = rng.uniform(-2, 2, 150)
    z = rng.random(150) < 0.4
    y = np.where(z, 1 + 2 * c, 2 - c) + rng.normal(size=150) * np.where(z, 0.4, 0.7)
    design = np.column_stack([np.ones(150), c])
    best = -np.inf
    for _ in range(10):
        share = rng.dirichlet([1, 1], 150)
        for _ in range(500):
            columns = []
            for k in (0, 1):
                beta = np.linalg.solve(design.T @ (design * share[:, [k]]), design.T @ (share[:, k] * y))
                sd = np.sqrt(share[:, k] @ (y - design @ beta) ** 2 / share[:, k].sum())
                columns.append(np.log(share[:, k].mean()) + stats.norm(design @ beta, sd).logpdf(y))
            table = np.stack(columns, axis=1)
            share = np.exp(table - logsumexp(table, axis=1, keepdims=True))
        best = max(best, logsumexp(table, axis=1).sum())
    flat = {
        "intercept": priors.Normal(0.0, 1e4),
        "slope": priors.Normal(0.0, 1e4),
        "scale": priors.InverseGamma(1e-6, 1e-6),
    }
    from mixtures import Observations

    family = families.Regression("gaussian", priors=flat)
    model = Mixture(2, family, weights.Dirichlet(1.0))
    fit = inference.fit_map(model, Observations(y, covariates=c), restarts=10, seed=0)
    assert fit.status.is_sound
    assert (
        0 <= best - fit.log_likelihood < 0.05
    )  # the prior 1 / scale moves the mode a little from the maximum of the likelihood
