"""The terms of a Pyro program's density, one by one: what its structure is read off, and what is summed by it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyro
import torch
from pyro import poutine
from torch.distributions import biject_to

from inference.backends import sum_product
from inference.backends.probe import POINTS, SPREADS
from inference.backends.run_arguments import data_arrays
from inference.backends.structure import Assigned, Choice, Structure, Term, Terms
from inference.backends.sum_product import joined, restricted
from mixtures.ppl.pyro_ppl import is_deterministic, is_subsample

Values = dict[str, Any]
Model = Callable[..., Any]


def trace_sites(model: Model, data: Values) -> dict[str, Values]:
    """One forward trace of the program, sample sites only."""
    return {name: site for name, site in _every_site(model, data).items() if not is_deterministic(site)}


def _every_site(model: Model, data: Values) -> dict[str, Values]:
    nodes: dict[str, Values] = poutine.trace(model).get_trace(**data).nodes  # type: ignore[assignment]  # a message is a dict
    return {name: site for name, site in nodes.items() if site["type"] == "sample" and not is_subsample(site)}


def deterministic_sites(model: Model, values: Values, data: Values) -> dict[str, Values]:
    """The functions of the parameters that the program keeps, at given values of all unknowns."""
    with poutine.block(), poutine.condition(data=values):
        return {name: site for name, site in _every_site(model, data).items() if is_deterministic(site)}


def held_sites(model: Model, values: Values, data: Values) -> dict[str, Values]:
    """The same at given values of some sites."""
    with poutine.block(), poutine.condition(data=values):
        return trace_sites(model, data)


def log_prob(site: Values) -> torch.Tensor:
    """A site's log density, in the shape of its plates."""
    return site["scale"] * site["fn"].log_prob(site["value"])


def terms_at(model: Model, values: Values, data: Values) -> dict[str, torch.Tensor]:
    """Every term of the density by name, at values of all unknowns."""
    return {name: log_prob(site) for name, site in held_sites(model, values, data).items()}


def is_factor(site: Values) -> bool:
    """Whether a site is a factor."""
    return isinstance(site["fn"], pyro.distributions.Unit)


def plates_of(site: Values) -> tuple[tuple[str, int], ...]:
    """Name and dimension of every plate that a site is in; plates that are Python loops have none."""
    return tuple((frame.name, frame.dim) for frame in site["cond_indep_stack"] if frame.dim is not None)


class PyroProbe:
    """See `inference.backends.derivation.Probe`. Meant to be used in an isolated scope."""

    def __init__(self, model: Model, data: Values, terms: tuple[Term, ...], choices: tuple[Choice, ...]):
        self._model, self._data = model, data
        self.terms, self.choices, self.data = terms, choices, data_arrays(data)
        names = [term.name for term in terms if term.kind == "parameter"]
        spreads = (0.0,) * POINTS + SPREADS
        self.points: Sequence[Assigned] = tuple(self._drawn(names, *seeded) for seeded in enumerate(spreads))

    def _drawn(self, names: list[str], seed: int, spread: float) -> Assigned:
        """Parameters from the prior, or, where there is a spread, from normals of that spread in unconstrained coordinates."""
        torch.default_generator.manual_seed(seed)
        trace = trace_sites(self._model, self._data)
        values = {name: trace[name]["value"].detach() for name in names}
        if spread:
            for name, value in values.items():
                bijection = biject_to(trace[name]["fn"].support)
                values[name] = bijection(spread * torch.randn_like(bijection.inv(value)))
        return {name: value.numpy() for name, value in values.items()}

    def at(self, parameters: Assigned, assigned: Assigned, data: Assigned | None = None) -> Terms:
        given = {**self._data, **_tensors(data or {})}
        values = _tensors({**parameters, **assigned})
        with torch.no_grad():
            return {name: value.numpy() for name, value in terms_at(self._model, values, given).items()}


def _tensors(arrays: Assigned) -> Values:
    return {name: torch.as_tensor(np.array(value)) for name, value in arrays.items()}


class TorchArrays:
    """See `inference.backends.sum_product.Arrays`."""

    def gathered(self, table: torch.Tensor, index: np.ndarray, size: int) -> torch.Tensor:
        if len(index) == size and (index == np.arange(size)).all():
            return table
        nothing = torch.zeros((*table.shape[:-1], size), dtype=table.dtype)
        return nothing.index_add(table.dim() - 1, torch.as_tensor(np.array(index)), table)

    def logsumexp(self, table: torch.Tensor, axis: int) -> torch.Tensor:
        return torch.logsumexp(table, axis)


def tables(model: Model, parameters: Values, data: Values, structure: Structure) -> Values:
    """Every term at every joint value of the variables, where it depends on these: see `sum_product.summed`."""
    if not structure.choices:
        return {name: term.reshape(-1) for name, term in terms_at(model, parameters, data).items()}
    states = {name: torch.as_tensor(np.array(values)) for name, values in structure.states.items()}
    found = torch.vmap(lambda assigned: terms_at(model, {**parameters, **assigned}, data))(states)
    return {
        term.name: restricted(
            found[term.name].reshape(*structure.sizes, -1), structure.scopes[term.name], len(structure.variables)
        )
        for term in structure.terms
    }


def likelihood_and_prior(
    model: Model, parameters: Values, data: Values, structure: Structure
) -> tuple[torch.Tensor, torch.Tensor]:
    """log p(x | parameters) and log p(parameters), all assignments summed out by sum-product."""
    every = tables(model, parameters, data, structure)
    return sum_product.likelihood_and_prior(
        TorchArrays(), every, structure.steps, structure.prior, structure.prior_steps
    )


def unit_table(model: Model, parameters: Values, data: Values, structure: Structure) -> torch.Tensor:
    """log p(x of unit i, assignment_i = k | parameters), (units, components), where every unit has one assignment."""
    return joined(TorchArrays(), tables(model, parameters, data, structure), structure.steps[0]).T
