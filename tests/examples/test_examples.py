"""Every example runs to its end at small sizes, on every backend that it offers, and leaves pictures behind.

An example is found by its number. It takes its sizes as arguments; `ARGUMENTS` names small ones, and an example that is not
there runs as it is.
"""

import importlib.util
import warnings
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("[0-9][0-9]_*.py"))

SMALL = ["--restarts", "4", "--steps", "30", "--draws", "12", "--tune", "12", "--chains", "2"]

ARGUMENTS: dict[str, list[list[str]]] = {
    "01_tutorial": [["--backend", "numpyro", *SMALL], ["--backend", "pyro", *SMALL]],
    "05_families": [
        ["--rows", "60", *SMALL[:4], "--only", "Gamma", "your own: Laplace", "PointMass + Poisson", "Categorical(3)"],
        ["--backend", "pyro", "--rows", "60", *SMALL[:4]],
    ],
    "06_regression": [["--backend", "pyro", "--rows", "60", *SMALL[:4]]],
    "07_mixed_and_missing": [["--backend", "pyro", "--rows", "60", "--shares", "0.1", *SMALL[:4]]],
    "02_gradient_descent": [
        ["--backend", backend, "--rows", "100", "--restarts", "2", "--steps", "20"] for backend in ("numpyro", "pyro")
    ],
    "03_em": [["--backend", backend, "--restarts", "4"] for backend in ("numpyro", "pyro")],
    "04_lecture": [
        ["--backend", backend, "--restarts", "2", "--components", "2", "--structures", "EII,VVV"]
        for backend in ("numpyro", "pyro")
    ],
    "08_label_switching": [SMALL],
    "10_markov_switching": [["--restarts", "1"]],
    "11_how_many": [
        [*SMALL[:2], *SMALL[4:], "--most", "4", "--compared", "3", "--replicates", "19", "--folds", "2", "--others"]
    ],
    "12_growth_curves": [
        ["--backend", backend, "--children", "40", "--restarts", "2"] for backend in ("numpyro", "pyro")
    ],
    "13_censoring": [["--backend", backend, "--rows", "120", "--restarts", "2"] for backend in ("numpyro", "pyro")],
    "14_external": [["--backend", backend, "--rows", "400", "--restarts", "5"] for backend in ("numpyro", "pyro")],
    "09_hidden_markov": [["--backend", backend, *SMALL[:2], *SMALL[4:]] for backend in ("numpyro", "pyro")],
}
"""By example: the argument lists that it is run with."""

CASES = {
    f"{path.stem} {' '.join(arguments[:2])}".strip(): (path, arguments)
    for path in EXAMPLES
    for arguments in ARGUMENTS.get(path.stem, [[]])
}

LONG = ["10_*", "11_*"]
"""What they ask for is tested verb by verb."""

OTHER_BACKEND = ["02_* numpyro", "03_* pyro", "04_* numpyro", "05_* --rows *", "09_* numpyro", "1[234]_* numpyro"]
"""Of two backends the quick run takes one: an example only hands it on. The tutorial has both."""


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.quick(but=LONG + OTHER_BACKEND, reason="each example, but for the longest, on one backend")
@pytest.mark.parametrize(("path", "arguments"), CASES.values(), ids=CASES)
def test_the_example_runs_and_draws(path, arguments, tmp_path, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        load(path).main([*arguments, "--out", str(tmp_path)])
    assert capsys.readouterr().out.strip()
    for picture in tmp_path.rglob("*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.rglob("*.png"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_says_what_it_shows(path):
    assert len((load(path).__doc__ or "").splitlines()) >= 3


def test_every_argument_list_is_of_an_example():
    assert set(ARGUMENTS) <= {path.stem for path in EXAMPLES}
