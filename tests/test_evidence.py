"""What is known of the tests grows file by file: an interrupted run loses what it had not finished, and nothing else."""

import json
from types import SimpleNamespace

import pytest

from tests import evidence

ONE, OTHER = "tests/test_one.py", "tests/test_other.py"


@pytest.fixture
def page(tmp_path, monkeypatch):
    """An empty page of a package with two files of tests."""
    monkeypatch.setattr(evidence, "ROOT", tmp_path)
    (tmp_path / "tests").mkdir()
    for file, claim in ((ONE, "It adds."), (OTHER, "It | multiplies.")):
        (tmp_path / file).write_text(f'"""{claim}\n\nMore."""')
    return tmp_path / "page.md"


def run(page, collected, reported):
    """A run of so many tests by file, of which some are reported, with their outcomes and figures."""
    heard = evidence.Evidence(page)
    ids = [f"{file}::test[{number}]" for file, count in collected.items() for number in range(count)]
    for node in ("gw0", "gw1"):  # every worker collects the same
        heard.pytest_xdist_node_collection_finished(node, ids)
    for file, outcomes in reported.items():
        for number, (outcome, *figures) in enumerate(outcomes):
            test = f"{file}::test[{number}]"
            for when, said in (("setup", "passed"), ("call", outcome), ("teardown", "passed")):
                heard.pytest_runtest_logreport(
                    SimpleNamespace(nodeid=test, when=when, outcome=said, user_properties=figures)
                )
    heard.pytest_sessionfinish()
    return page.read_text()


def test_a_file_that_is_finished_is_on_the_page(page):
    written = run(page, {ONE: 2}, {ONE: [("passed", ("Sums", {"of": "1 + 1", "is": "2"})), ("failed",)]})
    assert "| It adds. | 1 failed, 1 passed | `pytest tests/test_one.py` |" in written
    assert "## Sums\n\n| of | is |\n|---|---|\n| 1 + 1 | 2 |" in written
    assert "1 failed, 1 passed, in the files below" in written


def test_another_run_adds_its_files_and_replaces_its_own(page):
    run(page, {ONE: 2}, {ONE: [("passed",), ("failed",)]})
    written = run(page, {ONE: 1, OTHER: 1}, {ONE: [("passed",)], OTHER: [("passed",)]})
    assert "2 passed, in the files below" in written
    assert "It \\| multiplies." in written


def test_a_file_that_was_not_finished_stays_what_it_was(page):
    run(page, {ONE: 1}, {ONE: [("passed",)]})
    written = run(page, {ONE: 2, OTHER: 3}, {ONE: [("failed",)], OTHER: [("passed",), ("passed",)]})
    assert "failed" not in written
    assert list(json.loads(page.with_suffix(".json").read_text())) == [ONE]


def test_a_file_that_is_gone_is_forgotten(page):
    run(page, {ONE: 1, OTHER: 1}, {ONE: [("passed",)], OTHER: [("failed",)]})
    (page.parent / OTHER).unlink()
    assert "failed" not in run(page, {ONE: 1}, {ONE: [("passed",)]})
