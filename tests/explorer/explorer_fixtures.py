"""Fixtures of the explorer's tests: exported pages, and one browser per file to visit them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browser import Visit, launch, require_browser
from page_file import Page
from pages import Real, make_real

from animated import export


@pytest.fixture
def make(tmp_path):
    """Export a page and read it again."""

    def make(embeddings: dict, *, labels=None, **arguments) -> Page:
        path = export(embeddings, labels=labels, output_path=tmp_path / "page.html", **arguments)
        return Page(path)

    return make


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(50, 2)) * [3, 1] + [100, -7]


@pytest.fixture(scope="module")
def store(project) -> Path:
    return project / "data/epochs.parquet"


@pytest.fixture(scope="session")
def real(tmp_path_factory) -> Real:
    require_browser()
    return make_real(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def browser():
    with launch() as browser:
        yield browser


@pytest.fixture(scope="module")
def lively(browser, real) -> Visit:
    """The page in a dark browser that moves things."""
    return Visit(browser, real.path, color_scheme="dark").finish()


@pytest.fixture(scope="module")
def still(browser, real) -> Visit:
    """The page in a light browser that is to move as little as possible."""
    options = {"color_scheme": "light", "reduced_motion": "reduce"}
    return Visit(browser, real.path, **options).finish()


@pytest.fixture
def page(lively) -> Iterator[Visit]:
    yield lively.reset()
    lively.check()


@pytest.fixture
def calm(still) -> Iterator[Visit]:
    yield still.reset()
    still.check()


@pytest.fixture
def visit(browser) -> Iterator:
    """Open pages; all are checked, and closed, in the end."""
    visits = []

    def open_page(path: Path, fragment: str = "", **options) -> Visit:
        visits.append(Visit(browser, path, fragment, **options))
        return visits[-1]

    yield open_page
    for one in visits:
        one.check()
        one.close()
