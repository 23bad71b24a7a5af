"""The report is one page, complete in itself, that says what the results say; its HTML is whole and can be read by everybody."""

import html
from html.parser import HTMLParser

import pytest

import inference

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """The page as a list of tags with their attributes; what is opened must be closed in order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text = [], [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def text(run):
    return (run.path / "report.html").read_text()


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_nothing_is_fetched_from_elsewhere(text, page):
    assert not page.all("script") and not page.all("link")
    assert all(attrs["src"].startswith("data:image/") for attrs in page.all("img"))
    assert all(attrs["href"].startswith("#") for attrs in page.all("a"))
    assert "@import" not in text and "url(" not in text


def test_the_answer_comes_first_and_everything_is_there(run, page):
    answer = run.answer
    first = page.text.index(answer.found)
    assert first < page.text.index(answer.trust) < page.text.index("Parameters")
    verdict = inference.diagnose_labels(run.posterior, reference_fit=run.fit).verdict.value
    words = [
        "Partition of 70 rows",
        "LKJCholesky",
        "decimal mark ','",
        "mixtures rerun",
        "correlation[0, height, width]",
    ]
    for word in (verdict, *words):
        assert word in page.text, word
    assert len(page.all("img")) == 4


def test_it_can_be_read_without_eyes_and_without_a_mouse(page):
    assert page.all("html")[0]["lang"] == "en" and page.all("title") and len(page.all("h1")) == 1
    assert all(len(attrs["alt"]) > 20 for attrs in page.all("img"))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(set(ids)) == len(ids)
    assert {attrs["href"][1:] for attrs in page.all("a")} <= set(ids)
    assert {attrs["aria-labelledby"] for attrs in page.all("section") if "aria-labelledby" in attrs} <= set(ids)
    scrolled = [attrs for attrs in page.all("div") if attrs.get("class") == "scroll"]
    assert all(attrs["tabindex"] == "0" and attrs["role"] == "region" and attrs["aria-label"] for attrs in scrolled)


def test_names_are_no_code(tmp_path, page):
    """A column called like a tag is shown as it is called."""
    import pandas as pd

    from inference.desk.run import Run
    from inference.desk.settings import FitSettings
    from mixtures import gaussian_mixture

    evil = "<script>alert(1)</script>"
    frame = pd.DataFrame({evil: [0.0, 1.0, 2.0, 5.0, 6.0], "b": [1.0, 0.0, 2.0, 6.0, 4.0]})
    run = Run.of(gaussian_mixture(1), frame, parent=tmp_path, fit=FitSettings(restarts=2)).complete(pictures=False)
    text = (run.path / "report.html").read_text()
    assert evil not in text and html.escape(evil) in text
    assert not Page(text).all("script")
