"""One pass of EM over all rows, compiled by JAX: block by block through the cache, and many rows shared out among the cores."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as Spec

from inference.engines.closed_form import ClosedForm, State, Statistics
from inference.engines.e_step import e_step

OF_ROWS = ("x", "row_weights", "labels")
"""What has an entry a row."""

Data = Mapping[str, Any]


def placed(arrays: Mapping[str, np.ndarray], mesh: Mesh | None) -> dict[str, jax.Array]:
    """The rows' arrays where they are worked on, not copied: nobody writes to observations.

    Each device has equally many rows; the last one's begin early enough, and `seen` says how many of its first ones another has too.
    """
    if mesh is None:
        return {name: jax.device_put(value, may_alias=True) for name, value in arrays.items()}
    rows, devices = len(arrays["x"]), list(mesh.devices.flat)
    share = -(-rows // len(devices))
    begins = np.minimum(share * np.arange(len(devices)), rows - share)
    sharding = NamedSharding(mesh, Spec("cores"))

    def shared(value: np.ndarray) -> jax.Array:
        parts = [
            jax.device_put(value[begin : begin + share], device, may_alias=True)
            for begin, device in zip(begins, devices, strict=True)
        ]
        shape = (share * len(devices), *value.shape[1:])
        return jax.make_array_from_single_device_arrays(shape, sharding, parts)

    seen = share * np.arange(len(devices)) - begins
    return {name: shared(value) for name, value in arrays.items()} | {"seen": jax.device_put(seen, sharding)}


def over_rows(
    closed: ClosedForm, is_hard: bool, block: int, mesh: Mesh | None
) -> Callable[[State, Data], tuple[jax.Array, Statistics]]:
    """A function (state, data) -> objective and statistics of all rows."""

    def of_block(state: State, data: Data, index: jax.Array | int) -> tuple[jax.Array, Statistics]:
        numbers, rows = jnp.arange(state["weights"].shape[0])[:, None], data["x"].shape[0]
        # the last block begins early enough to be whole; rows it shares with the one before count once
        begin = jnp.minimum(index * block, rows - block)
        cut = {name: jax.lax.dynamic_slice_in_dim(data[name], begin, block) for name in OF_ROWS if name in data}
        x = ((cut["x"] - data["centre"]) / data["unit"]).T
        weights = cut.get("row_weights")
        if rows % block or "seen" in data:
            place = begin + jnp.arange(block)
            is_new = (place >= index * block) & (place >= (data["seen"][0] if "seen" in data else 0))
            weights = jnp.where(is_new, 1.0 if weights is None else weights, 0.0)
        return e_step(jnp, closed, state, x, weights, cut.get("labels"), numbers, is_hard)

    def of_share(state: State, data: Data) -> tuple[jax.Array, Statistics]:
        rows = data["x"].shape[0]
        if rows == block:
            return of_block(state, data, 0)
        shapes = jax.eval_shape(of_block, state, data, 0)
        zero = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        sums, _ = jax.lax.scan(
            lambda carry, index: (jax.tree.map(jnp.add, carry, of_block(state, data, index)), None),
            zero,
            jnp.arange(-(-rows // block)),
        )
        return sums

    def of_all(state: State, data: Data) -> tuple[jax.Array, Statistics]:
        specs = {name: Spec("cores") if name in (*OF_ROWS, "seen") else Spec() for name in data}
        add_up = jax.shard_map(
            lambda state, data: jax.lax.psum(of_share(state, data), "cores"),
            mesh=mesh,
            in_specs=(Spec(), specs),
            out_specs=Spec(),
            check_vma=False,
        )
        return add_up(state, dict(data))

    return of_share if mesh is None else of_all
