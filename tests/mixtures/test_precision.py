"""A native Pyro model computes in the precision of its data, whatever torch's default is.

Right densities are the engine's, which computes in float64 by itself and is tested against mpmath.
"""

import numpy as np
import pyro
import pytest
import torch
from pyro import poutine
from pyro.infer import SVI, TraceEnum_ELBO
from pyro.infer.autoguide import AutoDelta

from inference.backends import engine
from mixtures import Observations, gaussian_mixture
from tests.family_cases import CASES
from tests.programs import shared_rate, two_assignments

PROGRAMS = {
    **{name: (case.model, case) for name, case in CASES.items()},
    **{code: (gaussian_mixture(2, code), None) for code in ("EII", "VEI", "EVE", "EEV", "EVV", "VVV")},
    "shared rate": (shared_rate, "counts"),
    "two assignments": (two_assignments, "one column"),
}


def _data(case):
    if case is None:
        return Observations(np.random.default_rng(1).normal(size=(20, 2)))
    if isinstance(case, str):
        drawn = np.random.default_rng(2).poisson(3.0, 20)
        return Observations(drawn if case == "counts" else drawn - 2.5)
    return case.draw(20, seed=1, backend="pyro")[0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", PROGRAMS)
def test_density_in_the_precision_of_the_data(name, dtype):
    model, case = PROGRAMS[name]
    data = _data(case)
    context = {} if data.covariates is None else {"covariates": torch.tensor(data.covariates, dtype=dtype)}
    x = torch.tensor(data.x, dtype=dtype)
    with pyro.get_param_store().scope(), torch.random.fork_rng():
        torch.manual_seed(0)
        trace = poutine.trace(model.pyro).get_trace(x, **context)
        trace.compute_log_prob()
    sites = {
        name: node
        for name, node in trace.nodes.items()
        if node["type"] == "sample" and name not in ("components", "rows")
    }
    assert {node["log_prob"].dtype for node in sites.values()} == {dtype}
    found, numbers = engine("pyro"), {site.name: site for site in engine("pyro").sites(model, data).parameters}
    parameters = {site: sites[site]["value"].double().numpy()[None] for site in numbers}
    prior = sum(float(sites[site]["log_prob_sum"]) for site in numbers)
    right = found.bind(model, data).log_priors(parameters)[0]
    assert abs(prior - right) < (1e-3 if dtype == torch.float32 else 1e-10) * (1 + abs(right))


def test_steps_descend_under_either_default():
    x = torch.tensor(np.random.default_rng(4).normal(size=80))
    model = gaussian_mixture(2)
    for default in (torch.float32, torch.float64):
        before = torch.get_default_dtype()
        torch.set_default_dtype(default)
        try:
            with pyro.get_param_store().scope(), torch.random.fork_rng():
                torch.manual_seed(0)
                guide = AutoDelta(poutine.block(model.pyro, hide=["assignment"]))
                svi = SVI(model.pyro, guide, pyro.optim.Adam({"lr": 0.05}), TraceEnum_ELBO(max_plate_nesting=1))
                losses = [svi.step(x) for _ in range(15)]
                loc = pyro.param("AutoDelta.loc")
        finally:
            torch.set_default_dtype(before)
        assert losses[-1] < losses[0] and loc.dtype == torch.float64
