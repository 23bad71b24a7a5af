"""The tutorial's path: Adam on the ELBO of the backend's own AutoDelta, assignments enumerated."""

import numpy as np
import torch

import inference
import mixtures
from inference.backends import bind, engine
from inference.backends.pyro.autodelta import autodelta
from inference.backends.pyro.programs import as_torch, isolated, tensors
from inference.backends.pyro.sites import describe
from inference.backends.pyro.vector import many_of
from inference.point.starts import step_scales
from mixtures import Observations
from tests.oracles import FIVE_POINTS


def test_the_elbo_of_autodelta_is_the_log_posterior_density(backend):
    """Delta guides have no entropy, and enumeration sums assignments out: Pyro's and NumPyro's own ELBO against scipy, and its gradient
    against finite differences."""
    x, program = Observations(FIVE_POINTS), mixtures.gaussian_mixture(2, "tied").scaled_to(Observations(FIVE_POINTS))
    density = engine(backend).bind(program, x).log_density()
    points = np.random.default_rng(0).normal(size=(3, density.size))
    points[:, density.is_real] *= 5
    values, gradients = (
        _autodelta(program, x)(points) if backend == "pyro" else engine(backend).bind(program, x).elbo()(points)
    )
    right, slopes = density.values_and_gradients(points)
    np.testing.assert_allclose(values, right, rtol=1e-10)
    np.testing.assert_allclose(gradients, slopes, rtol=1e-8, atol=1e-10)
    for point, value in zip(points, values, strict=True):
        np.testing.assert_allclose(value, density.value_and_gradient(point)[0], rtol=1e-10)


def _autodelta(program, x):
    """AutoDelta itself in Pyro, where the hub stands in for it."""

    def elbo(points):
        with isolated():
            value = autodelta(*tensors(program, x)[:1], describe(program, x), tensors(program, x)[1])
            return many_of(value, as_torch(points), is_vectorised=False)

    return elbo


def test_steps_of_adam_are_torchs(backend):
    """One start on a program of one unknown, against a loop of torch.optim's over the closed form."""

    @mixtures.declare
    def one_mean(ppl, x):
        mean = ppl.sample("mean", ppl.dist.Normal(0.0, 2.0))
        with ppl.plate("rows", len(x)):
            ppl.sample("obs", ppl.dist.Normal(mean, 1.0), obs=x)

    x, steps = np.array([1.0, 2.5, 4.0]), 20
    fit = inference.fit_map(
        one_mean, x, restarts=1, steps=steps, optimizer="adam", init={"mean": 0.0}, seed=0, backend=backend
    )
    v = torch.zeros((), dtype=torch.float64, requires_grad=True)
    unit = step_scales(bind(one_mean, Observations(x), backend), 0, "fit_map")["mean"]
    adam = torch.optim.Adam([v], betas=(0.8, 0.99))
    losses = []
    for count in range(steps):
        adam.param_groups[0]["lr"] = 0.1 * (0.999 * 0.5 * (1 + np.cos(np.pi * count / steps)) + 1e-3)
        adam.zero_grad()
        mean = v * float(unit)
        log_prior = torch.distributions.Normal(0.0, 2.0).log_prob(mean)
        loss = -(log_prior + torch.distributions.Normal(mean, 1.0).log_prob(torch.tensor(x)).sum())
        loss.backward()
        losses.append(loss.item())
        adam.step()
    np.testing.assert_allclose(fit.losses, losses, rtol=1e-6)
