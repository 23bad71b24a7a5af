"""The page of evidence, written from what a run of the tests just found: `make evidence`, or `pytest --evidence=docs/evidence.md`. Files are run
whole, with `-m "slow or not slow"`: a file's record has the tests that were selected, and forgets the others.

Each file of tests is a claim, its docstring; the page has how many tests hold it up and the command that runs them. Figures come from the tests
themselves, by pytest's `record_property(title, row)`: nothing on the page is typed by hand. What the columns of a title are, and what would be a
failure, is said in `tests/figures.py`.
"""

import ast
import datetime
import json
import platform
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from mixtures.whole_files import write_whole
from tests.figures import Rows, said_of

ROOT = Path(__file__).parents[1]
PACKAGES = ("bayes-mixtures", "numpyro", "jax", "pyro-ppl", "torch", "nutpie", "blackjax", "numpy", "scipy")
ROOMS = {
    "published": "What others published",
    "statistical": "Samplers and estimators, by chance alone",
    "laws": "Laws",
    "programs": "Programs of a user's own",
    "inference": "What is known about a mixture",
    "mixtures": "What a mixture is",
    "arguments": "Bad arguments, and bad priors",
    "examples": "Examples",
    "": "The whole",
}
"""Folders of tests, in the order of the page."""


CRASHED = "???"
"""What pytest-xdist says instead of a phase when a worker ended in a test: nothing follows of this test."""

Found = dict[str, Any]
"""What was found of a file: the `date`, the number of tests by `outcomes`, and the `figures` that tests recorded, (title, row) each."""


class Evidence:
    """Listens to a run, keeps what was found of each file beside the page, in JSON, and writes the page from all that is kept.

    A file's tests take their place when they are finished, all that were selected: a run that is interrupted or killed loses one file or two,
    and a run of some files, if beside another one, leaves what is known of the others.

    Args:
        path: of the page.
    """

    def __init__(self, path: Path):
        self.path, self.kept = path, path.with_suffix(".json")
        self.expected: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.now: dict[str, Found] = {}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.outcome != "passed":  # a file that cannot be imported, or skips itself, has one outcome and no tests
            self._keep(_file(report.nodeid), {**_nothing(), "outcomes": {report.outcome: 1}})

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._expect(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        self._expect(ids)  # every worker collects the same

    def _expect(self, tests: Iterable[str]) -> None:
        self.expected = Counter(map(_file, tests)) or self.expected

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file = _file(report.nodeid)
        found = self.now.setdefault(file, _nothing())
        if report.when == "call" or report.outcome != "passed":
            found["outcomes"][report.outcome] = found["outcomes"].get(report.outcome, 0) + 1
        if report.when == "call":
            found["figures"] += report.user_properties
        if report.when in ("teardown", CRASHED):
            self.ended[file] += 1
            if self.ended[file] == self.expected[file]:
                self._keep(file, found)

    def _keep(self, file: str, found: Found) -> None:
        by_name = dict(sorted({**self._known(), file: found}.items()))
        write_whole(self.kept, f"{json.dumps(by_name, indent=1)}\n".encode(), overwrite=True)

    def _known(self) -> dict[str, Found]:
        """What is kept of the files that there still are; read each time, for another run may have kept some meanwhile."""
        kept = json.loads(self.kept.read_text(encoding="utf-8")) if self.kept.exists() else {}
        return {file: found for file, found in kept.items() if (ROOT / file).exists()}

    def pytest_sessionfinish(self) -> None:
        files = self._known()
        lines = [*_head(files), *_figures(files), *_benchmarks(), *_claims(files), ""]
        self.path.write_text("\n".join(lines), encoding="utf-8")


def _nothing() -> Found:
    """What is found of a file before its first test."""
    return {"date": f"{datetime.date.today()}", "outcomes": {}, "figures": []}


def _head(files: Mapping[str, Found]) -> list[str]:
    total = sum((Counter(found["outcomes"]) for found in files.values()), Counter())
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    all_files = {f"{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "tests").rglob("test_*.py")}
    unsound = [file for file, found in sorted(files.items()) if set(found["outcomes"]) != {"passed"}]
    return [
        "# Evidence",
        "",
        "What the tests found when they were last run for this page: `make evidence` writes it. The expectation of a test comes from "
        "another route than the package's own: sums over all assignments, SciPy, closed forms, the other backend, published numbers. "
        "The command beside a claim runs its tests, long ones too, and puts what they find here.",
        "",
        f"{datetime.date.today()}, Python {platform.python_version()} on {platform.machine()}, {versions}. {_tally(total)}, in the files "
        f"below, each with the day on which it ran: {len(files)} of {len(all_files | set(files))} files of tests. "
        + (f"Not all is well in {', '.join(map(_command, unsound))}." if unsound else "All passed."),
    ]


def _figures(files: Mapping[str, Found]) -> list[str]:
    """A table for each kind of figure that tests recorded: what it says, what is to be said of all of its rows, and the command."""
    tables: dict[str, Rows] = defaultdict(list)
    recorded: dict[str, list[str]] = defaultdict(list)
    for file, found in sorted(files.items()):
        for title, row in found["figures"]:
            tables[title].append(row)
            recorded[title] = sorted({*recorded[title], file})
    lines = []
    for title, rows in sorted(tables.items()):
        said = [*said_of(title, rows), *map(_command, recorded[title])]
        lines += ["", f"## {title}", "", " ".join(said), "", *_table(sorted(rows, key=_by_numbers))]
    return lines


def _by_numbers(row: dict[str, str]) -> list[list[str | int]]:
    """The order of rows: of K = 9 before K = 10."""
    cells = [re.split(r"(\d+)", str(value)) for value in row.values()]
    return [[int(part) if place % 2 else part for place, part in enumerate(parts)] for parts in cells]


def _claims(files: Mapping[str, Found]) -> list[str]:
    lines = []
    for room, title in ROOMS.items():
        rows = [
            {
                "claim": _claim(ROOT / file),
                "tests": _tally(found["outcomes"]),
                "command": _command(file),
                "run": found["date"],
            }
            for file, found in sorted(files.items())
            if _room(file) == room
        ]
        if rows:
            lines += ["", f"## {title}", "", *_table(rows)]
    return lines


def _tally(outcomes: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))


def _command(file: str) -> str:
    """Long tests are no part of a plain run of pytest."""
    return f"`make evidence TESTS={file}`"


def _file(test: str) -> str:
    return test.partition("::")[0]


def _benchmarks() -> list[str]:
    """What each benchmark printed when it was last run for the record."""
    lines = ["", "## Speed, beside other programs: `make bench`"]
    for kept in sorted((ROOT / "docs" / "measured").glob("*.txt")):
        lines += ["", "```text", *kept.read_text(encoding="utf-8").splitlines(), "```"]
    return lines


def _table(rows: Rows) -> list[str]:
    """Markdown; what a line repeats of the line above, from the left on, is left out."""
    names, above = list(rows[0]), [""] * len(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for row in rows:
        cells = [str(row[name]).replace("|", "\\|") for name in names]
        repeated = next((place for place, pair in enumerate(zip(cells, above, strict=True)) if pair[0] != pair[1]), 0)
        lines.append("| " + " | ".join([""] * repeated + cells[repeated:]) + " |")
        above = cells
    return lines


def _claim(file: Path) -> str:
    """The first paragraph of a file's docstring."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split())


def _room(file: str) -> str:
    """The folder of a file of tests, one of `ROOMS`."""
    first = file.split("/")[1] if file.count("/") > 1 else ""
    return first if first in ROOMS else ""
