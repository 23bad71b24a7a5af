"""The words written down: run a program with these and read it in statistical notation.

Every value is a symbol, every distribution its text; so `print(model)` shows the program that runs, not a description kept beside it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

INDEX = {"components": "k", "rows": "i", "groups": "g", "classes": "c"}
"""The letter of each plate."""


COMPARED, ALTERNATIVE, BOTH, SUM, PRODUCT, SIGN, POWER, WHOLE = range(8)
"""How tightly the parts of a text hold together, as in Python; WHOLE: it never needs parentheses."""


@dataclass(frozen=True, eq=False)
class Symbol:
    """A value, a function, or a distribution, known by its text alone.

    Whatever a program does with an array makes another text: operators, comparisons, indices, methods, calls. What cannot be written, such
    as a branch that depends on a value, raises TypeError.
    """

    content: str
    batch_shape: tuple[int, ...] = ()
    shape: tuple[Any, ...] = ()
    binding: int = WHOLE

    __array_ufunc__ = None  # NumPy's arrays and numbers leave operators to this class
    __iter__ = None  # else Python would ask for items 0, 1, 2, ... without end

    def __str__(self) -> str:
        return self.content

    def __hash__(self) -> int:
        return id(self)

    def __bool__(self) -> bool:
        raise TypeError(f"{self} has no value while the program is written down")

    def __getattr__(self, name: str) -> "Symbol":
        if name.startswith("__"):
            raise AttributeError(name)
        return Symbol(f"{_part(self, WHOLE)}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> "Symbol":
        texts = [_text(value) for value in args]
        said = {key: _text(value) for key, value in kwargs.items() if key not in _UNSAID}
        texts += [text if key in _OBVIOUS else f"{key}={text}" for key, text in said.items()]
        return Symbol(f"{self}({', '.join(texts)})")

    def __getitem__(self, key: Any) -> "Symbol":
        keys = key if isinstance(key, tuple) else (key,)
        if keys[0] is Ellipsis and isinstance(keys[-1], np.ndarray) and self.content.endswith("]"):
            return self._columns(keys[-1].tolist())
        if all(
            item is None or item is Ellipsis or (isinstance(item, slice) and item == slice(None))
            for item in keys
            if not isinstance(item, Symbol)
        ):
            keys = tuple(item for item in keys if isinstance(item, Symbol))  # axes of length one are not written
        return Symbol(f"{_part(self, WHOLE)}[{', '.join(map(_index, keys))}]") if keys else self

    def _columns(self, numbers: list[int]) -> "Symbol":
        """Some columns of a row: covariates[i, 2], covariates[i, (0, 2)]."""
        chosen = numbers[0] if len(numbers) == 1 else tuple(numbers)
        return Symbol(f"{self.content[:-1]}, {chosen}]")

    def __mul__(self, other: Any) -> "Symbol":
        if self is ONE:
            return other if isinstance(other, Symbol) else Symbol(_text(other))
        return self if other is ONE else _binary(self, "*", other, PRODUCT)

    def __rmul__(self, other: Any) -> "Symbol":
        return self * other if self is ONE else _binary(other, "*", self, PRODUCT)

    def __neg__(self) -> "Symbol":
        return Symbol(f"-{_part(self, SIGN)}", binding=SIGN)

    def __pos__(self) -> "Symbol":
        return self

    def __invert__(self) -> "Symbol":
        return Symbol(f"~{_part(self, SIGN)}", binding=SIGN)

    def __abs__(self) -> "Symbol":
        return Symbol(f"abs({self})")

    @property
    def T(self) -> "Symbol":  # noqa: N802 (as arrays have it)
        return self

    def expand(self, *_: Any) -> "Symbol":
        return self

    def mask(self, *_: Any) -> "Symbol":
        return self

    def to_event(self, *_: Any) -> "Symbol":
        return self


def _text(value: Any) -> str:
    """A value as it is written: arrays in one line."""
    return " ".join(str(value).split()) if isinstance(value, np.ndarray) else str(value)


def _part(value: Any, binding: int) -> str:
    """A part of a larger text, in parentheses where it would fall apart."""
    own = value.binding if isinstance(value, Symbol) else WHOLE if _text(value)[:1] != "-" else SIGN
    return _text(value) if own >= binding else f"({_text(value)})"


def _index(key: Any) -> str:
    if isinstance(key, slice):
        parts = (key.start, key.stop) if key.step is None else (key.start, key.stop, key.step)
        return ":".join("" if part is None else _text(part) for part in parts)
    return "..." if key is Ellipsis else _text(key)


def _binary(left: Any, operator: str, right: Any, binding: int) -> Symbol:
    # a - (b - c) and (a ** b) ** c need their parentheses; sums and products of several do not
    is_one_chain = operator in ("+", "*", "&", "|")
    sides = (binding + 1, SIGN) if operator == "**" else (binding, binding if is_one_chain else binding + 1)
    if binding == COMPARED:
        sides = (COMPARED + 1, COMPARED + 1)
    return Symbol(f"{_part(left, sides[0])} {operator} {_part(right, sides[1])}", binding=binding)


def _both_ways(name: str, operator: str, binding: int) -> None:
    """Give symbols an operator, from either side."""
    setattr(Symbol, f"__{name}__", lambda self, other: _binary(self, operator, other, binding))
    setattr(Symbol, f"__r{name}__", lambda self, other: _binary(other, operator, self, binding))


_OPERATORS = {
    "add": ("+", SUM),
    "sub": ("-", SUM),
    "truediv": ("/", PRODUCT),
    "floordiv": ("//", PRODUCT),
    "mod": ("%", PRODUCT),
    "matmul": ("@", PRODUCT),
    "pow": ("**", POWER),
    "and": ("&", BOTH),
    "or": ("|", ALTERNATIVE),
}
_COMPARISONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}

for _name, (_operator, _strength) in _OPERATORS.items():
    _both_ways(_name, _operator, _strength)
for _name, _operator in _COMPARISONS.items():
    setattr(Symbol, f"__{_name}__", lambda self, other, sign=_operator: _binary(self, sign, other, COMPARED))


ONE = Symbol("1")


class Extent(int):
    """The number of columns where it is not known yet: counts as the int, is written as a letter."""

    def __new__(cls, value: int, letter: str = "d") -> "Extent":
        made = super().__new__(cls, value)
        made.letter = letter
        return made

    letter: str

    def __str__(self) -> str:
        return self.letter


class _Names:
    """A namespace whose every name is written as it is."""

    def __getattr__(self, name: str) -> Symbol:
        if name.startswith("__"):
            raise AttributeError(name)
        return Symbol(name)


_OBVIOUS = frozenset(
    {"loc", "scale", "concentration", "concentration1", "concentration0", "rate", "low", "high", "df", "probs"}
)


_UNSAID = frozenset({"legal", "groups", "observed"})
"""Arguments that say how to compute, and nothing of the model."""


class _Namespace(_Names):
    """The array namespace: ones are neutral, so that a constant repeated over components reads as the constant."""

    def ones(self, *_: Any, **__: Any) -> Symbol:
        return ONE

    def sum(self, value: Any, *_: Any, **__: Any) -> Symbol:
        return Symbol(f"sum({_text(value)})")


@dataclass
class Notation:
    """Words that write the program down, line by line."""

    name: str = "notation"
    dist: Any = field(default_factory=_Names)
    xp: Any = field(default_factory=_Namespace)
    lines: list[tuple[str, str, str]] = field(default_factory=list)
    _plate: tuple[str, Any] | None = None

    def sample(self, name: str, fn: Any, obs: Any = None, dims: Sequence[str] = ()) -> Symbol:
        index = f"[{INDEX.get(self._plate[0], 'j')}]" if self._plate else ""
        if tuple(dims[:1]) == ("components",) and len(dims) > 1 and str(fn).startswith("Dirichlet("):
            index = "[k]"  # a distribution for each component, side by side
        extent = f"{index[1:-1]} = 1, ..., {self._plate[1]}" if self._plate else ""
        self.lines.append((f"{name}{index}", str(fn), extent))
        return Symbol(name)

    @contextmanager
    def plate(self, name: str, size: Any) -> Iterator[None]:
        outer, self._plate = self._plate, (name, size)
        yield
        self._plate = outer

    def assign(self, name: str, probs: Any = None, logits: Any = None) -> Symbol:
        self.sample(name, f"Categorical({f'logits={_text(logits)}' if probs is None else _text(probs)})")
        of = "g[i]" if self._plate and self._plate[0] == "groups" else "i"
        return Symbol(f"{name}[{of}]")

    def chain(
        self,
        name: str,
        initial: Any,
        transition: Any,
        begins: Any,
        observe: Callable[[Any, Any], Any],
        data: Any,
    ) -> Any:
        with self.plate("rows", "n"):
            self.lines.append((f"{name}[1]", f"Categorical({_text(initial)}), in each series", ""))
            self.sample(name, f"Categorical({_text(transition)}[{name}[i-1]])")
            return observe(Symbol(f"{name}[i]"), data)

    def groups(
        self,
        name: str,
        probs: Any,
        group: Any,
        first: Any,
        observe: Callable[[Any, Any], Any],
        data: Any,
        within: tuple[str, Any] | None = None,
    ) -> Any:
        with self.plate("groups", "m"):
            z = self.assign(name, probs)
        with self.plate("rows", "n"):
            return observe(z if within is None else self.assign(within[0], within[1][z]), data)

    def deterministic(self, name: str, value: Any, dims: Sequence[str] = ()) -> Any:
        self.lines.append((name, f"= {_text(value)}", ""))
        return Symbol(name) if isinstance(value, Symbol) else value

    def factor(self, name: str, log_factor: Any) -> None:
        self.lines.append((name, f"factor({_text(log_factor)})", ""))

    def array(self, value: Any) -> Symbol:
        return value if isinstance(value, Symbol) else Symbol(_part(value, WHOLE))

    def text(self, title: str) -> str:
        """The lines, aligned, and what the indices run over."""
        width = max(len(name) for name, _, _ in self.lines)
        extents = dict.fromkeys(extent for _, _, extent in self.lines if extent)
        rows = [f"    {name:<{width}} {fn if fn.startswith('= ') else f'~ {fn}'}" for name, fn, _ in self.lines]
        return "\n".join([title, "", *rows, "", f"    {'; '.join(extents)}"])
