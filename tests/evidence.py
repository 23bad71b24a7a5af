"""The page of evidence, written from what a run of the tests just found: `make evidence`, or `pytest --evidence=docs/evidence.md`.

Each file of tests is a claim, its docstring; the page has how many tests hold it up and the command that runs them. Figures come from the tests
themselves, by pytest's `record_property`: nothing on the page is typed by hand.
"""

import ast
import datetime
import platform
from collections import Counter, defaultdict
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("bayes-mixtures", "numpyro", "jax", "pyro-ppl", "torch", "numpy", "scipy")
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


class Evidence:
    """Listens to a run, and writes the page at its end.

    Args:
        path: of the page.
    """

    def __init__(self, path: Path):
        self.path = path
        self.outcomes: dict[str, Counter[str]] = defaultdict(Counter)
        self.figures: dict[str, list[dict[str, str]]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.nodeid.partition("::")[0]][report.outcome] += 1
        if report.when == "call":
            for table, figure in report.user_properties:
                self.figures[table].append(figure)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        asked = session.config.getoption("markexpr") or "all tests"
        lines = [*_head(asked, self.outcomes), *self._figures(), *_benchmarks(), *self._claims(), ""]
        self.path.write_text("\n".join(lines))

    def _figures(self) -> list[str]:
        """A table for each kind of figure that tests recorded."""
        lines = []
        for title, rows in sorted(self.figures.items()):
            lines += ["", f"## {title}", "", *_table(sorted(rows, key=lambda row: list(row.values())))]
        return lines

    def _claims(self) -> list[str]:
        lines = []
        for room, title in ROOMS.items():
            rows = [
                {
                    "claim": _claim(ROOT / file),
                    "tests": ", ".join(f"{count} {outcome}" for outcome, count in sorted(found.items())),
                    "command": f"`pytest {file}`",
                }
                for file, found in sorted(self.outcomes.items())
                if _room(file) == room
            ]
            if rows:
                lines += ["", f"## {title}", "", *_table(rows)]
        return lines


def _head(asked: str, outcomes: dict[str, Counter[str]]) -> list[str]:
    total = sum(outcomes.values(), Counter())
    tally = ", ".join(f"{count} {outcome}" for outcome, count in sorted(total.items()))
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    return [
        "# Evidence",
        "",
        "What the tests found when they were last run for this page: `make evidence` writes it. The expectation of a test comes from another "
        "route than the package's own: sums over all assignments, SciPy, closed forms, the other backend, published numbers.",
        "",
        f"{datetime.date.today()}, Python {platform.python_version()} on {platform.machine()}, {versions}. Tests: `{asked}`; "
        f"{tally}, in the files below.",
    ]


def _benchmarks() -> list[str]:
    """What each benchmark printed when it was last run for the record."""
    lines = ["", "## Speed, beside other programs: `make bench`"]
    for kept in sorted((ROOT / "docs" / "measured").glob("*.txt")):
        lines += ["", "```text", *kept.read_text(encoding="utf-8").splitlines(), "```"]
    return lines


def _table(rows: list[dict[str, str]]) -> list[str]:
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
