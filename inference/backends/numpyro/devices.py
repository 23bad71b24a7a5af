"""A CPU device beside JAX's own: JAX's switches for it belong to the whole process, and the caller's stay as they are.

Data that lie on such a device take the compiled functions they are given to with them.
"""

import functools
import os
from typing import Any

import jax
from jaxlib import xla_client


def available() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def synchronous() -> jax.Device:
    """A device whose calls return when their work is done: for functions that are called ten thousand times a second.

    JAX hands a call to a thread of its own and returns at once; for work of 20 microseconds the hand-over costs three times the work.
    """
    client: Any = xla_client.make_cpu_client(asynchronous=False)
    return client.devices()[0]
