"""The words in Pyro.

Programs are written with NumPyro's names and with plain numbers; here those names are translated, and numbers become tensors of the
program's precision, because torch would otherwise make them float32 whatever the data are.
"""

import functools
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np
import pyro
import pyro.distributions
import torch
from array_api_compat import torch as torch_namespace
from pyro import poutine
from pyro.ops.indexing import Vindex
from pyro.poutine import runtime
from pyro.poutine.indep_messenger import IndepMessenger
from pyro.poutine.messenger import Messenger

from mixtures.ppl.at_once import AtOnce
from mixtures.ppl.protocol import Array, Distribution, Observe, Within
from mixtures.ppl.pyro_cells import CELLS
from mixtures.ppl.pyro_counts import Categorical
from mixtures.ppl.pyro_emissions import EMISSIONS
from mixtures.ppl.pyro_group_marginal import GroupMarginal
from mixtures.ppl.pyro_group_normal import GroupNormal
from mixtures.ppl.pyro_normals import equal_volume_normal, factor_normal, rotated_normal
from mixtures.ppl.pyro_priors import InducedDirichlet, UniformAngle, ZeroSumNormal, root_inverse_gamma
from mixtures.ppl.side_by_side import SideBySide

ALONE = threading.RLock()
"""Held by the thread that runs a program: Pyro's stack of handlers and parameter store, and torch's random state and default dtype, belong
to the process."""


@dataclass(frozen=True)
class PyroPPL:
    """The words of a program in Pyro.

    Args:
        dtype: of numbers and of created arrays; None follows torch's default dtype, as a native Pyro model would.
    """

    dtype: torch.dtype | None = None
    name = "pyro"

    def following(self, data: Iterable[Any]) -> "PyroPPL":
        """The words in the highest precision of these data; torch's default where none is a tensor of floating point numbers."""
        found = [value.dtype for value in data if isinstance(value, torch.Tensor) and value.is_floating_point()]
        return PyroPPL(functools.reduce(torch.promote_types, found)) if found else self

    @property
    def dist(self) -> "_Distributions":
        return _Distributions(self)

    @property
    def xp(self) -> "_Namespace":
        return _Namespace(self)

    def sample(self, name: str, fn: Distribution, obs: Array | None = None, dims: Sequence[str] = ()) -> Array:
        infer: Any = {"event_dims": list(dims)} if dims else None
        return pyro.sample(name, fn, obs=obs, infer=infer)

    def plate(self, name: str, size: int) -> AbstractContextManager:
        return pyro.plate(name, size)

    def assign(self, name: str, probs: Array | None = None, logits: Array | None = None) -> Array:
        fn = Categorical(probs=probs, logits=logits)
        return pyro.sample(name, fn, infer={"enumerate": "parallel"})

    def chain(
        self,
        name: str,
        initial: Array,
        transition: Array,
        begins: Array,
        observe: Callable[[Array, Any], Any],
        data: Any,
    ) -> Any:
        # Pyro's vectorized_markov needs funsor in torch, whose backend is one for a process, and NumPyro's is JAX
        previous = None
        for row in pyro.markov(range(begins.shape[0])):
            moves = transition[row] if transition.dim() == 3 else transition
            probs = initial if previous is None or begins[row] else Vindex(moves)[previous]
            with _Prefix(f"{row}/"):
                previous = self.assign(name, probs)
                observe(previous, {key: value[row] for key, value in data.items()})

    def groups(
        self, name: str, probs: Array, group: Array, first: Array, observe: Observe, data: Any, within: Within = None
    ) -> Any:
        places = SideBySide.of(group)
        is_there: Any = torch.as_tensor(places.is_there)
        with self.plate("groups", len(first)):
            z = self.assign(name, probs if len(probs) > 1 else probs[0])
            with self.plate("rows", len(places.rows)):
                # outside of the mask, under which each value of an assignment would count
                z = z if within is None else self.assign(within[0], within[1][z])
                with poutine.mask(mask=is_there):
                    laid = {key: value[torch.as_tensor(places.rows)] for key, value in data.items()}
                    found = observe(z, laid | ({"group": torch.as_tensor(places.groups)} if "group" in data else {}))
        return places.of_rows(found)

    def factor(self, name: str, log_factor: Array) -> None:
        pyro.factor(name, log_factor)

    def deterministic(self, name: str, value: Array, dims: Sequence[str] = ()) -> Array:
        # what pyro.deterministic does, and the names of the value's axes; Pyro must know which axes are not of plates
        value = torch.as_tensor(value)
        plates = [one for one in runtime._PYRO_STACK if isinstance(one, IndepMessenger) and one.dim is not None]
        fn = pyro.distributions.Delta(value, event_dim=len(dims) or (0 if plates else value.dim())).mask(False)
        infer: Any = {"_deterministic": True, "event_dims": list(dims)}
        return pyro.sample(name, fn, obs=value, infer=infer)

    def array(self, value: Any) -> Array:
        return torch.as_tensor(value, dtype=self.dtype or torch.get_default_dtype())


@dataclass(frozen=True)
class _Distributions:
    """`pyro.distributions` under NumPyro's names, taking plain numbers in the program's precision."""

    ppl: PyroPPL

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        make: Any = EMISSIONS.get(name) or CELLS.get(name) or getattr(pyro.distributions, name)

        def build(*args, **kwargs):
            return make(*map(self._number, args), **{key: self._number(value) for key, value in kwargs.items()})

        return build

    def RootInverseGamma(self, concentration, rate):  # noqa: N802
        return root_inverse_gamma(self._number(concentration), self._number(rate))

    def LKJCholesky(self, dimension: int, concentration):  # noqa: N802 (a distribution's name)
        return pyro.distributions.LKJCholesky(dimension, self._number(concentration))

    def ZeroSumNormal(self, *event_shape, scale):  # noqa: N802
        return ZeroSumNormal(event_shape, self._number(scale))

    def InducedDirichlet(self, concentration):  # noqa: N802
        return InducedDirichlet(self._number(concentration))

    def UniformAngle(self):  # noqa: N802
        return UniformAngle(self.ppl.array(np.pi))

    def FactorNormal(self, loc, scale, loading):  # noqa: N802
        return factor_normal(loc, scale, loading)

    def RotatedNormal(self, loc, scale, orientation):  # noqa: N802
        return rotated_normal(loc, scale, orientation)

    def EqualVolumeNormal(self, loc, scale, correlation_cholesky):  # noqa: N802
        return equal_volume_normal(loc, scale, correlation_cholesky)

    def GroupNormal(self, loc, scale, design, *, groups, **of_rows):  # noqa: N802 (how many groups is no tensor)
        return GroupNormal(loc, scale, design, groups=groups, **of_rows)

    def GroupMarginal(self, cell, kernel, parameters, eta, design, **of_rows):  # noqa: N802
        return GroupMarginal(cell, kernel, parameters, eta, design, **of_rows)

    def _number(self, value):
        is_number = isinstance(value, Number | np.ndarray) and not isinstance(value, bool)
        return self.ppl.array(value) if is_number else value


_CREATION = frozenset({"ones", "zeros", "full", "eye", "linspace", "empty"})


@dataclass(frozen=True)
class _Namespace:
    """The array namespace of torch, whose creation functions default to the program's precision."""

    ppl: PyroPPL

    def __getattr__(self, name):
        function = getattr(torch_namespace, name)
        if name not in _CREATION:
            return function

        def create(*args, **kwargs):
            kwargs.setdefault("dtype", self.ppl.dtype or torch.get_default_dtype())
            return function(*args, **kwargs)

        return create


class _Prefix(Messenger):
    """Names of sites with something before them. (`pyro.contrib.autoname` has it, but sets funsor, NumPyro's too, to torch when imported.)"""

    def __init__(self, prefix: str):
        super().__init__()
        self.prefix = prefix

    def _pyro_sample(self, msg: Any) -> None:
        msg["name"] = self.prefix + msg["name"]


class PyroAtOnce(AtOnce, PyroPPL):
    """The words with all rows in a plate."""

    def alike(self, name: str, probs: Array, group: Array, first: Array) -> Array:
        return pyro.sample(name, _Alike(probs, group, first), infer={"enumerate": "parallel"})

    def path(self, name: str, initial: Array, transition: Array, begins: Array) -> Array:
        return pyro.sample(name, _Path(initial, transition, begins), infer={"enumerate": "parallel"})


class _Path(Categorical):
    """The components of a chain's rows, drawn as a path; its density is none of theirs."""

    def __init__(self, initial: torch.Tensor, transition: torch.Tensor, begins: torch.Tensor):
        self.initial, self.transition, self.begins = initial, transition, begins
        super().__init__(initial.expand(*begins.shape, *initial.shape))

    def expand(self, batch_shape, _instance=None):
        is_same = tuple(batch_shape) == tuple(self.batch_shape)
        return self if is_same else Categorical(self.probs).expand(batch_shape)

    def sample(self, sample_shape=torch.Size()) -> torch.Tensor:  # noqa: B008  # as torch has it
        # u < cumulative probability: the inverse of the distribution function, of every possible state before
        uniform = torch.rand(self.begins.shape[0], 1)
        first = (torch.cumsum(self.initial, 0)[:-1] <= uniform).sum(1)
        moves = self.transition if self.transition.dim() == 3 else self.transition[None]
        after = (torch.cumsum(moves, 2)[..., :-1] <= uniform[..., None]).sum(2)
        path, state = [], 0
        for is_first, initially, then in zip(self.begins.tolist(), first.tolist(), after.tolist(), strict=True):
            state = initially if is_first else then[state]
            path.append(state)
        return torch.tensor(path)


class _Alike(Categorical):
    """The components of groups, drawn for each group, an entry a row; its density is none of theirs."""

    def __init__(self, probs: torch.Tensor, group: torch.Tensor, first: torch.Tensor):
        self.group, self.first = group, first
        super().__init__((probs if len(probs) == 1 else probs[group]).expand(len(group), probs.shape[1]))

    def expand(self, batch_shape, _instance=None):
        is_same = tuple(batch_shape) == tuple(self.batch_shape)
        return self if is_same else Categorical(self.probs).expand(batch_shape)

    def sample(self, sample_shape=torch.Size()) -> torch.Tensor:  # noqa: B008  # as torch has it
        return super().sample(sample_shape)[..., self.first][..., self.group]


WORDS = PyroPPL()


def run_forward(program, seed: int, given: Mapping[str, np.ndarray], data: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Every site's value in one forward run of the program, in float64, with the sites of `given` held fixed."""
    words = PyroAtOnce(torch.float64)
    held = {name: torch.as_tensor(np.array(value)) for name, value in given.items()}
    data = {name: as_data(words, value) if isinstance(value, np.ndarray) else value for name, value in data.items()}
    with ALONE, torch.random.fork_rng(), torch.no_grad():
        torch.default_generator.manual_seed(seed)
        trace = poutine.trace(poutine.condition(program, data=held)).get_trace(words, **data)
    values = {
        name: site["value"]
        for name, site in trace.nodes.items()
        if site["type"] == "sample" and not is_subsample(site) and not is_deterministic(site)
    }
    return {name: value.detach().numpy() for name, value in values.items() if value is not None}


def shapes_of_sites(program, data: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shape of every site's value."""
    return {name: value.shape for name, value in run_forward(program, 0, {}, data).items()}


def as_data(words: PyroPPL, value: np.ndarray) -> torch.Tensor:
    """Data as a tensor: whole numbers and truth values stay what they are."""
    return torch.as_tensor(np.array(value)) if value.dtype.kind in "ib" else words.array(np.array(value))


def is_deterministic(site) -> bool:
    """Whether a site of a Pyro trace only keeps a function of others."""
    return site["infer"].get("_deterministic", False)


def is_subsample(site) -> bool:
    """Whether a site of a Pyro trace only records a plate."""
    return type(site["fn"]).__name__ == "_Subsample"
