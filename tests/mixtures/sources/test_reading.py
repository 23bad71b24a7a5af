"""A thread reads ahead, others compute; whatever ends one side ends the other, and nothing hangs."""

import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from mixtures.sources.reading import in_order, read_ahead
from mixtures.sources.tree import Tree, summed


def readers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("reader")]


def test_blocks_come_in_order_and_no_more_are_read_than_are_wanted_soon():
    read = []

    def blocks():
        for number in range(100):
            read.append(number)
            yield number

    ahead = read_ahead(blocks(), 3)
    assert [next(ahead) for _ in range(10)] == list(range(10))
    time.sleep(0.05)
    assert len(read) <= 10 + 3
    ahead.close()
    assert not readers()


def test_reading_and_computing_overlap():
    def slow(number):
        time.sleep(0.05)
        return number

    begin = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        assert list(in_order(pool, slow, read_ahead(map(slow, range(8))), 2)) == list(range(8))
    assert time.monotonic() - begin < 0.75  # one after the other they take 0.8 seconds


def test_an_error_of_the_reader_is_raised_where_blocks_are_taken():
    def blocks():
        yield 1
        raise OSError("the disk is gone")

    ahead = read_ahead(blocks())
    assert next(ahead) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(ahead)
    assert not readers()


def test_an_error_of_one_block_ends_all():
    done = []

    def compute(number):
        if number == 3:
            raise ValueError("three")
        done.append(number)
        return number

    with ThreadPoolExecutor(2) as pool, pytest.raises(ValueError, match="three"):
        list(in_order(pool, compute, read_ahead(iter(range(1000))), 4))
    assert len(done) < 20 and not readers()


INTERRUPTED = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a process started in the background may have it ignored
import numpy as np
from inference import fit_em
from mixtures import gaussian_mixture, source

def chunks():
    for _ in range(20):
        time.sleep(0.02)
        yield x

x = np.random.default_rng(0).normal(size=(100, 2))
print("begun", flush=True)
try:
    fit_em(gaussian_mixture(2), source(chunks), restarts=50, seed=0)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_ctrl_c_ends_a_fit_within_moments():
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begun\n"
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert (out, process.returncode) == ("interrupted\n", 0)


def test_the_tree_depends_on_the_number_of_values_alone():
    for count in range(1, 20):
        tree = Tree(lambda a, b: (a, b))
        for number in range(count):
            tree.push(number)

        def pairs(begin, end):
            if end - begin == 1:
                return begin
            half = 1 << (end - begin - 1).bit_length() - 1  # the largest whole tree comes first
            return pairs(begin, begin + half), pairs(begin + half, end)

        assert tree.total() == pairs(0, count)


def test_named_values_are_added_by_name():
    several = [{"rows": 2.0**n, "sum": -(3.0**n)} for n in range(7)]
    assert summed(several) == {"rows": 2.0**7 - 1, "sum": -(3.0**7 - 1) / 2}
