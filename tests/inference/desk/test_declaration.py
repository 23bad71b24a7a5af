"""What the command says of a model is the declaration that Python would write, and nothing in it is run."""

import numpy as np
import pandas as pd
import pytest

from inference.desk.declaration import prior, program_of
from inference.desk.settings import ModelSettings
from mixtures import Mixture, Observations, assignments, families, hidden_markov, priors, weights
from mixtures.errors import MixturesError, ModelError

X = Observations(pd.DataFrame({"height": [1.0, 2.0, 4.0], "visits": [0.0, 3.0, 1.0]}))
Y = Observations([1.0, 2.0, 4.0], covariates=[0.0, 1.0, 2.0])


@pytest.mark.parametrize(
    ("said", "x", "meant"),
    [
        ({}, X, Mixture(2, families.Gaussian())),
        ({"covariance": "VEV"}, X, Mixture(2, families.Gaussian("VEV"))),
        ({"family": ("poisson",)}, X, Mixture(2, families.Poisson())),
        ({"family": ("StudentT(df=4)",), "covariance": "diag"}, X, Mixture(2, families.StudentT(4.0, "diag"))),
        ({"family": ("Categorical(5)",)}, X, Mixture(2, families.Categorical(5))),
        (
            {"family": ("WithNoise(Gaussian('diag'), low=-1, high=9)",)},
            X,
            Mixture(2, families.WithNoise(families.Gaussian("diag"), low=-1, high=9)),
        ),
        (
            {"family": ("visits=Poisson",)},
            X,
            Mixture(2, families.Product({"height": families.Gaussian(), "visits": families.Poisson()})),
        ),
        (
            {"priors": ("loc=Normal(0, 10)", "weights=Dirichlet(0.5)")},
            X,
            Mixture(2, families.Gaussian(priors={"loc": priors.Normal(0.0, 10.0)}), weights.Dirichlet(0.5)),
        ),
        ({}, Y, Mixture(2, families.Regression("gaussian"))),
        ({"family": ("Poisson",)}, Y, Mixture(2, families.Regression("poisson"))),
        ({"gating": True}, Y, Mixture(2, families.Gaussian(), weights.Gating())),
        ({"gating": True, "chain": True}, Y, Mixture(2, families.Gaussian(), assignments.MarkovGating())),
        ({"chain": True, "family": ("Poisson",)}, X, hidden_markov(2, families.Poisson())),
    ],
)
def test_words_and_their_declarations(said, x, meant):
    assert program_of(ModelSettings((2,), **said), x) == meant


def test_a_series_makes_it_a_chain():
    x = Observations([1.0, 2.0, 4.0], sequence=["a", "a", "b"])
    assert program_of(ModelSettings((2,)), x) == hidden_markov(2)


def test_groups_share_an_assignment():
    x = Observations([1.0, 2.0, 4.0], group=["a", "b", "a"], covariates=[0.0, 1.0, 0.0])
    per_group = assignments.PerGroup
    assert program_of(ModelSettings((2,)), x).assignment == per_group()
    assert program_of(ModelSettings((2,), gating=True), x).assignment == per_group(weights.Gating())
    with pytest.raises(ModelError, match="either, --groups or --sequence"):
        program_of(ModelSettings((2,), chain=True), x)


def test_priors_by_name():
    assert prior("gamma(2, rate=0.5)") == priors.Gamma(2.0, rate=0.5)
    assert prior("Normal([0, 1], 2)") == priors.Normal(np.array([0.0, 1.0]), 2.0)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"family": ("Poison",)}, "did you mean Poisson?"),
        ({"family": ("Gaussian(colour=1)",)}, "colour"),
        ({"family": ("Gaussian", "Poisson")}, "one for each column"),
        ({"family": ("depth=Gaussian",)}, "'height', 'visits'"),
        ({"family": ("Gaussian(",)}, "--family"),
        ({"family": ("__import__('os').getcwd()",)}, "--family"),
        ({"family": ("Poisson(priors=open('/etc/passwd'))",)}, "open"),
        ({"priors": ("loc=Normaal(0, 1)",)}, "did you mean Normal?"),
        ({"priors": ("weights=Normal(0, 1)",)}, "Dirichlet"),
        ({"priors": ("height=Normal(0, 1)",)}, "height"),
        ({"gating": True}, "--covariates"),
        ({"file": "none.py:model"}, "none.py"),
    ],
)
def test_what_cannot_be_meant_is_said(said, words):
    with pytest.raises(MixturesError, match=words.replace("?", r"\?")):
        program_of(ModelSettings((2,), **said), X)


def test_a_program_of_ones_own_comes_from_its_file(tmp_path):
    path = tmp_path / "own_rates.py"
    path.write_text(
        "import mixtures\n\n@mixtures.declare\ndef two_rates(ppl, x):\n"
        "    w = ppl.sample('weights', ppl.dist.Dirichlet(ppl.xp.ones(2)))\n"
        "    with ppl.plate('components', 2):\n        rate = ppl.sample('rate', ppl.dist.Gamma(2.0, 1.0))\n"
        "    with ppl.plate('rows', len(x)):\n        z = ppl.assign('assignment', w)\n"
        "        ppl.sample('obs', ppl.dist.Poisson(rate[z]), obs=x)\n"
    )
    assert program_of(ModelSettings(file=f"{path}:two_rates"), X).function.__name__ == "two_rates"
    with pytest.raises(ModelError, match="two_rates"):
        program_of(ModelSettings(file=f"{path}:three_rates"), X)
