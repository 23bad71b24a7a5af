"""What is known of the tests grows file by file: an interrupted run loses what it had not finished, and nothing else."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import evidence, figures

ONE, OTHER = "tests/test_one.py", "tests/test_other.py"


@pytest.fixture
def page(tmp_path, monkeypatch):
    """An empty page of a package with two files of tests."""
    monkeypatch.setattr(evidence, "ROOT", tmp_path)
    (tmp_path / "tests").mkdir()
    for file, claim in ((ONE, "It adds."), (OTHER, "It | multiplies.")):
        (tmp_path / file).write_text(f'"""{claim}\n\nMore."""')
    return tmp_path / "page.md"


PHASES = (("setup", "passed"), ("call", "passed"), ("teardown", "passed"))


def begun(page, collected):
    """A listener to a run of so many tests by file, which two workers have collected."""
    heard = evidence.Evidence(page)
    for node in ("gw0", "gw1"):
        heard.pytest_xdist_node_collection_finished(node, ids(collected))
    return heard


def ids(collected):
    return [f"{file}::test[{number}]" for file, count in collected.items() for number in range(count)]


def report(heard, test, phases=PHASES, figures=()):
    for when, outcome in phases:
        heard.pytest_runtest_logreport(
            SimpleNamespace(nodeid=test, when=when, outcome=outcome, user_properties=figures)
        )


def run(page, collected, reported):
    """A run of so many tests by file, of which some are reported, with their outcomes and figures."""
    heard = begun(page, collected)
    for file, outcomes in reported.items():
        for number, (outcome, *recorded) in enumerate(outcomes):
            report(heard, f"{file}::test[{number}]", (PHASES[0], ("call", outcome), PHASES[2]), recorded)
    heard.pytest_sessionfinish()
    return page.read_text()


def outcomes(page):
    """What is kept, by file."""
    return {file: found["outcomes"] for file, found in json.loads(page.with_suffix(".json").read_text()).items()}


def test_a_file_that_is_finished_is_on_the_page(page):
    written = run(page, {ONE: 2}, {ONE: [("passed", ("Sums", {"of": "1 + 1", "is": "2"})), ("failed",)]})
    assert "| It adds. | 1 failed, 1 passed | `make evidence TESTS=tests/test_one.py` |" in written
    assert "## Sums\n\n`make evidence TESTS=tests/test_one.py`\n\n| of | is |\n|---|---|\n| 1 + 1 | 2 |" in written
    assert "1 failed, 1 passed, in the files below" in written


def test_the_page_says_how_much_it_knows_and_where_not_all_is_well(page):
    assert "1 of 2 files of tests. All passed." in run(page, {ONE: 1}, {ONE: [("passed",)]})
    written = run(page, {OTHER: 2}, {OTHER: [("passed",), ("failed",)]})
    assert "2 of 2 files of tests. Not all is well in `make evidence TESTS=tests/test_other.py`." in written


def test_what_is_said_of_all_figures_is_counted(page):
    """Four z-scores by hand: two beyond 2, one of these beyond 3; rows in the order of their numbers."""
    scores = [
        ("Scores", {"of": f"mu[{k}]", "z-score": score})
        for k, score in ((10, "-3.2"), (9, "2.5"), (2, "0.1"), (1, "1"))
    ]
    written = run(page, {ONE: 4}, {ONE: [("passed", figure) for figure in scores]})
    assert "Of 4 z-scores 2 are beyond 2 and 1 beyond 3; chance alone has 0.2 and 0.0." in written
    assert re.findall(r"mu\[(\d+)\]", written) == ["1", "2", "9", "10"]
    ranks = [("Ranks", {"of": f"{k}", "p-value": p}) for k, p in enumerate(("0.04", "1", "0.7"))]
    assert "Of 3 p-values the smallest is 0.04;" in run(page, {ONE: 3}, {ONE: [("passed", figure) for figure in ranks]})


def test_every_table_says_what_its_columns_are():
    """Titles as they stand in the tests that record them."""
    here = Path(__file__)
    texts = [path.read_text() for path in here.parent.rglob("test_*.py") if path != here]
    titles = {title for text in texts for title in re.findall(r'record_property\(\s*"([^"]+)"', text)}
    assert titles == set(figures.NOTES)


def test_another_run_adds_its_files_and_replaces_its_own(page):
    run(page, {ONE: 2}, {ONE: [("passed",), ("failed",)]})
    written = run(page, {ONE: 1, OTHER: 1}, {ONE: [("passed",)], OTHER: [("passed",)]})
    assert "2 passed, in the files below" in written
    assert "It \\| multiplies." in written


def test_a_file_that_was_not_finished_stays_what_it_was(page):
    run(page, {ONE: 1}, {ONE: [("passed",)]})
    written = run(page, {ONE: 2, OTHER: 3}, {ONE: [("failed",)], OTHER: [("passed",), ("passed",)]})
    assert "failed" not in written
    assert outcomes(page) == {ONE: {"passed": 1}}


def test_a_file_that_is_gone_is_forgotten(page):
    run(page, {ONE: 1, OTHER: 1}, {ONE: [("passed",)], OTHER: [("failed",)]})
    (page.parent / OTHER).unlink()
    assert "failed" not in run(page, {ONE: 1}, {ONE: [("passed",)]})


def test_two_runs_beside_one_another_keep_both_their_files(page):
    one, other = begun(page, {ONE: 1}), begun(page, {OTHER: 1})
    report(other, *ids({OTHER: 1}))
    report(one, *ids({ONE: 1}))
    other.pytest_sessionfinish()
    assert outcomes(page) == {ONE: {"passed": 1}, OTHER: {"passed": 1}}
    assert "2 passed, in the files below" in page.read_text()


def test_a_test_in_which_its_worker_ended_is_a_failure_of_the_file(page):
    run(page, {ONE: 2}, {ONE: [("passed",)] * 2})
    heard = begun(page, {ONE: 2})
    first, second = ids({ONE: 2})
    report(heard, first, (PHASES[0], ("???", "failed")))
    report(heard, second)
    heard.pytest_xdist_node_collection_finished("gw2", ids({ONE: 2}))  # the worker in its place
    assert outcomes(page) == {ONE: {"passed": 1, "failed": 1}}


def test_a_worker_that_begins_while_a_test_is_under_way_loses_none(page):
    heard = begun(page, {ONE: 2})
    first, second = ids({ONE: 2})
    report(heard, first, PHASES[:2])
    heard.pytest_xdist_node_collection_finished("gw2", ids({ONE: 2}))
    report(heard, first, PHASES[2:])
    report(heard, second)
    assert outcomes(page) == {ONE: {"passed": 2}}


def test_a_file_that_cannot_be_imported_is_not_what_it_was(page):
    run(page, {ONE: 3, OTHER: 1}, {ONE: [("passed",)] * 3, OTHER: [("passed",)]})
    heard = evidence.Evidence(page)
    heard.pytest_collectreport(SimpleNamespace(nodeid=OTHER, outcome="passed"))
    heard.pytest_collectreport(SimpleNamespace(nodeid=ONE, outcome="failed"))
    heard.pytest_sessionfinish()
    assert outcomes(page) == {ONE: {"failed": 1}, OTHER: {"passed": 1}}
    assert "| It adds. | 1 failed | `make evidence TESTS=tests/test_one.py` |" in page.read_text()
