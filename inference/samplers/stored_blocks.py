"""A sampler goes on from stored blocks: its state, where the blocks hold what this sampler leaves in them."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from inference.samplers.protocol import Block
from mixtures.errors import StoredFileError


def continued(blocks: Sequence[Block], states: Any, records: Mapping[str, Any], first_kept: int) -> Any:
    """The state after the last block.

    Args:
        blocks: one or more.
        states: a state of the sampler, or its shapes.
        records: what a block of draws records, or its shapes.
        first_kept: the number of the first block after warm-up; those before record nothing.

    Raises:
        StoredFileError: states or records of another kind.
    """
    kinds = [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(states)]
    if any([(leaf.shape, leaf.dtype) for leaf in block.state] != kinds for block in blocks):
        raise StoredFileError(
            "store",
            got="a sampler's state of another kind: chains that ran together on another kind or number of devices",
            expected="the devices that the run began on",
            advice="Resume it there, or begin a new run.",
        )
    kept = {name: (value.shape, value.dtype) for name, value in records.items()}
    for number, block in enumerate(blocks):
        found = {name: (values.shape, values.dtype) for name, values in block.record.items()}
        if found != (kept if number >= first_kept else {}):
            raise StoredFileError(
                "store",
                got=f"block {number} with {', '.join(found) or 'no record'} in other shapes or types than the sampler's",
                expected=", ".join(kept) if number >= first_kept else "no record in warm-up",
                advice="Restore it from a copy, or delete it and those after it, and resume.",
            )
    leaves = [jnp.asarray(leaf) for leaf in blocks[-1].state]
    return jax.tree.unflatten(jax.tree.structure(states), leaves)
