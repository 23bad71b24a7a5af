"""CPU devices beside JAX's own: JAX's switches for them belong to the whole process, and the caller's stay as they are.

Data that lie on such a device take the compiled functions they are given to with them.
"""

import functools
import os
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh
from jaxlib import xla_client

MOST_DEVICES = 16
"""Beyond so many, adding up their sums costs more than another one saves."""


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


@functools.cache
def cores() -> Mesh | None:
    """A device for each core, along the axis "cores"; None where there is one core, or JAX computes on something else.

    Small matrix products on a device of their own are several times faster than when XLA shares each of them out among threads.
    """
    count = min(available(), MOST_DEVICES)
    if count == 1 or jax.default_backend() != "cpu":
        return None
    client: Any = xla_client.make_cpu_client(num_devices=count)
    return Mesh(np.array(client.devices()), ("cores",))
