"""What benchmarks print is kept as it was printed, with where and when; what fails keeps nothing and overwrites nothing."""

import datetime

import pytest

from benchmarks import record


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    """A folder of benchmarks, and what was kept of an earlier run."""
    monkeypatch.setattr(record, "HERE", tmp_path)
    monkeypatch.setattr(record, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(record, "NAMES", ["broken", "sound"])
    (tmp_path / "sound.py").write_text("print('1.5 s, ratio 3  ')\nimport sys; print('a warning', file=sys.stderr)")
    (tmp_path / "broken.py").write_text("print('0.1 s'); raise SystemExit(3)")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "broken.txt").write_text("of another day")
    return tmp_path


def test_what_is_printed_is_kept_with_date_and_versions(scripts):
    record.main(["sound"])
    where, versions, empty, *lines = (scripts / "kept" / "sound.txt").read_text().splitlines()
    assert f"benchmarks/sound.py: {datetime.date.today()}" in where
    assert "bayes-mixtures" in versions
    assert "numpy" in versions
    assert (empty, lines) == ("", ["1.5 s, ratio 3"])


def test_a_benchmark_has_the_arguments_that_it_is_named_with(scripts):
    (scripts / "sound.py").write_text("import sys; print(sys.argv[1:])")
    record.main(["sound --rows '1 2'"])
    where, *_, printed = (scripts / "kept" / "sound.txt").read_text().splitlines()
    assert where.startswith("python benchmarks/sound.py --rows '1 2': ")
    assert printed == "['--rows', '1 2']"


def test_a_benchmark_that_fails_keeps_what_was_there(scripts):
    with pytest.raises(SystemExit, match=r"benchmarks/broken\.py ended with status 3"):
        record.main(["broken"])
    assert (scripts / "kept" / "broken.txt").read_text() == "of another day"


def test_another_name_is_refused(scripts, capsys):
    with pytest.raises(SystemExit):
        record.main(["fast"])
    assert "no benchmark fast; there are broken, sound" in capsys.readouterr().err
