"""Every exception of the package.

Each one says four things: what was wrong, what was got, what was expected, and what to do about it. All derive from
`MixturesError`, and from the built-in exception that a caller would expect (`ValueError`, `ImportError`, ...).
"""

from dataclasses import is_dataclass

SHOWN = 60
"""Characters of a value that an error shows."""


class MixturesError(Exception):
    """An error whose text says what was wrong, what was got, what was expected and what to do.

    Args:
        what: the thing that is wrong, as the user named it (`"x"`, `"components"`, `"covariance"`).
        got: what was received.
        expected: what would have been right.
        advice: what to do, a sentence.

    Example:
        >>> print(ModelError("components", got="0", expected="an int >= 1", advice="Say how many components."))
        components: got 0; expected an int >= 1. Say how many components.
    """

    def __init__(self, what: str, *, got: str, expected: str, advice: str = ""):
        self.what, self.got, self.expected, self.advice = what, got, expected, advice
        super().__init__(f"{what}: got {got}; expected {expected}.{' ' + advice if advice else ''}")

    def __reduce__(self):
        # The default reduction calls cls(text), which keyword-only arguments refuse: process pools pickle exceptions.
        return _rebuild, (type(self), self.what, self.got, self.expected, self.advice)


def _rebuild(cls: type[MixturesError], what: str, got: str, expected: str, advice: str) -> MixturesError:
    return cls(what, got=got, expected=expected, advice=advice)


class DataError(MixturesError, ValueError):
    """The user's data cannot be used as they are: NaN, a wrong dtype or shape, values outside a family's support."""


class ModelError(MixturesError, ValueError):
    """A declaration, or an argument of a verb, that makes no sense: components < 1, no family, values of a wrong shape."""


class ChoiceError(MixturesError, ValueError):
    """An argument that is not one of the choices; the text lists them."""

    @classmethod
    def of(cls, what: str, got: object, choices) -> "ChoiceError":
        """The usual sentence: `got` is not one of `choices`."""
        return cls(what, got=in_words(got), expected=f"one of {', '.join(map(repr, choices))}")


class SeedError(MixturesError, ValueError):
    """A seed that is not an int in [0, 2**32)."""


class BackendError(MixturesError, ImportError):
    """A backend or an extra is not installed, or cannot do what was asked; the text has the pip line."""


class FitError(MixturesError, RuntimeError):
    """There is no fit or posterior to return: an impossible start, no curvature at the mode; or, with `strict=True`, a fit in a bad status."""


class StoredFileError(MixturesError, OSError):
    """A saved result is truncated, altered, of other data, or would be overwritten."""


class TooLargeError(MixturesError, MemoryError):
    """What was asked for takes more memory than there is."""


def in_words(value: object) -> str:
    """A value as an error shows it: in one line, and shortened.

    Example:
        >>> in_words("full")
        "'full'"
    """
    try:
        text = " ".join(repr(value).split())
    except Exception:  # ints of more than 4300 digits, and a user's own classes: their `repr` is not what is wrong
        text = f"a {type(value).__name__} that cannot be printed"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def check_part(what: str, value: object, attribute: str, expected: str) -> None:
    """Check that a part of a declaration is of its kind, which is known by an attribute.

    Raises:
        ModelError: the class instead of an instance, or something else; the text says what to write instead.
    """
    if isinstance(value, type):
        got, advice = f"the class {value.__name__}", f"Call it: {value.__name__}(...)."
    elif not hasattr(value, attribute):
        got, advice = in_words(value), ""
    else:
        return
    raise ModelError(what, got=got, expected=expected, advice=advice)


def check_dataclass(what: str, value: object) -> None:
    """Check that a part of a declaration has an identity that compiled programs can be known by.

    Raises:
        ModelError: it is no dataclass.
    """
    if not is_dataclass(value):
        name = type(value).__name__
        raise ModelError(
            what,
            got=f"a {name}, which is no dataclass",
            expected="a frozen dataclass, its priors in a field `priors`: compiled programs are known by it",
            advice=f"Write @dataclass(frozen=True) above class {name}.",
        )
