"""Measure the size and the speed of the explorer's pages, in a browser without a GPU.

    python benchmarks/explorer.py

It makes three pages: 30,000 digits with three embeddings and every fourth epoch of UMAP, the same
with all 200 epochs, and 70,000 digits with three embeddings. Each page is opened from its file at
1280 x 800. Frames are counted while the page is dragged, zoomed, played and turned; the time of a
frame is the time our own code takes in it. For comparison, the same dots and images are drawn with
the canvas methods `fillRect` and `drawImage`.
"""

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from chromium import open_browser
from sklearn.decomposition import PCA
from tools import ROOT

from animated import export
from animated.datasets.mnist import load_mnist
from animated.validation import to_features

EPOCHS = ROOT / "data/epochs.parquet"
# The policy of the page forbids the way in which Playwright waits for an expression.
UNTIL_READY = """async () => {
  while (!window.explorer) await new Promise((resolve) => setTimeout(resolve, 20));
  await explorer.finished;
}"""
# Records when the first dots and the first images are drawn.
MARKS = """
  const { prototype } = CanvasRenderingContext2D;
  const { putImageData } = prototype;
  prototype.putImageData = function (...all) {
    putImageData.apply(this, all);
    if (this.canvas.className !== "map") return;
    if (!performance.getEntriesByName("dots").length) performance.mark("dots");
    if (window.explorer?.data.images.shown.length) performance.mark("images");
  };
"""
SCRIPT = Path(__file__).with_suffix(".js").read_text()


def make_page(path: Path, digits: pl.DataFrame, epochs: int | None) -> Path:
    """Write a page of digits with PCA, and with the stored UMAP run if it has the same digits."""
    X = to_features(digits, label="digit")
    spots = PCA(3, random_state=0).fit_transform(X)
    n_run = pl.scan_parquet(EPOCHS).filter(pl.col("epoch") == 0).select(pl.len()).collect().item()
    first = EPOCHS if n_run == len(digits) else np.cbrt(spots[:, :2])
    embeddings = {"UMAP": first, "PCA": spots[:, :2], "PCA in 3-D": spots}
    images = X.reshape(-1, 28, 28).astype(np.uint8)
    return export(
        embeddings, labels=digits["digit"], images=images, epochs=epochs, output_path=path
    )


def measure_page(browser, path: Path) -> dict[str, float]:
    """Return size, requests, times in ms and frames per second of a page."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.add_init_script(MARKS)
    page.goto(path.as_uri())
    page.evaluate(UNTIL_READY)
    page.wait_for_timeout(1000)
    times = page.evaluate(SCRIPT)
    page.close()
    return {"MB": path.stat().st_size / 1e6, "requests": len(requests)} | times


def main() -> None:
    """Print the size and the speed of each page."""
    digits = load_mnist()
    cases = {
        "30000 digits and 51 epochs": (30_000, 4),
        "30000 digits and 200 epochs": (30_000, None),
        "70000 digits": (70_000, None),
    }
    with tempfile.TemporaryDirectory() as folder:
        pages = {
            name: make_page(Path(folder) / f"{name}.html", digits.head(n_digits), epochs)
            for name, (n_digits, epochs) in cases.items()
        }
        with open_browser() as browser:
            results = {name: measure_page(browser, path) for name, path in pages.items()}
    for name, result in results.items():
        print(f"MB of a page of {name}: {result['MB']:.2f}")
        print(f"ms to the first dots of {name}: {result['dots']:.0f}")
        print(f"ms to the first images of {name}: {result['images']:.0f}")
    all_epochs, many = results["30000 digits and 200 epochs"], results["70000 digits"]
    for name in ("pan", "zoom"):
        middle, high = many[name]["median"], many[name]["p95"]
        print(f"ms of a frame, a {name} of 70000 digits: {middle:.1f}, 95th percentile {high:.1f}")
    print(f"ms to seek an epoch of 30000 digits: {all_epochs['seek']['p95']:.1f} (95th percentile)")
    print(f"frames a second while 30000 digits play: {all_epochs['play']:.0f}")
    print(f"frames a second between two embeddings of 30000 digits: {all_epochs['travel']:.0f}")
    print(f"frames a second while 30000 digits turn: {all_epochs['turn']:.0f}")
    print(f"ms to find the point under the pointer among 70000: {many['pick']['p95']:.2f}")
    print(f"canvas drawing / ours for a frame of 70000 digits: {many['plain'] / many['own']:.1f}")


if __name__ == "__main__":
    main()
