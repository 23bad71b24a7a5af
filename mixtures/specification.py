"""A declaration as plain data, and back: what is saved beside draws and fits.

A mixture is written out whole. A user's own program is a function, so only its import path is kept, with a hash of its source.

A file is not to be trusted with code: names in it are looked up among the modules that are imported already, nothing is imported for it,
and nothing is called but the constructors of what a declaration is made of. Programs and families that live inside functions have no import
path: they are passed as `program=`, or known by a token in the process that used them.
"""

import dataclasses
import hashlib
import inspect
import json
import sys
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np

from mixtures.errors import StoredFileError
from mixtures.formula import Formula
from mixtures.mixture import Mixture
from mixtures.priors import Prior
from mixtures.program import Declared, Program
from mixtures.statistics import Statistic

MIXTURE = "mixtures.mixture:Mixture"
FORMER_PATHS = {
    "mixtures.families.categorical:Multinomial": "mixtures.families.whole_rows:Multinomial",
    "mixtures.families.poisson:ZeroInflatedPoisson": "mixtures.families.inflated:ZeroInflatedPoisson",
    "mixtures.weights:Dirichlet": "mixtures.assignments.dirichlet:Dirichlet",
    "mixtures.weights:Gating": "mixtures.assignments.gating:Gating",
}
"""Where files of earlier versions say that a part of a declaration is, and where it is."""

ADVICE = "Define your family at the top of a module, and import it first; or pass the program yourself: program=..."


def to_json(program: Program) -> str:
    """The program as JSON text.

    Example:
        >>> from mixtures import gaussian_mixture
        >>> model = gaussian_mixture(3, covariance="diag")
        >>> from_json(to_json(model)) == model
        True
    """
    if isinstance(program, Declared):
        return json.dumps({"declared": _path(program.function), "source": source_hash(program)})
    return json.dumps(_encoded(program))


def from_json(text: str, program: Program | None = None) -> Program:
    """The program that `to_json` wrote.

    Args:
        text: the JSON.
        program: the program, or one with the same parts: they are taken for those of the text that have no import path.

    Raises:
        StoredFileError: the text is no declaration; it names something that is not imported; a user's own program has another source than
            the one that was run, or `program` is another.
    """
    try:
        found = _restored(json.loads(text), _parts(program))
    except StoredFileError:
        raise
    except Exception as error:  # an altered text can fail anywhere, in constructors too
        raise StoredFileError(
            "program", got=f"a text that is none ({type(error).__name__}: {str(error)[:200]})", expected="a declaration"
        ) from error
    if program is not None:
        _check_alike(found, program)
    return found


_KEPT: dict[str, Program] = {}
_KEEPING = threading.Lock()
MOST_KEPT = 1024
"""Programs that are kept for what was made of them in this process; beyond that, the earliest are let go."""


def kept(program: Program) -> str:
    """A token by which `by_token` gives the program back in this process, importable or not."""
    with _KEEPING:
        token = next((token for token, one in _KEPT.items() if one is program), uuid.uuid4().hex)
        while token not in _KEPT and len(_KEPT) >= MOST_KEPT:
            del _KEPT[next(iter(_KEPT))]
        _KEPT[token] = program
    return token


def by_token(token: str) -> Program | None:
    """The program that `kept` was given in this process, if it still is."""
    return _KEPT.get(token)


def source_hash(program: Declared) -> str:
    """A hash of a user's program text."""
    try:
        text = inspect.getsource(program.function)
    except (OSError, TypeError):
        text = program.function.__code__.co_code.hex()
    return hashlib.sha256(text.encode()).hexdigest()


def _path(thing: Any) -> str:
    return f"{thing.__module__}:{thing.__qualname__}"


def _member(path: str) -> Any:
    """What an import path leads to among the modules that are imported.

    Raises:
        ImportError: it leads nowhere.
    """
    module, _, name = path.partition(":")
    # a module's own names only: asking for others may import them
    own = getattr(sys.modules.get(module), "__dict__", None)
    if own is None:
        raise ImportError(f"{module} is not imported yet")
    if name not in own:
        raise ImportError(f"{module} has no {name}")
    return own[name]


def _parts(value: Any) -> dict[str, Any]:
    """Everything in a program that is written by its import path: the program itself if declared, else its dataclasses."""
    if isinstance(value, Declared):
        return {_path(value.function): value}
    return {_path(type(item)): type(item) for item in _dataclasses(value)}


def _dataclasses(value: Any) -> Iterator[Any]:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield value
        value = tuple(getattr(value, field.name) for field in dataclasses.fields(value))
    if isinstance(value, tuple):
        for item in value:
            yield from _dataclasses(item)


def _check_alike(stored: Program, given: Program) -> None:
    """Check that a program that was passed is the stored one, but for its hyperparameters.

    Raises:
        StoredFileError: it is another.
    """
    if isinstance(stored, Mixture) and isinstance(given, Mixture):
        stored, given = stored.structure, given.structure
    if stored != given:
        raise StoredFileError("program", got="another program than the stored one", expected="the program that was run")


def _encoded(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _encoded(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"type": _path(type(value)), "fields": fields}
    if isinstance(value, tuple):
        return [_encoded(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _restored(stored: Any, passed: dict[str, Any]) -> Program:
    found = _declared(stored, passed) if "declared" in stored else _decoded(stored, passed)
    if not isinstance(found, Program):
        raise StoredFileError("program", got=f"a {type(found).__name__}", expected="a declaration")
    return found


def _declared(stored: dict[str, str], passed: dict[str, Any]) -> Declared:
    path = stored["declared"]
    found = _named(path, passed, "an importable program")
    if not isinstance(found, Declared):
        raise StoredFileError("program", got=path, expected="a program made by @mixtures.declare")
    if source_hash(found) != stored["source"]:
        raise StoredFileError(
            "program",
            got=f"{path} with another source text",
            expected="the program that was run",
            advice="Pass the program yourself: program=...",
        )
    return found


def _decoded(value: Any, passed: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        path = str(FORMER_PATHS.get(value["type"], value["type"]))
        given = {key: _decoded(item, passed) for key, item in value["fields"].items()}
        if path == MIXTURE and "weights" in given:
            given["assignment"] = given.pop("weights")
        return _type(path, passed)(**given)
    if isinstance(value, list):
        return tuple(_decoded(item, passed) for item in value)
    return value


def _type(path: str, passed: dict[str, Any]) -> Any:
    """The dataclass at an import path: the package's, or a user's own family, prior or weights."""
    found = _named(path, passed, "an importable family")
    is_part = isinstance(found, type) and (
        issubclass(found, Program | Prior | Statistic | Formula) or hasattr(found, "priors_by_site")
    )
    # another name for a class that lives elsewhere is not what was written
    if not (is_part and dataclasses.is_dataclass(found) and _path(found) == path):
        raise StoredFileError("program", got=path, expected="a family: a frozen dataclass", advice=ADVICE)
    return found


def _named(path: str, passed: dict[str, Any], expected: str) -> Any:
    """What an import path leads to, or what was passed in its place.

    Raises:
        StoredFileError: it leads nowhere.
    """
    if path in passed:
        return passed[path]
    try:
        return _member(path)
    except ImportError as error:
        module = path.partition(":")[0]
        raise StoredFileError(
            "program",
            got=f"{path}, which cannot be imported on a file's word ({error})",
            expected=expected,
            advice=ADVICE if "family" in expected else f"Import {module} first, or pass the program: program=...",
        ) from error
