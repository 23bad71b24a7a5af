"""Would the tests notice a wrong sign? Changes a file in one place at a time, runs tests of it, and names the changes that pass.

`python -m tests.mutants inference/criteria.py tests/inference/point/test_em.py` tries forty at random. Each has a process of its own,
forked once the libraries are imported and before any of them starts threads; the file itself is never written to.
"""

import argparse
import ast
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

from inference.compiled_programs import keep_compiled_programs

LIBRARIES = (
    "arviz_stats", "funsor", "hypothesis", "jax.numpy", "joblib", "mpmath", "numpyro", "pandas", "pytest", "rich", "scipy.optimize",
    "scipy.stats", "sklearn.metrics", "xdist.plugin", "zarr",
)  # fmt: skip  # imported once for all mutants

OPTIONS = ("-x", "-q", "-n", "0", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
"""Of pytest: the first failure is enough, and a plugin may be imported already."""

OPERATORS = (
    (ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.Is, ast.IsNot), (ast.In, ast.NotIn),
    (ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.BitAnd, ast.BitOr), (ast.And, ast.Or),
)  # fmt: skip
OTHER_OPERATOR = dict(OPERATORS) | {b: a for a, b in OPERATORS} | {ast.Pow: ast.Mult, ast.USub: ast.UAdd}

NAMES = (
    ("max", "min"), ("argmax", "argmin"), ("maximum", "minimum"), ("any", "all"), ("zeros", "ones"), ("zeros_like", "ones_like"),
)  # fmt: skip
OTHER_NAME = dict(NAMES) | {b: a for a, b in NAMES} | {"sum": "max", "mean": "sum", "exp": "abs", "log": "abs"}

Change = tuple[ast.AST, str, object]  # a node, one of its fields, and what might have been written there


def changes(node: ast.AST) -> Iterator[Change]:
    """All of a file or a part of it, but not of its types, nor of what it tells users."""
    match node:
        case ast.Raise():
            return
        case ast.BinOp(op=op) | ast.AugAssign(op=op) | ast.BoolOp(op=op) | ast.UnaryOp(op=op) if (
            type(op) in OTHER_OPERATOR
        ):
            yield node, "op", OTHER_OPERATOR[type(op)]()
        case ast.UnaryOp(op=op, operand=operand):
            yield node, "operand", ast.UnaryOp(op, operand)
        case ast.Compare(ops=[op, *others]):
            yield node, "ops", [OTHER_OPERATOR[type(op)](), *others]
        case ast.Constant(value=bool(value)):
            yield node, "value", not value
        case ast.Constant(value=int(value) | float(value)):
            yield node, "value", value + 1
        case ast.Attribute(attr=name) if name in OTHER_NAME:
            yield node, "attr", OTHER_NAME[name]
        case ast.If() | ast.IfExp():
            yield from ((node, "test", ast.Constant(value)) for value in (True, False))
    for field, below in ast.iter_fields(node):
        if field not in ("annotation", "returns"):
            for child in below if isinstance(below, list) else [below]:
                if isinstance(child, ast.AST):
                    yield from changes(child)


def outcome(path: Path, tree: ast.Module, tests: list[str], limit: float = 600.0) -> int:
    """Pytest's exit status when the module at the path is the tree: 0 if nothing was noticed, negative if it ran past the limit."""
    code, usual = compile(ast.fix_missing_locations(tree), str(path), "exec"), SourceFileLoader.get_code
    if (child := os.fork()) == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        signal.setitimer(signal.ITIMER_REAL, limit)
        SourceFileLoader.get_code = lambda loader, name: code if Path(loader.path) == path else usual(loader, name)
        try:
            os._exit(pytest.main([*tests, *OPTIONS]))
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(argv: list[str] | None = None) -> int:
    """Print a line for each change that no test noticed; the exit status is 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="which file to change")
    parser.add_argument("tests", nargs="+", help="files, folders or names of tests; fast ones")
    parser.add_argument("--changes", type=int, default=40, help="how many of them at most (default: 40)")
    parser.add_argument("--seed", type=int, default=0, help="which of them (default: 0)")
    args = parser.parse_args(argv)
    path, begin = args.file.resolve(), time.perf_counter()
    tree = ast.parse(path.read_text())
    keep_compiled_programs(Path(".compiled"))
    for library in LIBRARIES:
        import_module(library)
    imported = time.perf_counter()
    if outcome(path, tree, args.tests):
        parser.error("the tests fail with the file as it is")
    limit = 10 + 5 * (time.perf_counter() - imported)
    found = list(changes(tree))
    tried, unnoticed = random.Random(args.seed).sample(found, min(args.changes, len(found))), 0
    for node, field, value in tried:
        before, usual = ast.unparse(node).splitlines()[0], getattr(node, field)
        setattr(node, field, value)
        if outcome(path, tree, args.tests, limit) == 0:
            unnoticed += 1
            print(f"{args.file}:{node.lineno}  {before}  ->  {ast.unparse(node).splitlines()[0]}", flush=True)
        setattr(node, field, usual)
    print(f"{len(tried)} of {len(found)} changes, {unnoticed} unnoticed; {time.perf_counter() - begin:.0f} s")
    return int(unnoticed > 0)


if __name__ == "__main__":
    sys.exit(main())
