"""Whatever is passed in place of a right argument is refused in words of this package, soon, and never taken for something else."""

import inspect
import signal
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

import inference
import mixtures
from inference import plots
from mixtures.errors import MixturesError
from tests.arguments.verbs import GROUPS, Results, Verb

SECONDS = 60
"""A call that is refused takes a few milliseconds; more than this is a hang, on a busy machine too."""


class Hang(BaseException):
    """Not an Exception: nothing on the way may catch it."""


@contextmanager
def watched(seconds: int = SECONDS):
    def ring(*_):
        raise Hang(f"no answer in {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def outcome(call: Callable[..., Any], arguments: dict[str, Any]) -> str | None:
    """What went wrong: a foreign exception, a hang, an answer; None where the call was refused in words."""
    try:
        with watched(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call(**arguments)
    except MixturesError as error:
        return None if ": got " in str(error) and len(str(error)) < 2000 else f"an odd text: {str(error)[:200]}"
    except (Exception, Hang) as error:
        return f"{type(error).__name__}: {str(error)[:120]}"
    return "accepted"


@pytest.fixture(scope="module")
def made():
    return Results()


def faults_of(verb: Verb) -> list[str]:
    """Every value that an argument does not take, in its place."""
    found: dict[tuple[str, str], list[str]] = {}
    for argument, kind in verb.kinds.items():
        for label, make in kind.wrong():
            fault = outcome(verb.call, {**verb.right, argument: make()})
            if fault is not None:
                found.setdefault((argument, fault), []).append(label)
        plt.close("all")
    return [
        f"{verb.call.__qualname__}({argument}): {fault}: {', '.join(labels)}"
        for (argument, fault), labels in found.items()
    ]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_bad_arguments_are_refused(group, made, record_property):
    verbs = list(group(made))
    faults = [fault for verb in verbs for fault in faults_of(verb)]
    kinds = [kind for verb in verbs for kind in verb.kinds.values()]
    values = sum(len(list(kind.wrong())) for kind in kinds)
    tried = {"calls": len(verbs), "arguments": len(kinds), "values": values, "faults": len(faults)}
    record_property("Bad arguments refused", {"group": group.__name__, **{name: str(n) for name, n in tried.items()}})
    assert not faults, f"{len(faults)} faults:\n" + "\n".join(faults)


def test_every_public_callable_is_tried(made):
    """A verb that is added, or an argument, is to be tried as well."""
    verbs = [verb for group in GROUPS for verb in group(made)]
    tried = {(verb.call, argument) for verb in verbs for argument in (*verb.kinds, *verb.untried)}
    public = [getattr(module, name) for module in (inference, mixtures, plots) for name in module.__all__]
    results = {name for name in inference.__all__ if isinstance(getattr(inference, name), type)} | {
        "Program",
        "Formula",
        "Source",
    }
    for call in public:
        if callable(call) and call.__name__ not in results:
            absent = [name for name in inspect.signature(call).parameters if (call, name) not in tried]
            assert not absent, f"{call.__name__}: {absent}"


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_two_bad_arguments_are_refused(group, made):
    """Each check may meet what another has not yet refused."""
    rng, faults = np.random.default_rng(0), []
    verbs = [verb for verb in group(made) if len(verb.kinds) > 1]
    for _ in range(1000 if verbs else 0):
        verb = verbs[rng.integers(len(verbs))]
        chosen = [str(name) for name in rng.choice(list(verb.kinds), 2, replace=False)]
        values = {name: list(verb.kinds[name].wrong()) for name in chosen}
        picked = {name: listed[rng.integers(len(listed))] for name, listed in values.items()}
        fault = outcome(verb.call, verb.right | {name: make() for name, (_, make) in picked.items()})
        if fault is not None:
            said = ", ".join(f"{name}={label}" for name, (label, _) in picked.items())
            faults.append(f"{verb.call.__qualname__}({said}): {fault}")
        plt.close("all")
    assert not faults, f"{len(faults)} faults:\n" + "\n".join(faults)
