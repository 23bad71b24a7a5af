"""EM returns, whatever the size: small and large data, few and many features, every structure, under a watchdog; and shares add up."""

import json
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from inference.backends.numpyro.bound import _in_float64
from inference.point.em.e_step import Block, e_step
from inference.point.em.m_steps.gaussian import GaussianEM
from inference.point.em.mixture_em import MixtureEM
from inference.point.em.numpyro.passes import in_shares
from inference.point.em.problem import EMProblem
from mixtures.families import Gaussian
from mixtures.families.covariance import STRUCTURES

RUN = """
import json, pathlib, sys
import numpy as np, inference, mixtures
structure, *sizes = sys.argv[1:]
for size in sizes:
    rows, features, components = map(int, size.split("x"))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, features)) + rng.normal(size=(components, features))[rng.integers(components, size=rows)]
    model = mixtures.gaussian_mixture(components, structure)
    fit = inference.fit_em(model, x, restarts=1, max_steps=3, tolerance=0.0, seed=0)
    covariances = model.family.covariances(fit.parameters, features)
    known = {"weights": fit.parameters["weights"], "loc": fit.parameters["loc"], "covariances": covariances}
    status = pathlib.Path("/proc/self/status")  # getrusage counts what the parent had, too
    lines = status.read_text().splitlines() if status.exists() else []
    peak = sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e6
    said = {"size": size, "value": fit.log_likelihood, "is_sound": fit.status.is_sound, "peak": peak}
    print(json.dumps(said | {n: v.tolist() for n, v in known.items()}), flush=True)
"""

SIZES = [(500, 50, 10), (2_100, 50, 10), (3_000, 200, 2), (1_000, 12, 100), (200_000, 3, 2)]
"""Rows, features, components: from one thread's work to shares, with large covariance matrices and with many."""


def run(structure: str, sizes: list[tuple[int, int, int]], seconds: float) -> list[str]:
    """What a process of its own prints; it is ended when its time is up."""
    names = ["x".join(map(str, size)) for size in sizes]
    done = subprocess.run(
        [sys.executable, "-c", RUN, structure, *names], capture_output=True, text=True, timeout=seconds, check=True
    )
    return done.stdout.splitlines()


def log_likelihood(size: tuple[int, int, int], parameters: dict) -> float:
    """SciPy's, of the data that `RUN` makes."""
    rows, features, components = size
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, features)) + rng.normal(size=(components, features))[rng.integers(components, size=rows)]
    table = [
        np.log(weight) + stats.multivariate_normal(loc, covariance, allow_singular=True).logpdf(x)
        for weight, loc, covariance in zip(*(parameters[n] for n in ("weights", "loc", "covariances")), strict=True)
    ]
    return float(logsumexp(table, axis=0).sum())


def check(size: tuple[int, int, int], line: str) -> None:
    found = json.loads(line)
    assert found["size"] == "x".join(map(str, size))
    assert found["peak"] < 4.0  # GB; data and responsibilities take less than a tenth of one
    if found["is_sound"]:  # of a component that has collapsed onto a plane no digits are left
        assert found["value"] == pytest.approx(log_likelihood(size, found), rel=1e-9)


def test_many_large_covariances_in_shares():
    # more than a million numbers of whitened data, and batches of matrices that LAPACK's callers share out among threads
    check((2_100, 50, 10), run("VVV", [(2_100, 50, 10)], seconds=300)[0])


DENSITIES = """
import sys
import numpy as np, mixtures
from inference.backends import engine
structure, rows, features, components, points, missing = sys.argv[1], *map(int, sys.argv[2:6]), float(sys.argv[6])
rng = np.random.default_rng(0)
x = rng.normal(size=(rows, features))
x[rng.random(x.shape) < missing] = np.nan
data = mixtures.Observations(x, missing="allow")
model = mixtures.gaussian_mixture(components, structure)
density = engine("numpyro").bind(model, data).log_density()
at = 0.1 * rng.normal(size=(points, density.size))
for _ in range(5):
    values, gradients = density.values_and_gradients(at)
assert np.isfinite(values).all() and np.isfinite(gradients).all()
alone = [density.value_and_gradient(u) for u in at[:3]]
np.testing.assert_allclose(values[:3], [value for value, _ in alone], rtol=1e-10)
np.testing.assert_allclose(gradients[:3], [gradient for _, gradient in alone], rtol=1e-6, atol=1e-6)
"""


@pytest.mark.quick("EEV-*", reason="the smallest")
@pytest.mark.parametrize(
    ("structure", "size", "points", "missing"),
    [
        ("VEV", (300, 40, 3), 20, 0.0),
        ("EEV", (200, 100, 5), 1, 0.0),
        ("VVV", (400, 6, 3), 50, 0.1),
        ("VVV", (300, 40, 3), 20, 0.0),
    ],
)
def test_no_gradient_hangs(structure, size, points, missing):
    """Factorisations of many matrices in one compiled program once waited for the threads on which they ran."""
    arguments = [structure, *map(str, size), str(points), str(missing)]
    subprocess.run([sys.executable, "-c", DENSITIES, *arguments], timeout=200, check=True)


@pytest.mark.slow
@pytest.mark.parametrize("structure", STRUCTURES)
def test_no_size_hangs(structure):
    sizes = [
        size for size in SIZES if structure not in ("EVE", "VVE") or size[1] <= 50
    ]  # 20,000 planes are turned one by one
    for size, line in zip(sizes, run(structure, sizes, seconds=900), strict=True):
        check(size, line)


@pytest.mark.parametrize("threads", [1, 3])
def test_shares_add_up(threads):
    """Neither 3 threads nor blocks of 64 rows divide 1,001 rows; the expectation is one pass over the whole by NumPy."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(1_001, 3))
    closed = MixtureEM(GaussianEM("VVV"))
    frame = closed.frame(x)
    covariances = np.stack([np.eye(3), 2 * np.eye(3)])
    sites = {"weights": np.array([0.3, 0.7]), "loc": x[:2]}
    state = closed.encode(sites | Gaussian("VVV").sites_of(covariances, 3), 3, frame)
    weights, labels = rng.uniform(0.5, 2.0, 1_001), rng.integers(-1, 2, 1_001)
    problem = EMProblem((closed,), 0, x, frame, 3, 0.0, weights, labels, {}, False, 0.0, 1)
    whitened = ((x - frame.centre) / frame.unit).T
    expected, sums = e_step(np, closed, state, Block(whitened, weights, labels), False)

    @_in_float64
    def shared():
        with in_shares(problem, 64, threads) as one_pass:
            return one_pass(state)

    objective, statistics = shared()
    assert objective == pytest.approx(expected, rel=1e-12)
    for name, value in sums.items():
        np.testing.assert_allclose(statistics[name], value, rtol=1e-10, atol=1e-10)
