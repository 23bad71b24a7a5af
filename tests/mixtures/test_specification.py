"""A program read back from its text is the one that was written, or an error says why it cannot be had."""

import importlib
import json
import linecache
import sys
from dataclasses import dataclass

import pytest

from mixtures import Mixture, families
from mixtures.errors import StoredFileError
from mixtures.specification import from_json, to_json

SOURCE = """
from mixtures import declare

@declare
def counts(ppl, x):
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", ppl.xp.ones(2) / 2)
        ppl.sample("obs", ppl.dist.Poisson({rate} + z), obs=x)
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module of a user's with one program, and imports it afresh."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(rate: str):
        (tmp_path / "own_counts.py").write_text(SOURCE.format(rate=rate))
        sys.modules.pop("own_counts", None)
        importlib.invalidate_caches()
        linecache.clearcache()
        return importlib.import_module("own_counts")

    yield write
    sys.modules.pop("own_counts", None)


def test_a_declared_program_is_found_again_by_its_import_path(module):
    program = module("1.0").counts
    assert from_json(to_json(program)) is program


def test_a_declared_program_whose_source_changed_is_refused(module):
    text = to_json(module("1.0").counts)
    module("2.25")  # of another length: bytecode that was cached is not taken for it
    with pytest.raises(StoredFileError, match="own_counts:counts with another source text"):
        from_json(text)


@pytest.mark.parametrize("path", ["no_such_module:counts", "own_counts:no_such_program"])
def test_a_declared_program_that_cannot_be_imported_is_said(module, path):
    stored = json.loads(to_json(module("1.0").counts)) | {"declared": path}
    with pytest.raises(StoredFileError, match=f"{path}, which cannot be imported.*program=") as error:
        from_json(json.dumps(stored))
    assert isinstance(error.value.__cause__, ImportError | AttributeError)


def test_a_family_that_cannot_be_imported_is_said():
    @dataclass(frozen=True)
    class Hidden(families.Poisson):
        """Lives inside a function."""

    with pytest.raises(StoredFileError, match="Hidden, which cannot be imported.*at the top of a module"):
        from_json(to_json(Mixture(2, Hidden())))


def test_a_path_that_leads_to_something_else_is_no_family():
    stored = json.loads(to_json(Mixture(2, families.Poisson())))
    stored["fields"]["family"]["type"] = "pathlib:Path"
    with pytest.raises(StoredFileError, match="got pathlib:Path; expected a family: a frozen dataclass"):
        from_json(json.dumps(stored))


@dataclass(frozen=True)
class WithSideEffects:
    """A dataclass of an imported module that is no part of a declaration."""

    path: str

    def __post_init__(self):
        raise AssertionError(f"constructed for {self.path}")


Renamed = families.Poisson


@pytest.mark.parametrize("name", ["WithSideEffects", "Renamed", "json", "SOURCE", "families"])
def test_only_parts_of_declarations_are_constructed(name):
    stored = json.loads(to_json(Mixture(2, families.Poisson())))
    stored["fields"]["family"] = {"type": f"{__name__}:{name}", "fields": {"path": "/"}}
    with pytest.raises(StoredFileError, match="expected a family: a frozen dataclass"):
        from_json(json.dumps(stored))


def test_nothing_is_imported(module, tmp_path):
    text = to_json(module("1.0").counts)
    program = sys.modules.pop("own_counts").counts
    with pytest.raises(StoredFileError, match="own_counts is not imported yet.*Import own_counts first, or pass"):
        from_json(text)
    assert "own_counts" not in sys.modules
    assert from_json(text, program) is program


@pytest.mark.parametrize("text", ["", "7", "[]", "{", "{}", '"x"', '{"type": 3}', '{"declared": 7}', '{"type": "a:b"}'])
def test_what_is_no_declaration_is_said(text):
    with pytest.raises(StoredFileError, match="program: got"):
        from_json(text)
