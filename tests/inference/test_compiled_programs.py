"""Compiled programs are kept between processes: the second one compiles less, and nothing that a user has set is touched."""

import os
import subprocess
import sys

from inference.compiled_programs import cache_folder, keep_compiled_programs

FIT = """
from inference.compiled_programs import keep_compiled_programs
keep_compiled_programs()
import jax
found = []
jax.monitoring.register_event_listener(lambda name, **_: found.append(name))
import inference, mixtures
inference.fit_map(mixtures.gaussian_mixture(2), [0.0, 1.0, 5.0, 6.0, 7.0], restarts=3, seed=0)
print(found.count("/jax/compilation_cache/cache_hits"))
"""


def hits(environment):
    run = subprocess.run(
        [sys.executable, "-c", FIT], env=environment, capture_output=True, text=True, check=True, timeout=200
    )
    return int(run.stdout)


def without_settings(**more):
    return {name: value for name, value in os.environ.items() if not name.startswith("JAX_")} | more


def test_the_second_process_finds_what_the_first_has_compiled(tmp_path):
    # however fast the machine compiles
    environment = without_settings(XDG_CACHE_HOME=str(tmp_path), JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0")
    assert hits(environment) == 0
    assert hits(environment) >= 2
    assert [folder.name for folder in (tmp_path / "bayes-mixtures").iterdir()] == [cache_folder(tmp_path).name]


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path):
    (tmp_path / "bayes-mixtures").write_text("a file in its place")
    assert hits(without_settings(XDG_CACHE_HOME=str(tmp_path))) == 0


def test_what_a_user_has_set_stays(tmp_path):
    settings = {"JAX_COMPILATION_CACHE_DIR": "elsewhere"}
    keep_compiled_programs(tmp_path, settings)
    assert settings == {"JAX_COMPILATION_CACHE_DIR": "elsewhere"}
    assert not list(tmp_path.iterdir())
