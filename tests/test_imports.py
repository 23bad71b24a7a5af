"""Importing loads no backend; without torch everything NumPyro works; asking for Pyro then names the pip line."""

import subprocess
import sys

BACKENDS = ("torch", "pyro", "jax", "numpyro", "funsor", "optax")


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_loads_no_backend():
    loaded = _run(
        "import sys, mixtures, inference; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    ).split()
    assert "mixtures" in loaded
    assert set(loaded) & {*BACKENDS, "matplotlib", "pandas", "xarray", "scipy", "arviz_stats"} == set()


def test_declaring_printing_and_checking_data_need_no_backend():
    code = """
import sys, mixtures
model = mixtures.gaussian_mixture(2)
x = mixtures.load_dataset("faithful")
print(model.scaled_to(x)); model.numpyro; model.pyro
assert not set(sys.modules) & {"torch", "pyro", "jax", "numpyro"}
"""
    assert "MultivariateNormal" in _run(code)


WITHOUT_TORCH = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "pyro", "array_api_compat"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
"""


def test_without_torch_numpyro_works_and_pyro_names_the_pip_line():
    code = (
        WITHOUT_TORCH
        + """
import inference, mixtures
x = [0.0, 1.0, 10.0, 11.0, 12.0]
fit = inference.fit_map(mixtures.gaussian_mixture(2, "tied"), x, restarts=3, steps=50, seed=0)
assert not set(sys.modules) & {"xarray", "funsor", "optax"}  # which take half a second
print(inference.classify(fit, x).tolist())
inference.sample_nuts(mixtures.gaussian_mixture(2, "tied"), x, draws=5, tune=5, chains=1, seed=0, progress=False)
for call in (lambda: inference.fit_map(fit.program, x, seed=0, backend="pyro"), lambda: fit.program.pyro(x)):
    try:
        call()
    except mixtures.errors.BackendError as error:
        print(error)
"""
    )
    lines = _run(code).splitlines()
    assert lines[0] == "[1, 1, 0, 0, 0]"
    assert len(lines) == 3
    for line in lines[1:]:
        assert 'pip install "bayes-mixtures[pyro]"' in line


def test_without_scikit_learn_its_estimators_name_the_pip_line_and_nothing_else_needs_it():
    code = """
import sys
import inference, mixtures
inference.fit_em(mixtures.gaussian_mixture(2, "tied"), [0.0, 1.0, 10.0, 11.0, 12.0], restarts=3, seed=0)
assert not set(sys.modules) & {"sklearn", "xarray", "funsor", "optax"}
try:
    import inference.sklearn
except mixtures.errors.BackendError as error:
    print(error)
"""
    assert "pip install 'bayes-mixtures[sklearn]'" in _run(WITHOUT_TORCH.replace('"torch"', '"sklearn"') + code)
