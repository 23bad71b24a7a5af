"""A declaration as plain data, and back: what is saved beside draws and fits.

A mixture is written out whole. A user's own program is a function, so only its import path is kept, with a hash of its source.
"""

import dataclasses
import hashlib
import importlib
import inspect
import json
import uuid
from typing import Any

import numpy as np

from mixtures.errors import StoredFileError
from mixtures.program import Declared, Program

ADVICE = "Define your family at the top of a module that can be imported."


def to_json(program: Program) -> str:
    """The program as JSON text.

    Example:
        >>> from mixtures import gaussian_mixture
        >>> model = gaussian_mixture(3, covariance="diag")
        >>> from_json(to_json(model)) == model
        True
    """
    if isinstance(program, Declared):
        function = program.function
        path = f"{function.__module__}:{function.__qualname__}"
        return json.dumps({"declared": path, "source": source_hash(program)})
    return json.dumps(_encoded(program))


def from_json(text: str) -> Program:
    """The program that `to_json` wrote.

    Raises:
        StoredFileError: a user's own program cannot be imported again, or its source has changed.
    """
    stored = json.loads(text)
    if isinstance(stored, dict) and "declared" in stored:
        return _declared(stored["declared"], stored["source"])
    return _decoded(stored)


_KEPT: dict[str, Program] = {}
MOST_KEPT = 1024
"""Programs that are kept for what was made of them in this process; beyond that, the earliest are let go."""


def kept(program: Program) -> str:
    """A token by which `by_token` gives the program back in this process, importable or not."""
    token = next((token for token, one in _KEPT.items() if one is program), uuid.uuid4().hex)
    while len(_KEPT) >= MOST_KEPT:
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


def _declared(path: str, source: str) -> Declared:
    module, _, name = path.partition(":")
    advice = "Pass the program yourself: program=..."
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise StoredFileError(
            "program", got=f"{path}, which cannot be imported", expected="an importable program", advice=advice
        ) from error
    if source_hash(found) != source:
        raise StoredFileError(
            "program", got=f"{path} with another source text", expected="the program that was run", advice=advice
        )
    return found


def _encoded(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _encoded(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"type": f"{type(value).__module__}:{type(value).__qualname__}", "fields": fields}
    if isinstance(value, tuple):
        return [_encoded(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        fields = {key: _decoded(item) for key, item in value["fields"].items()}
        return _type(value["type"])(**fields)
    if isinstance(value, list):
        return tuple(_decoded(item) for item in value)
    return value


def _type(path: str) -> Any:
    """The dataclass at an import path: the package's, or a user's own family."""
    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise StoredFileError(
            "program", got=f"{path}, which cannot be imported", expected="an importable family", advice=ADVICE
        ) from error
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        raise StoredFileError("program", got=path, expected="a family: a frozen dataclass", advice=ADVICE)
    return found
