"""Ctrl-C in anything long ends the process soon, by KeyboardInterrupt, without a crash: nothing computes on behind it."""

import signal
import subprocess
import sys
import threading
import time

import pytest

from inference.backends.pieces import SECONDS, pieces
from mixtures.interrupts import answer_interrupts, held_interrupts, stop_on_interrupt


@pytest.fixture(autouse=True)
def answered():
    """Ctrl-C is heard, as in a terminal: a shell has what it starts in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


SETTING = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np
import inference, mixtures
model, x = mixtures.gaussian_mixture(3), np.random.default_rng(0).normal(size=(20_000, 3))
fit = inference.fit_em(model, x, restarts=1, max_steps=3, seed=0)
print("READY", flush=True)
try:
    {call}
except KeyboardInterrupt:
    sys.exit(0 if signal.getsignal(signal.SIGINT) is signal.default_int_handler else 3)
sys.exit(4)
"""

LONG = {
    "fit_map": "inference.fit_map(model, x, restarts=20, steps=10**6, optimizer='adam', seed=0)",
    "fit_mle": "inference.fit_mle(model, x, restarts=10, epochs=10**6, optimizer='adam', seed=0)",
    "fit_guide": "inference.fit_guide(fit, x, steps=1_000_000, seed=0)",
    "fit_em": "inference.fit_em(model, x, restarts=10_000, tolerance=1e-300, seed=0)",
    "generalised EM": "inference.fit_em(mixtures.student_t_mixture(3), x, restarts=1000, seed=0)",
    "sample_smc": "inference.sample_smc(model, x, particles=2000, runs=4, seed=0, progress=False)",
    "fit_vi": "inference.fit_vi(model, x, steps=100_000, seed=0, init=fit)",
    "many rows": "inference.fit_em(model, np.tile(x, (10, 1)), restarts=10_000, tolerance=1e-300, seed=0)",
    "in warm-up": "inference.sample_nuts(model, x, tune=10**6, seed=0, sampler='numpyro', init=fit, progress=False)",
    "simulate": "[mixtures.simulate(model, (100_000, 3), seed=seed) for seed in range(10**6)]",
}
"""Calls that would take hours."""


def _seconds_after_ctrl_c(call, delay):
    """How long the process lives after Ctrl-C, and its exit code."""
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SETTING.format(call=call)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout.readline() == "READY\n"
        time.sleep(delay)
        child.send_signal(signal.SIGINT)
        begin = time.monotonic()
        _, errors = child.communicate(timeout=300)
    finally:
        child.kill()
    return time.monotonic() - begin, child.returncode, errors


@pytest.mark.quick("2.0-fit_map", "2.0-generalised EM", "2.0-in warm-up", "2.0-many rows", reason="each kind of loop")
@pytest.mark.parametrize("verb", LONG)
@pytest.mark.parametrize(
    "delay", [2.0, pytest.param(20.0, marks=pytest.mark.slow), pytest.param(60.0, marks=pytest.mark.slow)]
)
def test_ctrl_c_ends_the_process(verb, delay):
    """Early ones meet tracing and compilation, late ones long pieces of work. The bound is for busy machines."""
    seconds, code, errors = _seconds_after_ctrl_c(LONG[verb], delay)
    assert code == 0, errors
    assert seconds < 120


def test_held_interrupts_are_answered_at_the_end():
    reached = []

    def work():
        with held_interrupts():
            signal.raise_signal(signal.SIGINT)
            reached.append(True)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == [True] and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_end_of_an_inner_scope_answers_too():
    reached = []

    def work():
        with held_interrupts():
            signal.raise_signal(signal.SIGINT)
            with held_interrupts():
                reached.append(True)
            reached.append(False)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == [True] and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_held_interrupt_is_answered_where_it_is_asked_for():
    reached = []

    def work():
        with held_interrupts():
            answer_interrupts()
            signal.raise_signal(signal.SIGINT)
            reached.append(True)
            answer_interrupts()
            reached.append(False)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == [True] and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_within_a_scope_that_stops_only_the_second_interrupts():
    with stop_on_interrupt() as is_stopped:
        with held_interrupts(), held_interrupts():
            signal.raise_signal(signal.SIGINT)
            assert not is_stopped()
        assert is_stopped()
        with pytest.raises(KeyboardInterrupt), held_interrupts():
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_inside_does_not_swallow_the_interrupt():
    def work():
        with held_interrupts():
            signal.raise_signal(signal.SIGINT)
            raise ValueError

    with pytest.raises(KeyboardInterrupt) as caught:
        work()
    assert isinstance(caught.value.__context__, ValueError)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_callers_own_handler_is_the_one_that_answers():
    seen = []
    found = signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    try:
        with held_interrupts():
            signal.raise_signal(signal.SIGINT)
            assert seen == []
        assert seen == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, found)


def test_ignored_interrupts_stay_ignored():
    found = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with held_interrupts():
            signal.raise_signal(signal.SIGINT)
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, found)


def test_other_threads_hold_nothing():
    seen = []

    def look():
        with held_interrupts():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


def test_pieces_cover_every_step_once_and_keep_to_their_time(monkeypatch):
    """A clock on which a step takes 20 ms, and the first call 5 s more."""
    now = [0.0]
    monkeypatch.setattr("inference.backends.pieces.time.perf_counter", lambda: now[0])
    taken = []
    for first, end in pieces(1000):
        now[0] += 0.02 * (end - first) + (5.0 if first == 0 else 0.0)
        taken.append((first, end))
    assert [step for first, end in taken for step in range(first, end)] == list(range(1000))
    assert all(0.02 * (end - first) <= SECONDS for first, end in taken)
    assert len(taken) < 50
