"""What a formula may say: its text parsed, and looked at node by node, before formulaic, which evaluates factors as Python, sees data."""

import ast
import re
from collections.abc import Iterator
from typing import Any

from mixtures.errors import BackendError, ModelError, in_words

OF_GROUPS = "Effects of groups are named beside the formula, random='intercept' or random='x', and groups with the data, group=table['g']."

FUNCTIONS = frozenset(
    {
        *(
            "C",
            "Diff",
            "Helmert",
            "I",
            "Poly",
            "Sum",
            "Treatment",
            "bs",
            "cc",
            "center",
            "contr",
            "cr",
            "cs",
            "exp",
            "exp10",
            "exp2",
        ),
        *("log", "log10", "log2", "poly", "scale", "standardize"),
    }
)
"""What a formula may call, beside NumPy's functions of one number."""

NUMPY = frozenset(
    {
        *(
            "abs",
            "cbrt",
            "cos",
            "exp",
            "expm1",
            "floor",
            "log",
            "log10",
            "log1p",
            "log2",
            "sign",
            "sin",
            "sqrt",
            "square",
            "tan",
        ),
        "tanh",
    }
)

PLAIN = (
    ast.Expression, ast.Name, ast.Load, ast.Constant, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Call, ast.keyword, ast.List, ast.Tuple,
    ast.Attribute, ast.operator, ast.unaryop, ast.cmpop,
)  # fmt: skip


def check_formula(text: Any) -> None:
    """Check that a text is a formula, and calls nothing but what formulas may call; no part of it is run.

    Raises:
        ModelError: it is none.
        BackendError: formulaic is not installed.
    """
    if not isinstance(text, str) or text.count("~") != 1:
        raise ModelError("formula", got=in_words(text), expected="a formula with a response, 'y ~ x + C(g)' say")
    for factor in _factors(text):
        for node in ast.walk(_parsed(factor, text)):
            _check_node(node, text)


def _check_node(node: ast.AST, text: str) -> None:
    if not isinstance(node, PLAIN):
        raise _not_callable(text, type(node).__name__)
    if isinstance(node, ast.Attribute) and not (
        isinstance(node.value, ast.Name)
        and (
            (node.value.id == "np" and node.attr in NUMPY)
            or (node.value.id == "contr" and not node.attr.startswith("_"))
        )
    ):
        raise _not_callable(text, node.attr)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in FUNCTIONS:
        raise _not_callable(text, node.func.id)
    if isinstance(node, ast.Call) and not isinstance(node.func, ast.Name | ast.Attribute):
        raise _not_callable(text, "a call of a call")


def _not_callable(text: str, what: str) -> ModelError:
    return ModelError(
        "formula",
        got=f"{what} in {text!r}",
        expected=f"names of columns, numbers, and the functions {', '.join(sorted(FUNCTIONS))}, or np.{', np.'.join(sorted(NUMPY))}",
        advice="Make other columns in the table, and name them here.",
    )


def sides_of(text: str) -> tuple[Any, ...]:
    """The left and the right side, and what is behind a bar where there is one, parsed by formulaic.

    Raises:
        ModelError: formulaic cannot parse it.
        BackendError: it is not installed.
    """
    try:
        from formulaic import Formula as Parsed
    except ImportError as error:
        raise BackendError(
            "formula", got="a formula, and no formulaic", expected="the package that reads them",
            advice="pip install 'bayes-mixtures[formulas]', or pip install formulaic.",
        ) from error  # fmt: skip
    try:
        parsed = Parsed(text)
        right = parsed.rhs if isinstance(parsed.rhs, tuple) else (parsed.rhs,)
        if isinstance(parsed.lhs, tuple) or len(right) > 2:
            raise ValueError("it has several parts")
        return parsed.lhs, *right
    except Exception as error:
        said = " ".join(_COLOUR.sub("", str(error)).split())[:120]
        is_of_groups = re.search(r"\([^()]*\|", text)  # (1 | g), as lme4 and brms write it
        advice = OF_GROUPS if is_of_groups else ""
        raise ModelError(
            "formula", got=f"{text!r} ({said})", expected="a formula, 'y ~ x + C(g)' say", advice=advice
        ) from error


def _factors(text: str) -> Iterator[str]:
    for side in sides_of(text):
        for term in side:
            yield from (str(factor.expr) for factor in term.factors)


def _parsed(factor: str, text: str) -> ast.Expression:
    """A factor as Python's syntax tree; names in backticks are names."""
    try:
        return ast.parse(_QUOTED.sub(lambda found: f"_{found[1].encode().hex()}", factor), mode="eval")
    except SyntaxError:
        if re.fullmatch(r"[^()\[\]{}]+", factor):  # the bare name of a column, blanks and all
            return ast.Expression(ast.Name("_", ast.Load()))
        raise _not_callable(text, factor) from None


_COLOUR = re.compile(r"\x1b\[[0-9;]*m|[⧛⧚](\[[0-9;]*m)?")
_QUOTED = re.compile(r"`([^`]+)`")


def variables_of(text: str) -> list[str]:
    """The columns that a formula needs."""
    return sorted({str(name) for side in sides_of(text) for name in side.required_variables})


def variable_of(factor: str) -> str:
    """The variable of a factor of categories: `g`, or that of `C(g, contr.sum)`."""
    inside = re.fullmatch(r"C\(\s*(`[^`]+`|[^,()]+?)\s*(,.*)?\)", factor)
    return (inside[1] if inside else factor).strip("`")
