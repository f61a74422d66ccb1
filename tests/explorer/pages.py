"""The page that most browser tests visit, and what they do on it again and again."""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from browser import Visit
from conftest import ROOT
from matplotlib.path import Path as Polygon
from playwright.sync_api import Locator
from sklearn.neighbors import NearestNeighbors

from animated import EpochWriter, export
from animated.runs.store import read_positions

N_DIGITS, LAST, EVERY = 6_000, 199, 4
UMAP, PCA, SPATIAL, PIXELS = range(4)
# Before the last epoch positions are known to half a step of 64 / 65,000.
PRECISION = 32.6 / 65_000


class Real(NamedTuple):
    """What the page was made of: one row a digit."""

    path: Path
    store: Path
    labels: np.ndarray
    images: np.ndarray
    neighbors: np.ndarray
    ink: np.ndarray
    components: np.ndarray

    def read(self, epoch: int = LAST) -> np.ndarray:
        """Return the positions in the store, float64 (N_DIGITS, 2)."""
        return read_positions(self.store, epoch)


def copy_store(path: Path) -> Path:
    """Write a store of some epochs of the first digits, one of which the page leaves out."""
    with EpochWriter(path) as write:
        for epoch in (*range(0, LAST, EVERY), LAST - 1, LAST):
            write(epoch, read_positions(ROOT / "data/epochs.parquet", epoch)[:N_DIGITS])
    return path


def make_real(folder: Path) -> Real:
    """Export a page of digits in three embeddings, with everything that a page can show."""
    table = pl.read_parquet(ROOT / "data/digits.parquet", n_rows=N_DIGITS)
    pixels = table.drop("digit").to_numpy()
    X = pixels.astype(np.float32) / 255
    ink = pixels.sum(axis=1).astype(float)
    vectors = np.linalg.eigh(np.cov(X.T))[1][:, :-11:-1].astype(np.float32)
    scores = (X - X.mean(axis=0)) @ vectors
    vectors, components = vectors[:, :3], scores[:, :3].copy()
    images = pixels.astype(np.uint8).reshape(-1, 28, 28)
    neighbors = NearestNeighbors(n_neighbors=5).fit(scores).kneighbors(return_distance=False)
    store = copy_store(folder / "epochs.parquet")
    path = export(
        {"UMAP": store, "PCA": components[:, :2], "PCA in 3-D": components},
        labels=table["digit"],
        images=images,
        epochs=range(0, LAST, EVERY),
        neighbors=neighbors,
        columns={"ink": ink},
        components={"PCA": vectors.T.reshape(3, 28, 28)[:2]},
        title="6,000 digits",
        output_path=folder / "real.html",
    )
    labels = table["digit"].cast(pl.String).to_numpy()
    return Real(path, store, labels, images, neighbors, ink, components)


class Screen(NamedTuple):
    """Where unit coordinates are on the screen: px per unit, and the place of the origin."""

    scale: float
    origin: np.ndarray

    @classmethod
    def fit(cls, units: np.ndarray, spots: np.ndarray) -> "Screen":
        flipped, middle = units * [1, -1], units.mean(axis=0) * [1, -1]
        around = flipped - middle
        scale = ((spots - spots.mean(axis=0)) * around).sum() / (around**2).sum()
        return cls(scale, spots.mean(axis=0) - scale * middle)

    def to_units(self, spots: np.ndarray) -> np.ndarray:
        return (spots - self.origin) / self.scale * [1, -1]

    def to_screen(self, units: np.ndarray) -> np.ndarray:
        return units * [1, -1] * self.scale + self.origin


def fit_screen(page: Visit, units: np.ndarray) -> Screen:
    """Return the screen on which positions in unit coordinates are where the page has them."""
    return Screen.fit(units, page.locate())


def read_images(page: Visit) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the points shown as images, how opaque they are, 0 to 255, and their length in px."""
    images = "explorer.data.images"
    shown, opacity = page.read(f"[{images}.shown, {images}.shown.map((i) => {images}.opacity[i])]")
    length = page.run("explorer.map.imageLength / devicePixelRatio")
    return np.array(shown, dtype=int), np.array(opacity), length


def get_card(page: Visit) -> Locator:
    return page.page.locator("article[aria-label='Point']")


def get_nearest(page: Visit) -> Locator:
    """Return the buttons of a point's nearest neighbours."""
    return get_card(page).get_by_role("button", name=re.compile("index"))


def choose_embedding(page: Visit, name: str) -> None:
    page.page.get_by_role("radio", name=name, exact=True).check()


STAR = [(400, 230), (600, 290), (700, 200), (680, 420), (560, 380), (450, 560), (520, 330)]


def is_inside(path: list[tuple[float, float]], spots: np.ndarray) -> np.ndarray:
    """Return the points inside a path."""
    return np.flatnonzero(Polygon([*path, path[0]], closed=True).contains_points(spots))


def make_images(n: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, *shape)).astype(np.uint8)


def make_embeddings(n: int) -> dict[str, np.ndarray]:
    positions = np.random.default_rng(1).normal(size=(n, 3))
    return {"a": positions[:, :2], "b": positions}
