"""A program: a function of (words, x), and the native models it becomes when its words are bound."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mixtures.errors import ModelError, in_words
from mixtures.observations import Observations
from mixtures.ppl import PPL, words

if TYPE_CHECKING:
    from mixtures.mixture import Mixture


class Program(ABC):
    """A probabilistic program that receives its words, a backend's primitives, as `ppl`: `program(ppl, x, **data)`.

    `program.numpyro` and `program.pyro` are native model functions of those libraries.
    """

    @abstractmethod
    def __call__(self, ppl: PPL, x: Any = None, **data: Any) -> Any:
        """Run the program with the words of one backend."""

    @property
    def mixture(self) -> "Mixture | None":
        """What is declared beside the words: family, law, number of components. A program of a user's own says nothing, and has None."""
        return None

    def read(self, x: Any) -> Observations:
        """`x` as observations, a table by the formula of a declaration that has one."""
        return Observations.of(x)

    def scaled_to(self, x: Any) -> "Program":
        """The program, its data-scaled priors written out as numbers; a program of a user's own comes back as it is."""
        return self

    @property
    def numpyro(self) -> "NativeModel":
        """This program as a NumPyro model: `model(x)`."""
        return NativeModel(self, "numpyro")

    @property
    def pyro(self) -> "NativeModel":
        """This program as a Pyro model: `model(x)`."""
        return NativeModel(self, "pyro")


@dataclass(frozen=True)
class NativeModel:
    """A program with its words bound: what `numpyro.infer` and `pyro.infer` call a model. Equal programs give equal models.

    In Pyro it computes in the precision of its data, whatever torch's default is; in NumPyro precision is JAX's own setting.
    """

    program: Program
    backend: str

    def __call__(self, x: Any = None, **data: Any) -> Any:
        return self.program(words(self.backend, x, *data.values()), x, **data)

    @property
    def __name__(self) -> str:
        return type(self.program).__name__.lower()


@dataclass(frozen=True)
class Declared(Program):
    """A user's own program; see `declare`."""

    function: Callable[..., Any]

    def __post_init__(self):
        _check_function(self.function)

    def __call__(self, ppl: PPL, x: Any = None, **data: Any) -> Any:
        return self.function(ppl, x, **data)

    @property
    def draws_rows(self) -> bool:
        """Whether the program can draw its data: it takes their size."""
        return "size" in inspect.signature(self.function).parameters

    def __str__(self) -> str:
        try:
            return inspect.getsource(self.function).rstrip()
        except (OSError, TypeError):  # typed in, or made by a program
            return f"{self.function!r}, whose source text is not to be had"


def _check_function(function: Any) -> None:
    """Check that something can be run as a program.

    Raises:
        ModelError: no function, or one that does not take (ppl, x) as its first two arguments.
    """
    expected = "a function f(ppl, x)"
    if isinstance(function, Program):
        raise ModelError(
            "function", got=f"a {type(function).__name__}, which is a declaration already", expected=expected
        )
    if isinstance(function, type) or not callable(function):
        got = f"the class {function.__name__}" if isinstance(function, type) else in_words(function)
        raise ModelError("function", got=got, expected=expected, advice="Write @declare above it.")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # built in: it does not say what it takes
        raise ModelError("function", got=in_words(function), expected=expected) from None
    parameters = list(signature.parameters.values())
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return
    places = [
        parameter
        for parameter in parameters
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    if len(places) < 2 or inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        got = f"{getattr(function, '__name__', in_words(function))}{signature}"
        raise ModelError(
            "function", got=got, expected=expected, advice="It is given the words of a backend and the data."
        )


def declare(function: Callable[..., Any]) -> Declared:
    """Make a program of your own from a function `f(ppl, x)`.

    Create assignments with `ppl.assign` only, in any plate or in none, and give `dims=(...)` to sites with event axes that should have names
    in the posterior; the axis along which components are exchanged is called `components` there. Which terms depend on which assignments is
    found by running the program: it must compute the same whenever it is run. Covariates reach it as an argument of that name. A program that
    can also draw its data, for `simulate` and predictions, takes `x=None` and `size`, the shape of the data to draw.

    Raises:
        ModelError: no function, or one that does not take (ppl, x).

    Example:
        >>> @declare
        ... def two_rates(ppl, x):
        ...     weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
        ...     with ppl.plate("components", 2):
        ...         rate = ppl.sample("rate", ppl.dist.Gamma(2.0, 1.0))
        ...     with ppl.plate("rows", len(x)):
        ...         z = ppl.assign("assignment", weights)
        ...         ppl.sample("obs", ppl.dist.Poisson(rate[z]), obs=x)
        >>> two_rates.numpyro.backend
        'numpyro'
    """
    return Declared(function)
