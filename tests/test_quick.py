"""The quick run takes the cases that a test says, and what it says is of cases that are there."""

from types import SimpleNamespace

import pytest

from tests.quick import mark_the_others_slow


class Case:
    """A collected case of one test."""

    def __init__(self, name, *markers):
        self.name, self.nodeid = f"test_it[{name}]", f"tests/test_it.py::test_it[{name}]"
        self.markers, self.is_slow = markers, False

    def iter_markers(self, name):
        return self.markers

    def add_marker(self, marker):
        self.is_slow = marker.name == "slow"


def slow(*args, **kwargs):
    cases = [Case(name, SimpleNamespace(args=args, kwargs=kwargs)) for name in ("numpyro-a", "numpyro-b", "pyro-a")]
    mark_the_others_slow(cases, ["tests"])
    return [case.name[8:-1] for case in cases if case.is_slow]


def test_cases_that_are_not_chosen_are_slow():
    assert slow("pyro-*", "numpyro-b") == ["numpyro-a"]
    assert slow(but=["*-a"]) == ["numpyro-a", "pyro-a"]
    assert slow("numpyro-*", but=["*-b"]) == ["numpyro-b", "pyro-a"]


def test_a_pattern_that_no_case_meets_is_an_error():
    with pytest.raises(pytest.UsageError, match="'torch-.'.*expected ids of cases"):
        slow("numpyro-*", "torch-*")
    two = [SimpleNamespace(args=(pattern,), kwargs={}) for pattern in ("numpyro-*", "torch-*")]
    with pytest.raises(pytest.UsageError, match="'torch-.'"):
        mark_the_others_slow([Case("numpyro-a", *two)], ["tests"])
    alone = Case("numpyro-a", SimpleNamespace(args=("numpyro-a", "pyro-a"), kwargs={}))
    mark_the_others_slow([alone], ["tests/test_it.py::test_it[numpyro-a]"])
    assert not alone.is_slow
