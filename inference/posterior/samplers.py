"""Which sampler runs, and why: said in the tree, so that nobody has to guess."""

from dataclasses import dataclass
from importlib.util import find_spec

from mixtures.checks import check_choice
from mixtures.errors import BackendError

SAMPLERS = ("auto", "numpyro", "nutpie", "pyro")


@dataclass(frozen=True)
class Sampler:
    """A choice of sampler.

    Args:
        name: `"numpyro"`, `"nutpie"` or `"pyro"`.
        backend: the backend whose log density it samples.
        reason: why it was chosen.
    """

    name: str
    backend: str
    reason: str

    @property
    def has_store(self) -> bool:
        """Whether a run can be stored in blocks and continued."""
        return self.name == "numpyro"


def choose_sampler(asked: str, backend: str, *, is_stored: bool, is_on_cpu: bool, is_single: bool = False) -> Sampler:
    """The sampler to use.

    Args:
        asked: one of `SAMPLERS`.
        backend: the backend asked for; a sampler asked for by name brings its own.
        is_stored: whether draws are to be stored in blocks.
        is_on_cpu: whether the backend computes on a CPU.
        is_single: whether the log density is to be computed in single precision.

    Raises:
        ChoiceError: no such sampler.
        BackendError: nutpie is not installed, or a sampler that does not work in blocks was asked to store them.
    """
    check_choice("sampler", asked, SAMPLERS)
    sampler = _automatic(backend, is_stored, is_on_cpu, is_single) if asked == "auto" else _by_name(asked)
    if is_single and sampler.name != "numpyro":
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
    if name == "nutpie" and find_spec("nutpie") is None:
        raise BackendError(
            "sampler",
            got="'nutpie', which is not installed",
            expected="an installed sampler",
            advice="Run: pip install 'bayes-mixtures[nutpie]'",
        )
    return Sampler(name, "pyro" if name == "pyro" else "numpyro", "asked for")


def _automatic(backend: str, is_stored: bool, is_on_cpu: bool, is_single: bool) -> Sampler:
    if backend != "numpyro":
        return Sampler(backend, backend, "the backend's own")
    if is_stored:
        return Sampler("numpyro", backend, "the one that works in blocks, which a store needs")
    if is_single:
        return Sampler("numpyro", backend, "the one that has single precision")
    if not is_on_cpu:
        return Sampler("numpyro", backend, "chains as one program, on an accelerator")
    if find_spec("nutpie") is None:
        return Sampler("numpyro", backend, "nutpie, the fastest on a CPU, is not installed")
    return Sampler("nutpie", backend, "the fastest on a CPU")
