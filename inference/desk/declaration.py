"""From the words of the command to a declaration: families, priors and programs by name, their numbers read and nothing run."""

import ast
import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from inspect import isfunction
from pathlib import Path
from typing import Any

from inference.desk.settings import ModelSettings
from mixtures import Formula, Mixture, Observations, Program, families, priors, weights
from mixtures.assignments import Assignment, Markov, MarkovGating, PerGroup
from mixtures.categories import BOOLEAN
from mixtures.errors import ChoiceError, ModelError
from mixtures.families.family import Family
from mixtures.models import categorical_family
from mixtures.priors import Prior
from mixtures.specification import from_json

REGRESSIONS = {"Gaussian": "gaussian", "Poisson": "poisson", "Bernoulli": "bernoulli"}
"""By a family, the regression whose response it is."""

OF_NO_COMPONENT = ("Family", "Columns", "Parts")
FAMILIES = tuple(name for name in families.__all__ if name not in OF_NO_COMPONENT)
PRIORS = tuple(name for name, value in vars(priors).items() if name[0].isupper() and isfunction(value))


def program_of(
    settings: ModelSettings, x: Observations, components: int | None = None, formula: Formula | None = None
) -> Program:
    """The declaration.

    Args:
        settings: what was said of it.
        x: the data, whose columns and covariates it is for.
        components: how many; None: as the settings say.
        formula: how tables are read, if by one.

    Raises:
        ModelError, ChoiceError: no such family or prior, or arguments that it does not have.
    """
    if settings.program:
        return from_json(settings.program)
    if settings.file:
        return _of_file(settings.file)
    count = settings.components[0] if components is None else components
    has_bar = formula is not None and formula.of_weights is not None
    own = replace(settings, gating=settings.gating or has_bar)
    family = family_of(settings if has_bar else own, x)
    return Mixture(count, family, law_of(own, x), formula=formula)


def check_words(settings: ModelSettings) -> None:
    """Check what can be checked before there are data.

    Raises:
        ModelError, ChoiceError: words that mean nothing, or things that exclude each other.
    """
    if settings.file:
        others = replace(settings, file="")
        if others != ModelSettings():
            name = next(field.name for field in fields(others) if getattr(others, field.name) != field.default)
            raise ModelError("--model", got=f"a program of your own, and its {name}", expected="one of the two")
        return
    if not settings.components:
        raise ModelError("--components", got="none", expected="a number, or several to choose from: 3, 2:6, 1,2,4")
    plain, named = _words(settings)
    if named and settings.covariance != "full":
        expected = "the covariance of one of them: --family 'height=StudentT(covariance=...)'"
        raise ModelError("--covariance", got="families by column too", expected=expected)
    for text in (plain, *named.values()):
        _family(text, settings.covariance)
    priors_of(settings)
    is_constant = not (settings.chain or settings.gating)
    if "weights" in priors_of(settings) and not is_constant:
        raise ModelError("--prior weights", got="weights that a chain or gating has", expected="constant weights")


def _words(settings: ModelSettings) -> tuple[str, dict[str, str]]:
    """The family of all columns, and those of single ones."""
    named = {name: text for name, text in map(split, settings.family) if name}
    plain = [text for name, text in map(split, settings.family) if not name]
    if (named and plain) or len(plain) > 1:
        expected = "one family, or one for each column: --family height=Gaussian --family visits=Poisson"
        raise ModelError("--family", got=" ".join(settings.family), expected=expected)
    return (plain[0] if plain else "Gaussian"), named


def priors_of(settings: ModelSettings) -> dict[str, Prior]:
    """The priors that were given, by site."""
    found = {}
    for site, text in map(split, settings.priors):
        if not site:
            raise ModelError("--prior", got=repr(text), expected="the name of a parameter too: 'loc=Normal(0, 10)'")
        found[site] = prior(text)
    return found


def family_of(settings: ModelSettings, x: Observations) -> Family:
    """What a row looks like, given its component."""
    own = {site: given for site, given in priors_of(settings).items() if site != "weights"}
    plain, named = _words(settings)
    if named:
        return _by_column(named, x, own)
    family = categorical_family(x) if _is_counted(plain) else _family(plain, settings.covariance)
    name = type(family).__name__
    if x.covariates is not None and not settings.gating and name != "Regression":
        if name not in REGRESSIONS or settings.covariance != "full":
            raise ModelError(
                "--covariates", got=f"covariates of a {name}", expected=f"a regression of one of {', '.join(REGRESSIONS)}",
                advice="With --gating the weights depend on them instead.",
            )  # fmt: skip
        family = families.Regression(REGRESSIONS[name])
    return replace(family, priors=own) if own else family  # type: ignore[type-var]


def _by_column(named: Mapping[str, str], x: Observations, own: Mapping[str, Prior]) -> Family:
    columns = list(x.feature_names or ())
    unknown = [name for name in named if name not in columns]
    if unknown:
        raise ModelError("--family", got=f"a family of {unknown[0]!r}", expected=f"of one of the columns {columns}")
    return families.Product({name: _of_column(named, x, index) for index, name in enumerate(columns)}, priors=own)


def _of_column(named: Mapping[str, str], x: Observations, index: int) -> Family:
    """The family of a column: what was said, else categories where it has names, else a normal distribution."""
    column = x.column(index)
    default = "Gaussian" if column.categories in (None, (BOOLEAN,)) else COUNTED
    text = named.get((x.feature_names or ())[index], default)
    return categorical_family(column) if _is_counted(text) else _family(text, "full")


COUNTED = "Categorical"
"""A family without the number of its categories, which the data then say."""


def _is_counted(text: str) -> bool:
    return text.lower().removesuffix("()") == COUNTED.lower()


def takes_names(settings: ModelSettings) -> Callable[[str], bool]:
    """Column -> whether texts in it are categories: of a family of categories, or not said otherwise beside families by column."""
    if settings.program or settings.file:
        return lambda column: True  # which the program is held against
    plain, named = _words(settings)

    def takes(column: str) -> bool:
        text = named.get(column, COUNTED if named else plain)
        return _family(text, "full").parts().support.categories is not None

    return takes


def law_of(settings: ModelSettings, x: Observations) -> Assignment:
    """How rows come to their components."""
    is_chain = settings.chain or x.sequence is not None
    if settings.gating and x.covariates is None:
        raise ModelError("--gating", got="no covariates", expected="--covariates, which weights depend on")
    if is_chain and x.group is not None:
        raise ModelError(
            "--groups", got="groups of rows that follow one another", expected="either, --groups or --sequence"
        )
    if is_chain:
        return MarkovGating() if settings.gating else Markov()
    of_rows = weights.Gating() if settings.gating else _constant(settings)
    return of_rows if x.group is None else PerGroup(of_rows)


def _constant(settings: ModelSettings) -> weights.Dirichlet:
    """Weights that are the same for all."""
    given = priors_of(settings).get("weights")
    if given is None:
        return weights.Dirichlet(1.0)
    if given.name != "Dirichlet":
        raise ModelError("--prior weights", got=str(given), expected="Dirichlet(number)")
    return weights.Dirichlet(dict(given.parameters)["concentration"])  # type: ignore[arg-type]


def split(text: str) -> tuple[str, str]:
    """`name=call` in two; no name where the first sign of equality is inside the call's brackets, or there is none."""
    name, equals, rest = text.partition("=")
    return (name.strip(), rest.strip()) if equals and "(" not in name else ("", text.strip())


def _family(text: str, covariance: str) -> Family:
    family = families.Categorical(2) if _is_counted(text) else _called("--family", text, families, FAMILIES)
    if covariance == "full":
        return family
    if "covariance" not in {field.name for field in fields(family)}:
        raise ModelError("--covariance", got=f"a {type(family).__name__}", expected="a family that has covariances")
    return replace(family, covariance=covariance)


def prior(text: str) -> Prior:
    """A prior, by its name and numbers.

    Example:
        >>> print(prior("Normal(0, 10)"))
        Normal(0, 10)
    """
    return _called("--prior", text, priors, PRIORS)


def _called(option: str, text: str, module: Any, names: tuple[str, ...]) -> Any:
    """What `Name(arguments)` gives, of a module's names; the arguments are numbers, texts and other such calls."""
    try:
        return _value(option, ast.parse(text, mode="eval").body, module, names)
    except (SyntaxError, ValueError) as error:
        if isinstance(error, ModelError | ChoiceError):
            raise
        raise ModelError(
            option, got=repr(text), expected=f"a name with its numbers, such as {names[0]}(...)"
        ) from error
    except TypeError as error:
        said = str(error).replace(".__init__()", "")
        raise ModelError(option, got=f"{text!r} ({said})", expected="the arguments that it has") from error


def _value(option: str, node: ast.expr, module: Any, names: tuple[str, ...]) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        arguments = [_value(option, argument, module, names) for argument in node.args]
        named = {word.arg or "": _value(option, word.value, module, names) for word in node.keywords}
        return _named(option, node.func.id, module, names)(*arguments, **named)
    if isinstance(node, ast.Name):
        return _named(option, node.id, module, names)()
    return ast.literal_eval(node)


def _named(option: str, name: str, module: Any, names: tuple[str, ...]) -> Any:
    by_lower = {one.lower(): one for one in names}
    if name.lower() in by_lower:
        return getattr(module, by_lower[name.lower()])
    near = get_close_matches(name.lower(), by_lower, n=1)
    advice = f" (did you mean {by_lower[near[0]]}?)" if near else ""
    raise ModelError(option, got=f"{name}{advice}", expected=f"one of {', '.join(names)}")


def _of_file(text: str) -> Program:
    """A program of the user's own, from a file that the user names: the one place where code is run for a setting.

    Raises:
        ModelError: no such file, or no program of that name in it.
    """
    path, _, name = text.rpartition(":")
    if not path or not Path(path).is_file():
        raise ModelError("--model", got=text, expected="file.py:name, a file that exists and a program in it")
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    if spec is None or spec.loader is None:
        raise ModelError("--model", got=text, expected="a Python file, file.py:name")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # by which saved results find the program again
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        got = f"{path}, which raises {type(error).__name__}: {error}"
        raise ModelError("--model", got=got, expected="a file that runs") from error
    found = getattr(module, name, None)
    if not isinstance(found, Program):
        known = [key for key, value in vars(module).items() if isinstance(value, Program)]
        raise ModelError(
            "--model", got=f"{name} in {path}, which is none", expected=f"a declaration: {known or 'there is none'}"
        )
    return found
