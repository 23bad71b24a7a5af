"""All that repeats a run: what was read, what was declared, what was done. `run.toml` holds it, for people and for `rerun`."""

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import tomli_w

from inference.desk.text_tables import TextOptions
from inference.samplers.choice import SAMPLERS
from mixtures.checks import check_choice, check_count
from mixtures.errors import StoredFileError
from mixtures.seeds import check_seed

METHODS = ("map", "em", "mle")
MISSING = ("raise", "allow")
Section = TypeVar("Section")


@dataclass(frozen=True)
class DataSettings:
    """Where the data are, and what their columns are for.

    Args:
        source: a path, `-` for the standard input, or the name of a data set of the package.
        columns: what is modelled; all columns that have no other purpose if not given.
        covariates: columns that regressions or weights depend on.
        labels: the column of known components.
        weights: the column of row weights.
        sequence: the column of the series that rows belong to.
        index: the column of the rows' names.
        missing: `"allow"` where empty cells were not observed; `"raise"` where they are an error.
        sheet: of a workbook.
        text: what is known of a text file.
        formula: the response and its covariates, `"y ~ x + C(g)"`, weights' behind a bar, in place of `columns` and `covariates`.
        standardise: whether columns of numbers are measured in standard deviations from their means.
        categories: the names of the categories of columns, where the table alone does not say their order.
        groups: the column of the groups that rows belong to.
        lower: columns of lower bounds, one for each of `columns`, see `Observations`.
        upper: columns of upper bounds.
        trials: columns of trials, likewise, or one for all.
        exposure: columns of exposures, likewise, or one for all.
        errors: columns of standard errors, one for each of `columns`; or of covariances, one for each pair of them.
    """

    source: str
    columns: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    labels: str = ""
    weights: str = ""
    sequence: str = ""
    index: str = ""
    missing: str = "raise"
    sheet: str = ""
    text: TextOptions = field(default_factory=TextOptions)
    formula: str = ""
    standardise: bool = False
    categories: dict[str, list[str]] = field(default_factory=dict)
    groups: str = ""
    lower: tuple[str, ...] = ()
    upper: tuple[str, ...] = ()
    trials: tuple[str, ...] = ()
    exposure: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    def __post_init__(self):
        check_choice("missing", self.missing, MISSING)


@dataclass(frozen=True)
class ModelSettings:
    """The declaration, in words.

    Args:
        components: how many; several are compared by BIC, and the best is taken.
        family: `"Poisson"`, `"StudentT(df=4)"`; or one for each column, `"height=Gaussian"`.
        covariance: of Gaussians and t distributions, see `gaussian_mixture`.
        priors: `"loc=Normal(0, 10)"`, in place of the defaults.
        chain: whether rows follow one another, a hidden Markov chain.
        gating: whether the weights depend on the covariates, in place of a regression.
        file: a program of your own, `"model.py:name"`, in place of all this.
        program: a declaration as JSON, of runs begun in Python, in place of all this.
    """

    components: tuple[int, ...] = ()
    family: tuple[str, ...] = ()
    covariance: str = "full"
    priors: tuple[str, ...] = ()
    chain: bool = False
    gating: bool = False
    file: str = ""
    program: str = ""

    def __post_init__(self):
        for count in self.components:
            check_count("components", count)


@dataclass(frozen=True)
class FitSettings:
    """The point fit.

    Args:
        method: `"map"`, `"em"` or `"mle"`.
        restarts: the number of starts.
        seed: of all that is random in the run.
        backend: `"numpyro"` or `"pyro"`.
    """

    method: str = "map"
    restarts: int = 20
    seed: int = 0
    backend: str = "numpyro"

    def __post_init__(self):
        check_choice("method", self.method, METHODS)
        check_count("restarts", self.restarts)
        check_choice("backend", self.backend, ("numpyro", "pyro"))
        check_seed(self.seed)


@dataclass(frozen=True)
class SampleSettings:
    """The draws from the posterior.

    Args:
        draws: kept draws of each chain.
        tune: warm-up draws of each chain.
        chains: how many.
        sampler: see `sample_nuts`.
        start_at_fit: whether chains start at the point fit; else each has a start of its own.
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    sampler: str = "auto"
    start_at_fit: bool = True

    def __post_init__(self):
        for name in ("draws", "tune", "chains"):
            check_count(name, getattr(self, name))
        check_choice("sampler", self.sampler, ("auto", *SAMPLERS))


@dataclass(frozen=True)
class Settings:
    """A run.

    Args:
        data: where the data are.
        model: the declaration.
        fit: the point fit.
        sample: the posterior; None leaves it at the point fit.
        name: of the run; that of the data if not given.
        fingerprint: of the data that were read, filled in by the run.
        read: in words, how they were read, filled in by the run.
        versions: of the packages, filled in by the run.

    Example:
        >>> settings = Settings(DataSettings("faithful"), ModelSettings(components=(2,)))
        >>> from_toml(to_toml(settings)) == settings
        True
    """

    data: DataSettings
    model: ModelSettings
    fit: FitSettings = field(default_factory=FitSettings)
    sample: SampleSettings | None = None
    name: str = ""
    fingerprint: str = ""
    read: str = ""
    versions: dict[str, str] = field(default_factory=dict)


def to_toml(settings: Settings) -> str:
    """The settings as TOML text; what is empty is left out."""
    return tomli_w.dumps(_without_empty(dataclasses.asdict(settings)))


def _without_empty(table: dict[str, Any]) -> dict[str, Any]:
    kept = {name: _without_empty(value) if isinstance(value, dict) else value for name, value in table.items()}
    return {name: value for name, value in kept.items() if value not in (None, "", (), {})}


def from_toml(text: str, path: str | Path = "run.toml") -> Settings:
    """The settings that `to_toml` wrote, or a person.

    Raises:
        StoredFileError: no TOML, or something in it that no run has.
    """
    try:
        table = tomllib.loads(text)
        parts: dict[str, Any] = {
            "data": _section(DataSettings, {**table.get("data", {}), "text": _section(TextOptions, table["data"].get("text", {}))}),
            "model": _section(ModelSettings, table.get("model", {})),
            "fit": _section(FitSettings, table.get("fit", {})),
            "sample": _section(SampleSettings, table["sample"]) if "sample" in table else None,
        }  # fmt: skip
        return _section(Settings, {**table, **parts})
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise StoredFileError(
            str(path),
            got=f"no settings of a run ({type(error).__name__}: {error})",
            expected="a run.toml as a run writes it",
        ) from error


def _section(kind: type[Section], table: dict[str, Any]) -> Section:
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in table.items()})
