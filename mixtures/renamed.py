"""Names that arguments had before: still taken, with a warning, so that a script goes on running while it is brought up to date."""

import functools
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from mixtures.errors import ModelError

Given = ParamSpec("Given")
Result = TypeVar("Result")

NO_SEED = "no seed"
"""In the place of a former name: a seed that could be left out, and was 0 then."""


def formerly(**names: str) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """Take arguments by their former names too.

    Args:
        names: by the name of today, the former one; `seed=NO_SEED` where a seed could be left out.

    Example:
        >>> @formerly(init="start")
        ... def climb(*, init):
        ...     return init
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     climb(start=3), str(caught[0].message)
        (3, 'climb(start=...) is called init=... now')
    """

    def decorated(function: Callable[Given, Result]) -> Callable[Given, Result]:
        verb = function.__name__

        @functools.wraps(function)
        def called(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            for now, then in names.items():
                if then is NO_SEED:
                    if now not in kwargs:
                        warn_of_former(f"{verb}() without seed=... takes seed=0 for now: say which")
                        kwargs[now] = 0
                elif then in kwargs:
                    if now in kwargs:
                        raise ModelError(then, got=f"{then} and {now}", expected=f"{now} alone, which {then} is now")
                    warn_of_former(f"{verb}({then}=...) is called {now}=... now")
                    kwargs[now] = kwargs.pop(then)
            return function(*args, **kwargs)

        return called

    return decorated


def warn_of_former(text: str) -> None:
    """Say that a name, or the lack of a seed, is a former one, of the line that uses it."""
    warnings.warn(text, FutureWarning, stacklevel=3)
