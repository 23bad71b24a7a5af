"""Which sampler runs, and why: said in the tree, so that nobody has to guess."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from inference.samplers.protocol import Sample
from mixtures.checks import check_choice
from mixtures.errors import BackendError
from mixtures.ppl import PIP, backend_module


@dataclass(frozen=True)
class Kind:
    """A sampler, a file of this folder whose function `sample` has the signature of `Sample`.

    Args:
        module: where it is.
        backend: whose targets it samples.
        package: what must be installed for it beside the backend, an extra of this package; None: nothing.
        has_store: whether a run can be stored in blocks and continued.
        has_single: whether the density may be computed in single precision.
        has_some: whether the log likelihood may be estimated by some of the rows.
        method: what it is, for the tree's attribute `sampler`.
    """

    module: str
    backend: str
    package: str | None = None
    has_store: bool = False
    has_single: bool = False
    has_some: bool = False
    method: str = "NUTS"


SAMPLERS = {
    "numpyro": Kind("inference.samplers.numpyro_nuts", "numpyro", has_store=True, has_single=True, has_some=True),
    "nutpie": Kind("inference.samplers.nutpie", "numpyro", package="nutpie"),
    "pyro": Kind("inference.samplers.pyro_nuts", "pyro"),
}
"""By name: a further sampler is a file, and a line here."""


@dataclass(frozen=True)
class Sampler:
    """A choice of sampler.

    Args:
        name: one of `SAMPLERS`.
        backend: the backend whose log density it samples.
        reason: why it was chosen.
    """

    name: str
    backend: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name} {SAMPLERS[self.name].method}"

    @property
    def has_store(self) -> bool:
        """Whether a run can be stored in blocks and continued."""
        return SAMPLERS[self.name].has_store

    @property
    def sample(self) -> Sample:
        """The sampler itself, imported when first asked for."""
        return backend_module(self.backend, SAMPLERS[self.name].module).sample


def choose_sampler(
    asked: str,
    backend: str,
    *,
    is_stored: bool,
    is_on_cpu: bool,
    is_single: bool = False,
    is_meshed: bool = False,
    is_of_some: bool = False,
) -> Sampler:
    """The sampler to use.

    Args:
        asked: `"auto"`, or one of `SAMPLERS`.
        backend: the backend asked for; a sampler asked for by name brings its own.
        is_stored: whether draws are to be stored in blocks.
        is_on_cpu: whether the backend computes on a CPU.
        is_single: whether the log density is to be computed in single precision.
        is_meshed: whether rows are to be sharded over a mesh.
        is_of_some: whether the log likelihood is to be estimated by some of the rows.

    Raises:
        ChoiceError: no such sampler.
        BackendError: nutpie is not installed, or a sampler that does not work in blocks was asked to store them.
    """
    check_choice("sampler", asked, ("auto", *SAMPLERS))
    automatic = asked == "auto"
    sampler = (
        _automatic(backend, is_stored, is_on_cpu, is_single, is_meshed, is_of_some) if automatic else _by_name(asked)
    )
    if is_of_some and not SAMPLERS[sampler.name].has_some:
        raise BackendError(
            "max_rows",
            got=f"sampler {sampler.name!r}",
            expected="a sampler that estimates the log likelihood by some of the rows",
            advice="Use sampler='numpyro' with backend='numpyro', or leave max_rows out.",
        )
    if is_single and not SAMPLERS[sampler.name].has_single:
        raise BackendError(
            "precision",
            got=f"'float32' with sampler {sampler.name!r}",
            expected="a sampler that has single precision",
            advice="Use sampler='numpyro'.",
        )
    if is_stored and not sampler.has_store:
        raise BackendError(
            "store",
            got=f"sampler {sampler.name!r}",
            expected="a sampler that works in blocks",
            advice="Use sampler='numpyro'.",
        )
    return sampler


def _by_name(name: str) -> Sampler:
    kind = SAMPLERS[name]
    if kind.package is not None and find_spec(kind.package) is None:
        raise BackendError(
            "sampler",
            got=f"{name!r}, which is not installed",
            expected="an installed sampler",
            advice=f"Run: pip install 'bayes-mixtures[{kind.package}]'",
        )
    return Sampler(name, kind.backend, "asked for")


def _automatic(
    backend: str, is_stored: bool, is_on_cpu: bool, is_single: bool, is_meshed: bool, is_of_some: bool
) -> Sampler:
    if backend != "numpyro":
        return Sampler(backend, backend, "the backend's own")
    if is_of_some:
        return Sampler("numpyro", backend, "the one that estimates the log likelihood by some of the rows")
    if is_stored:
        return Sampler("numpyro", backend, "the one that works in blocks, which a store needs")
    if is_single:
        return Sampler("numpyro", backend, "the one that has single precision")
    if is_meshed and find_spec("nutpie") is not None:
        return Sampler("nutpie", backend, "the one whose gradients are those of rows on a mesh")
    if not is_on_cpu:
        return Sampler("numpyro", backend, "chains as one program, on an accelerator")
    if find_spec("nutpie") is None:
        return Sampler("numpyro", backend, "nutpie, the fastest on a CPU, is not installed")
    return Sampler("nutpie", backend, "the fastest on a CPU")


def only_in_jax(backend: str, module: str, *, got: str, expected: str) -> Any:
    """A module that samples targets of NumPyro alone.

    Raises:
        BackendError: another backend was asked for, or JAX is not installed.
    """
    if check_choice("backend", backend, PIP) != "numpyro":
        advice = "The program is the same: use backend='numpyro'."
        raise BackendError("backend", got=got, expected=expected, advice=advice)
    return backend_module("numpyro", f"inference.samplers.{module}")
