"""What the documents show runs: docstring examples, README blocks; and the layers that design describes hold."""

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import inference
import mixtures

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    info.name
    for package in (mixtures, inference)
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
)


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name):
    failed, _ = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/notation.md"])
def test_python_blocks_of_documents_run(document, tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    namespace: dict = {"__name__": "document"}
    source = "\n".join(blocks)
    path = tmp_path / "blocks.py"
    path.write_text(source)  # so that inspect finds the source of programs declared there
    exec(compile(source, str(path), "exec"), namespace)


def test_every_public_name_loads_and_is_documented():
    for package in (mixtures, inference):
        for name in package.__all__:
            assert getattr(package, name).__doc__, f"{package.__name__}.{name} has no docstring"


def test_layers_hold():
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
