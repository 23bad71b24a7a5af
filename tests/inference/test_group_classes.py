"""Classes of groups that mix over components: against sums over all classes and assignments, their limits (one class, one component a class),
the libraries' own enumeration, and draws."""

import itertools

import jax
import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

import inference
from inference.backends import bind
from mixtures import Mixture, Observations, families, gaussian_mixture, simulate
from mixtures.assignments import GroupClasses, PerGroup
from tests.slopes import central_differences

GROUP = np.array(["b", "a", "b", "c", "a", "b"])
"""Ragged, and not side by side."""
MODEL = Mixture(2, families.Gaussian(), GroupClasses(2))
VALUES = {
    "class_probs": np.array([0.35, 0.65]),
    "class_weights": np.array([[0.8, 0.2], [0.3, 0.7]]),
    "loc": np.array([-0.5, 0.7]),
    "scale": np.array([0.8, 1.3]),
}
FEW = Observations(np.random.default_rng(0).normal(size=6), group=GROUP)


def stacked(values):
    return {name: np.asarray(value)[None] for name, value in values.items()}


class Everything:
    """All classes of groups and all assignments of rows, and the log joint density of each with the data: nothing is summed by itself."""

    def __init__(self, values, x, group):
        number = np.unique(group, return_inverse=True)[1]
        (classes, components), groups = values["class_weights"].shape, number.max() + 1
        table = norm.logpdf(np.asarray(x)[:, None], values["loc"], values["scale"])
        pairs = itertools.product(
            itertools.product(range(classes), repeat=groups), itertools.product(range(components), repeat=len(x))
        )
        c, z = (np.array(each) for each in zip(*pairs, strict=True))
        self.log_joint = np.log(values["class_probs"])[c].sum(axis=1)
        self.log_joint += np.log(values["class_weights"])[c[:, number], z].sum(axis=1)
        self.log_joint += table[np.arange(len(x)), z].sum(axis=1)
        self.total = logsumexp(self.log_joint)
        self.shares, self.z = np.exp(self.log_joint - self.total), z
        self.marginals = np.stack([self.shares @ (z == k) for k in range(components)], axis=1)
        self.classes = np.stack([self.shares @ (c == k) for k in range(classes)], axis=1)
        self.best = z[self.log_joint.argmax()]


GROUPS = np.array(FEW.group)
EVERY = Everything(VALUES, FEW.x, FEW.group)


def test_all_classes_and_assignments_are_summed_out(backend):
    bound = bind(MODEL, FEW, backend)
    np.testing.assert_allclose(bound.log_likelihoods(stacked(VALUES)), EVERY.total, rtol=1e-12)
    table = bound.log_joint(VALUES)
    own = logsumexp(table, axis=1)
    np.testing.assert_allclose(own.sum(), EVERY.total, rtol=1e-12)
    np.testing.assert_allclose(np.exp(table - own[:, None]), EVERY.marginals, atol=1e-12)
    of_groups = bound.pointwise(stacked(VALUES))[0]
    for group, name in enumerate(FEW.group_names):
        alone = Everything(VALUES, FEW.x[name == GROUP], GROUP[name == GROUP])
        np.testing.assert_allclose(of_groups[group], alone.total, rtol=1e-12)


def test_the_laws_answers():
    law, emissions = MODEL.assignment, norm.logpdf(FEW.x[:, None], VALUES["loc"], VALUES["scale"])
    np.testing.assert_allclose(law.class_marginals(np, VALUES, emissions, FEW.rows), EVERY.classes, atol=1e-12)
    np.testing.assert_array_equal(law.mode(np, VALUES, emissions, FEW.rows), EVERY.best)
    np.testing.assert_allclose(law.log_mode(np, VALUES, emissions, FEW.rows), EVERY.log_joint.max(), rtol=1e-12)


@pytest.mark.statistical
def test_draws_are_of_all_rows_together():
    emissions, rng = norm.logpdf(FEW.x[:, None], VALUES["loc"], VALUES["scale"]), np.random.default_rng(0)
    drawn = np.array([MODEL.assignment.sample(VALUES, emissions, FEW.rows, rng) for _ in range(20_000)])
    # rows 0 and 2 are of one group
    both = ((EVERY.z[:, 0] == 1) & (EVERY.z[:, 2] == 1)) @ EVERY.shares
    found = ((drawn[:, 0] == 1) & (drawn[:, 2] == 1)).mean()
    assert abs(found - both) < 5 * np.sqrt(both * (1 - both) / len(drawn))
    assert abs(both - EVERY.marginals[0, 1] * EVERY.marginals[2, 1]) > 10 * np.sqrt(both / len(drawn))


def test_one_class_is_the_mixture(backend):
    bound = bind(Mixture(2, families.Gaussian(), GroupClasses(1)), FEW, backend)
    plain = bind(gaussian_mixture(2), Observations(FEW.x), backend)
    own = {"loc": VALUES["loc"], "scale": VALUES["scale"]}
    weights = np.array([0.3, 0.7])
    same = plain.log_likelihoods(stacked({"weights": weights, **own}))
    found = bound.log_likelihoods(stacked({"class_probs": np.ones(1), "class_weights": weights[None], **own}))
    np.testing.assert_allclose(found, same, rtol=1e-12)


def test_one_component_a_class_is_groups_that_share_an_assignment(backend):
    bound = bind(MODEL, FEW, backend)
    shared = bind(gaussian_mixture(2, weights=PerGroup()), FEW, backend)
    own = {"loc": VALUES["loc"], "scale": VALUES["scale"]}
    sure = {"class_probs": np.array([0.3, 0.7]), "class_weights": np.eye(2), **own}
    same = {"weights": np.array([0.3, 0.7]), **own}
    np.testing.assert_allclose(bound.pointwise(stacked(sure)), shared.pointwise(stacked(same)), rtol=1e-12)
    shares = [
        np.exp(table - logsumexp(table, axis=1, keepdims=True))
        for table in (bound.log_joint(sure), shared.log_joint(same))
    ]
    np.testing.assert_allclose(*shares, atol=1e-12)


def test_gradients_are_those_of_finite_differences(backend):
    density = bind(MODEL, FEW, backend).log_density(jacobian=True)
    u = np.random.default_rng(1).normal(size=density.size)
    gradient = density.value_and_gradient(u)[1]
    np.testing.assert_allclose(gradient, central_differences(density, u), rtol=1e-6, atol=1e-6)


def test_the_libraries_enumerate_the_same(backend):
    model = MODEL.scaled_to(FEW)
    bound = bind(MODEL, FEW, backend)
    expected = sum(values[0] for values in bound.log_densities(stacked(VALUES)))
    if backend == "numpyro":
        from numpyro.contrib.funsor import config_enumerate, enum, log_density

        with jax.enable_x64(True):
            run = enum(config_enumerate(model.numpyro), -3)
            found = log_density(run, (FEW.x,), {"group": GROUPS}, VALUES)[0]
    else:
        import pyro
        import torch

        held = {name: torch.as_tensor(value) for name, value in VALUES.items()}
        guide = pyro.poutine.condition(lambda *_, **__: None, held)
        run = pyro.poutine.condition(model.pyro, held)
        loss = pyro.infer.TraceEnum_ELBO(max_plate_nesting=2).loss(run, guide, torch.tensor(FEW.x.copy()), group=GROUPS)
        found = -loss
    np.testing.assert_allclose(float(found), expected, rtol=1e-10)


@pytest.mark.statistical
def test_simulated_rows_are_of_their_groups_class(backend):
    group = np.repeat(np.arange(400), 25)
    drawn = simulate(MODEL, 10_000, seed=0, given=VALUES, backend=backend, group=group)
    c, z = drawn["group_class"], drawn["assignment"]
    assert (c.reshape(400, 25) == c[::25, None]).all()
    assert abs(c[::25].mean() - 0.65) < 5 * np.sqrt(0.65 * 0.35 / 400)
    for kind in (0, 1):
        share, rows = VALUES["class_weights"][kind, 1], (c == kind).sum()
        assert abs(z[c == kind].mean() - share) < 5 * np.sqrt(share * (1 - share) / rows)


def test_known_components_and_missing_cells(backend):
    x = np.column_stack([FEW.x, FEW.x[::-1]])
    x[2, 0], x[4] = np.nan, np.nan
    labels = [-1, 1, -1, 0, -1, -1]
    some = Observations(x, group=GROUP, missing="allow", labels=labels)
    model = gaussian_mixture(2, "diag", weights=GroupClasses(2))
    values = VALUES | {"loc": np.array([[-0.5, 0.2], [0.7, 0.1]]), "scale": np.array([[0.8, 1.0], [1.3, 0.9]])}
    cells = norm.logpdf(x[:, None], values["loc"], values["scale"])
    emissions = np.where(np.isnan(cells), 0.0, cells).sum(axis=2)
    emissions[1, 0] = emissions[3, 1] = -np.inf
    number, total = some.group, 0.0
    for g in range(3):
        rows = np.exp(emissions[number == g])
        total += np.log(values["class_probs"] @ (rows @ values["class_weights"].T).prod(axis=0))
    np.testing.assert_allclose(bind(model, some, backend).log_likelihoods(stacked(values)), total, rtol=1e-12)
    fit = inference.fit_em(model, some, init=values, restarts=1, max_steps=2, tolerance=0.0, seed=0, backend=backend)
    assert inference.classify(fit, some)[[1, 3]].tolist() == [1, 0]
