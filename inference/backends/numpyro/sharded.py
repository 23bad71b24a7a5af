"""The log density and its gradient where rows are sharded over the devices of a mesh, of one process or of several.

Each device sums over its share of the rows, and JAX's `psum` adds up the likelihood and its derivatives by what rows need of the parameters: a
few matrices. What leads there from the vector, with determinants and priors, and back from the derivatives to the gradient, are programs of
one device, which every process computes for itself: on CPU devices LAPACK's batches and a `psum` can wait for each other's threads.
"""

import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from inference.backends.numpyro.filled import filled
from inference.backends.numpyro.hub import of_no_row, split_density
from inference.backends.numpyro.jit import ON_ONE_CORE, Compiled, jit
from inference.backends.numpyro.sites import CACHED, Values
from inference.backends.numpyro.split import Held
from inference.backends.numpyro.vector import Space, halves
from inference.backends.sites import Sites
from mixtures import Program

LAPACK = {"cholesky", "eigh", "eig", "lu", "qr", "svd", "triangular_solve", "geqrf", "householder_product", "schur"}
"""Operations that threads of LAPACK's, or of BLAS', share out among them."""

OfOne = Callable[[np.ndarray], tuple[float, np.ndarray]]
"""A vector (size,) -> its log density, and gradient (size,)."""


def over_mesh(program: Program, sites: Sites, prior: bool, jacobian: bool, data: Values, mesh: Mesh) -> OfOne | None:
    """The log density, rows sharded along all axes of the mesh; None where they hang together, or need LAPACK."""
    if not sites.has_hub or sites.has_prior_in_rows or not sites.is_row_wise:
        return None
    numbers, rows = of_no_row(_padded(data, mesh.size))
    share = {name: value[: len(value) // mesh.size] for name, value in rows.items()}
    if mesh.devices.flat[0].platform == "cpu" and _factors_in_rows(program, sites, numbers, share):
        return None
    there, total, back = _compiled(program, sites, prior, jacobian, mesh, tuple(rows))
    along = NamedSharding(mesh, PartitionSpec(mesh.axis_names))
    placed = {name: jax.make_array_from_callback(v.shape, along, v.__getitem__) for name, v in rows.items()}
    one_at_a_time = threading.Lock()  # of two threads' calls each device could begin with another, and wait for ever

    def of_one(u: np.ndarray) -> tuple[float, np.ndarray]:
        held, rest = there(u, data, share)
        with one_at_a_time:
            likelihood, slopes = total(_as_numpy(held), numbers, placed)
        return float(likelihood) + float(rest), np.asarray(back(u, data, share, _as_numpy(slopes)))

    return of_one


def _padded(data: Values, devices: int) -> Values:
    """As many rows for each device."""
    rows = len(data["x"])
    more = -rows % devices
    return filled(data, rows + more) if more else data


@functools.lru_cache(CACHED)
def _compiled(
    program: Program, sites: Sites, prior: bool, jacobian: bool, mesh: Mesh, names: tuple[str, ...]
) -> tuple[Compiled, Compiled, Compiled]:
    """What a gradient passes through.

    Returns:
        (vector, data, rows of a share) -> what rows need, and the density of all that is of no row; on the mesh, (what rows need,
        hyperparameters, rows by these names) -> log likelihood, and its derivatives by what rows need, as far as that is real; and
        (vector, data, rows of a share, these derivatives) -> the gradient.
    """

    def there(u: jax.Array, data: Values, share: Values) -> tuple[Held, jax.Array]:
        numbers, space = of_no_row(data)[0], Space(program, sites, data)
        return halves(program, sites, prior, jacobian, u, space, {**numbers, **share})[0](u, numbers)

    def of_share(held: Held, numbers: Values, rows: Values) -> tuple[jax.Array, Held]:
        of_rows = split_density(program, sites, _shapes(sites), {**numbers, **rows})[1]
        found = jax.value_and_grad(lambda real: of_rows(_whole(real, held)))(_real(held))
        return jax.lax.psum(found, mesh.axis_names)

    def back(u: jax.Array, data: Values, share: Values, slopes: Held) -> jax.Array:
        def real(u: jax.Array) -> tuple[Held, jax.Array]:
            held, rest = there(u, data, share)
            return _real(held), rest

        (_, rest), pulled = jax.vjp(real, u)
        return pulled((slopes, jnp.ones_like(rest)))[0]

    everywhere, along = PartitionSpec(), PartitionSpec(mesh.axis_names)
    of_all = jax.shard_map(
        of_share,
        mesh=mesh,
        in_specs=(everywhere, everywhere, dict.fromkeys(names, along)),
        out_specs=everywhere,
        check_vma=False,  # that sums are the same everywhere JAX cannot tell through a loop over blocks
    )
    return jit(there), jit(of_all, ON_ONE_CORE), jit(back)


def _is_real(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jnp.floating))


def _real(held: Held) -> Held:
    return [leaf for leaf in held if _is_real(leaf)]


def _whole(real: Held, held: Held) -> Held:
    parts = iter(real)
    return [next(parts) if _is_real(leaf) else leaf for leaf in held]


def _as_numpy(leaves: Held) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in leaves]


def _shapes(sites: Sites) -> Values:
    return {site.name: jax.ShapeDtypeStruct(site.shape, np.float64) for site in sites.parameters}


def _factors_in_rows(program: Program, sites: Sites, numbers: Values, share: Values) -> bool:
    """Whether what is of rows factors matrices, or solves by them, as that of factor analysers does."""
    of_parameters, of_rows = split_density(program, sites, _shapes(sites), {**numbers, **share})
    needed, _ = jax.eval_shape(of_parameters, _shapes(sites), numbers)
    return bool(LAPACK & set(_operations(jax.make_jaxpr(of_rows)(needed).jaxpr)))


def _operations(jaxpr: core.Jaxpr) -> Iterator[str]:
    """The names of all operations, those within others too."""
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for inner in core.jaxprs_in_params(equation.params):
            yield from _operations(inner)
