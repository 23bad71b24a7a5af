"""The site answers for everything that the packages say: public names are in the reference; texts of statuses, findings, warnings and
refusals are in the troubleshooting page; code on pages is executed. Texts are read from the source: a new one without an entry fails here."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import inference
import inference.plots
import mixtures
from inference import Status, Verdict

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGE = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
TEXT = " ".join(PAGE.split())
HEADINGS = re.findall(r"^### (.*)$", PAGE, flags=re.MULTILINE)
SOURCES = sorted(path for package in ("mixtures", "inference") for path in (ROOT / package).rglob("*.py"))


def called(call: ast.Call) -> str:
    """The last name of what is called."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def texts(node: ast.expr, function: ast.AST) -> list[str]:
    """What an expression may say: with "..." for formatted values, names as what the function assigns to them."""
    if isinstance(node, ast.Constant):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return ["".join(part.value if isinstance(part, ast.Constant) else "..." for part in node.values)]
    if isinstance(node, ast.IfExp):
        return texts(node.body, function) + texts(node.orelse, function)
    if isinstance(node, ast.Name):
        assigned = [a.value for a in ast.walk(function) if isinstance(a, ast.Assign) and a.targets[0].id == node.id]
        return [text for value in assigned for text in texts(value, function)]
    return []


def calls() -> Iterator[tuple[ast.Call, ast.FunctionDef]]:
    """Every call in the packages, and the function that it stands in."""
    for path in SOURCES:
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                yield from ((node, function) for node in ast.walk(function) if isinstance(node, ast.Call))


CALLS = list(calls())


def said(name: str, which: int | str) -> list[str]:
    """All texts that calls of `name` have as an argument, given by its place or its keyword; those of words, not of values alone."""
    found = []
    for call, function in CALLS:
        if called(call) == name:
            by_name = {keyword.arg: keyword.value for keyword in call.keywords}
            node = by_name.get(which) if isinstance(which, str) else (call.args[which:] or [None])[0]
            found += [] if node is None else texts(node, function)
    return sorted({text for text in found if re.search(r"[a-z]{3}", text)})


@pytest.mark.parametrize("sentence", [*Status, *Verdict], ids=lambda sentence: sentence.name)
def test_every_status_and_verdict_has_an_entry_headed_by_its_first_words_and_quoting_it(sentence):
    heading = sentence.value.split(":")[0]
    assert f"### {heading}\n\n> {sentence.value}\n" in PAGE


@pytest.mark.parametrize("name", said("PosteriorWarning", 0))
def test_every_warning_of_a_posterior_has_an_entry_headed_by_its_name(name):
    assert name in HEADINGS


@pytest.mark.parametrize(
    "text", [*said("PosteriorWarning", 1), *said("warn", 0), *said("warn_of_former", 0), *said("FitError", "got")]
)
def test_every_finding_warning_and_refusal_is_quoted(text):
    assert re.search(re.escape(text).replace(r"\.\.\.", ".{1,60}?"), TEXT)


def test_the_texts_are_found_in_the_source():
    findings = said("PosteriorWarning", 1)
    assert any("E-BFMI" in text for text in findings)
    assert any("cannot be computed" in text for text in findings)  # one of two, by a condition
    assert any("finite gradient" in text for text in said("FitError", "got"))  # by a name


@pytest.mark.parametrize("module", [mixtures, mixtures.families, mixtures.assignments, inference, inference.plots])
def test_every_public_name_is_in_the_reference(module):
    pages = "\n".join(path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.md"))
    assert [name for name in module.__all__ if not re.search(rf"\b{name}\b", pages)] == []


@pytest.mark.parametrize("page", sorted([*DOCS.glob("*.md"), *DOCS.glob("data/*.md")]), ids=lambda page: page.stem)
def test_python_on_pages_is_executed(page):
    text = page.read_text(encoding="utf-8")
    if "```{code-cell}" in text:
        assert text.startswith("---\nfile_format: mystnb\n")  # without it MyST-NB takes the page for text
    if page.name != "notation.md":  # whose blocks test_documents runs
        assert "```python" not in text
