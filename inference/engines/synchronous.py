"""A CPU device whose calls return when their work is done: for functions that are called ten thousand times a second.

JAX hands a call to a thread of its own and returns at once. For work of 20 microseconds the hand-over costs three times the work, and JAX's
switch for it belongs to the whole process and must be set before its first computation. A second client beside JAX's own leaves the caller's
alone.
"""

import functools
from typing import Any

import jax
from jaxlib import xla_client


@functools.cache
def device() -> jax.Device:
    """The device; data that lie on it take the functions they are given to with them."""
    client: Any = xla_client.make_cpu_client(asynchronous=False)
    return client.devices()[0]
