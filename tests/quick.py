"""Which tests the quick run takes, and in which order: compiling takes longer than all else, and every case of a test compiles anew.

`@pytest.mark.quick("numpyro-*", reason=...)` on a test of many cases names those, by patterns of their ids, that show what the test has to
show of code which all cases share; `but=[...]` names those that may be left out. What is left out is slow: `make test-all` runs every case.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase

import pytest

LONGEST = (
    "tests/inference/test_hidden_markov.py",
    "tests/examples/test_examples.py",
    "tests/inference/test_families.py",
    "tests/inference/posterior/test_frame.py",
    "tests/programs/test_programs.py",
    "tests/test_documents.py",
    "tests/inference/cli/test_command.py",
    "tests/inference/posterior/test_nuts.py",
    "tests/inference/posterior/test_telescope.py",
    "tests/inference/desk/test_run.py",
)
"""Files that begin first, so that no worker is left alone with one of them at the end."""


def mark_the_others_slow(items: Sequence[pytest.Item], asked: Sequence[str]) -> None:
    """Mark the cases that a marker `quick` leaves out.

    Args:
        items: tests that were collected.
        asked: files, folders and single tests that the run was asked for.

    Raises:
        pytest.UsageError: a pattern that no case of its test meets; unless single tests were asked for, which lack the others.
    """
    unmet: dict[tuple[str, frozenset[str]], set[str]] = {}
    for item in items:
        for marker in item.iter_markers("quick"):
            patterns = {*marker.args, *marker.kwargs.get("but", ())}
            case = item.name.partition("[")[2].removesuffix("]")
            met = {pattern for pattern in patterns if fnmatchcase(case, pattern)}
            test = item.nodeid.partition("[")[0], frozenset(patterns)
            unmet.setdefault(test, set(patterns)).difference_update(met)
            if met.intersection(marker.kwargs.get("but", ())) or (marker.args and not met):
                item.add_marker(pytest.mark.slow)
    lost = {test: patterns for (test, _), patterns in unmet.items() if patterns}
    if lost and not any("::" in path for path in asked):
        raise pytest.UsageError(
            f"quick: got patterns that no case meets, {lost}; expected ids of cases, as pytest prints them."
        )


def longest_first(items: list[pytest.Item]) -> None:
    """Sort tests so that the longest files come first."""
    turn = {path: number for number, path in enumerate(LONGEST)}
    items.sort(key=lambda item: turn.get(item.nodeid.partition("::")[0], len(turn)))
