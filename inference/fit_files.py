"""Point and guide fits as JSON that people read too; what is read has the fields and types that a fit declares.

The first line has a sha256 of all bytes behind it. Files of earlier versions have their content as a text inside of JSON.
"""

import dataclasses
import hashlib
import json
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
import pandas as pd

from inference.results import GuideFit, Origin, PointFit
from inference.status import Status
from mixtures import Program
from mixtures.specification import from_json, to_json
from mixtures.whole_files import altered

HEAD = '{{"sha256": "{}",\n'
"""The first line, in which the checksum is put."""

KINDS: dict[str, type] = {"PointFit": PointFit, "GuideFit": GuideFit}


def fit_text(fit: PointFit | GuideFit) -> str:
    """A fit as the text of its file."""
    fields = {name: _plain(value) for name, value in vars(fit).items()}
    content = f'"kind": "{type(fit).__name__}",\n"fields": {_laid_out(fields)}}}\n'
    return HEAD.format(hashlib.sha256(content.encode()).hexdigest()) + content


def read_fit(path: Path, program: Program | None) -> PointFit | GuideFit:
    """The fit of a file, its program found by `from_json`.

    Raises:
        StoredFileError: another content than its checksum is of. A text that is no fit raises whatever it raises.
    """
    content = _content(path, path.read_bytes().decode())
    fields = {name: _restored(value, program) for name, value in content["fields"].items()}
    fit = built(KINDS[content["kind"]], fields)
    if isinstance(fit, PointFit):
        _check_whole(fit)
    return fit


def _content(path: Path, text: str) -> Any:
    """What a file holds.

    Raises:
        StoredFileError: another content than its checksum is of.
    """
    first, _, rest = text.partition("\n")
    stored = json.loads(text)  # a file that was cut short is no JSON
    if rest:
        if f"{first}\n" != HEAD.format(hashlib.sha256(rest.encode()).hexdigest()):
            raise altered(path)
        return stored
    if hashlib.sha256(stored["content"].encode()).hexdigest() != stored["sha256"]:
        raise altered(path)
    return json.loads(stored["content"])


def _laid_out(value: Any, indent: str = "  ") -> str:
    """JSON with a line for each thing that has a name, and numbers side by side."""
    if not isinstance(value, dict) or not any(isinstance(item, dict) for item in value.values()):
        return json.dumps(value)
    lines = (f"{indent}{json.dumps(str(name))}: {_laid_out(item, indent + '  ')}" for name, item in value.items())
    return "{\n" + ",\n".join(lines) + "\n" + indent[2:] + "}"


def _check_whole(fit: PointFit) -> None:
    """Check that the fields of a fit go together.

    Raises:
        TypeError: they do not.
    """
    if not all(isinstance(status, Status) for status in fit.restarts["status"]):
        raise TypeError("restarts without a status")
    if {name: len(dims) for name, dims in fit.dims.items()} != {n: np.ndim(v) for n, v in fit.parameters.items()}:
        raise TypeError("axes that are not the parameters'")
    names, mixture = fit.origin.component_names, fit.program.mixture
    if names is not None and mixture is not None and len(names) != mixture.components:
        raise TypeError("other components than the program's")


def _plain(value: Any) -> Any:
    """A field as JSON: arrays, tables, statuses and origins carry their kind."""
    if isinstance(value, np.ndarray | np.generic):
        return {"array": np.asarray(value).tolist(), "dtype": str(np.asarray(value).dtype)}
    if isinstance(value, pd.DataFrame):
        return {"table": {name: [_plain(item) for item in column] for name, column in value.items()}}
    if isinstance(value, Status):
        return {"status": value.name}
    if isinstance(value, Origin):
        return {"origin": {**vars(value), "program": json.loads(to_json(value.program))}}
    if isinstance(value, tuple):
        return {"tuple": list(value)}
    if isinstance(value, dict):
        return {"dict": {name: _plain(item) for name, item in value.items()}}
    return value


def _restored(value: Any, program: Program | None) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, stored),) = [(kind, stored) for kind, stored in value.items() if kind != "dtype"]
    if kind == "array":
        return np.array(stored, dtype=_numeric(value["dtype"]))
    if kind == "table":
        return pd.DataFrame({name: [_restored(item, program) for item in column] for name, column in stored.items()})
    if kind == "status":
        return Status[stored]
    if kind == "origin":
        names = {
            key: stored.get(key) and tuple(stored[key])
            for key in ("feature_names", "covariate_names", "component_names", "group_names")
        }
        named = stored.get("categories")
        names["known"] = tuple(stored.get("known", ()))
        names["categories"] = named and tuple(of_column and tuple(of_column) for of_column in named)
        declared = stored["program"] if isinstance(stored["program"], str) else json.dumps(stored["program"])
        return built(Origin, {**stored, **names, "program": from_json(declared, program)})
    if kind == "tuple":
        return tuple(stored)
    if kind == "dict":
        return {name: _restored(item, program) for name, item in stored.items()}
    raise ValueError(f"a value of an unknown kind {kind!r}")


def _numeric(name: str) -> np.dtype:
    """A dtype of numbers, whose size no text can make large."""
    if (dtype := np.dtype(name)).kind not in "biuf":
        raise ValueError(f"an array of {name}")
    return dtype


def built(kind: type, fields: Mapping[str, Any]) -> Any:
    """A dataclass from stored fields.

    Raises:
        TypeError: fields that it does not have, or of another type than it declares.
    """
    made = kind(**fields)
    hints = get_type_hints(kind, localns={"pd": pd})
    for field in dataclasses.fields(kind):
        if not _is_of(getattr(made, field.name), hints[field.name]):
            raise TypeError(f"{kind.__name__}.{field.name} is a {type(getattr(made, field.name)).__name__}")
    return made


def _is_of(value: Any, hint: Any) -> bool:
    """Whether a value is of an annotated type; whole numbers are floats too."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_is_of(value, part) for part in parts)
    if origin is dict:
        return isinstance(value, dict) and all(_is_of(k, parts[0]) and _is_of(v, parts[1]) for k, v in value.items())
    if origin is tuple:
        return isinstance(value, tuple) and all(_is_of(item, parts[0]) for item in value)
    if hint is float:
        return isinstance(value, int | float | np.ndarray) and np.ndim(value) == 0
    return isinstance(value, hint)
