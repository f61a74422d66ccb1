"""Compare frames with plotnine's own pictures: those of the movie, and plots in many other styles.

    python benchmarks/fidelity.py [every]

The peak signal-to-noise ratio (PSNR) is 10 log10(255^2 / mean squared error), over all pixels and
channels. 45 dB, which every frame must reach, is a root mean squared error of 1.4 levels of 255.
The largest error of a single channel has no bound: along the edge of a marker it depends on the
plot, so it is only reported, for the plots that were compared.
"""

import contextlib
import sys

import numpy as np
import polars as pl
from plotnine import (
    aes,
    annotate,
    coord_fixed,
    coord_flip,
    element_rect,
    element_text,
    facet_wrap,
    geom_hline,
    geom_point,
    geom_text,
    geom_tile,
    ggplot,
    guide_legend,
    guides,
    labs,
    scale_color_brewer,
    scale_color_cmap,
    scale_color_discrete,
    scale_size_continuous,
    scale_size_manual,
    scale_x_continuous,
    scale_x_log10,
    scale_x_reverse,
    scale_y_continuous,
    scale_y_reverse,
    theme,
    theme_bw,
    theme_dark,
    theme_minimal,
    theme_void,
)
from tools import ROOT, load_notebook

from animated.plots.templates import Template
from animated.validation import to_enum
from animated.video.combine import combine_plots
from animated.video.frames import Frames


def compare(picture: np.ndarray, reference: np.ndarray) -> tuple[float, int]:
    """Return the PSNR in dB and the largest error of a channel, 0 to 255."""
    error = picture.astype(int) - reference
    return float(10 * np.log10(255**2 / max((error**2).mean(), 1e-9))), int(np.abs(error).max())


def make_points(n: int = 5_000, n_classes: int = 10, seed: int = 0) -> pl.DataFrame:
    """Return clusters in the unit square, one for each class."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(1).uniform(0.1, 0.9, (n_classes, 2))
    which = rng.integers(n_classes, size=n)
    x, y = (centres[which] + rng.normal(scale=0.05, size=(n, 2))).clip(0.001, 0.999).T
    label = to_enum(pl.Series([f"class {i:02}" for i in which]))
    return pl.DataFrame({"x": x, "y": y, "label": label, "value": x + y})


UNIT = [
    scale_x_continuous(limits=(0, 1)),
    scale_y_continuous(limits=(0, 1)),
]


def make_styles() -> dict[str, tuple[ggplot, pl.DataFrame, pl.DataFrame]]:
    """Return plots by their names, each with the data it is first drawn with and other data."""
    first, other = make_points(seed=2), make_points(seed=3)
    base = ggplot(first, aes("x", "y", color="label")) + UNIT
    hundred = make_points(n_classes=100, seed=4), make_points(n_classes=100, seed=5)
    shades = aes("x", "y", color="value")
    sizes = scale_size_manual([0.1 * 1.5**i for i in range(10)])
    pixels = pl.DataFrame({"x": np.arange(900) % 30, "y": np.arange(900) // 30})
    pixels = pixels.with_columns(value=(pl.col("x") - 14.5) ** 2 + (pl.col("y") - 14.5) ** 2)
    styles = {
        "plotnine's defaults": base + geom_point(),
        "large, 50 dpi": base + geom_point(size=6) + theme(dpi=50, figure_size=(8, 4)),
        "200 dpi, theme_bw": base + geom_point(size=0.5) + theme_bw() + theme(dpi=200),
        "opacity .3": base + geom_point(alpha=0.3, size=3) + theme_minimal(),
        "a size for each class": base + geom_point(aes(size="label"), alpha=0.8) + sizes,
        "continuous size": base + geom_point(aes(size="value")) + scale_size_continuous(
            range=(0.1, 5), limits=(0, 2)
        ),
        "continuous colour": ggplot(first, shades) + UNIT + geom_point() + scale_color_cmap(
            "viridis", limits=(0, 2)
        ),
        "reversed axes": ggplot(first, aes("x", "y", color="label")) + geom_point()
        + scale_x_reverse(limits=(1, 0)) + scale_y_reverse(limits=(1, 0)) + theme_dark(),
        "limits that cut, no expansion": ggplot(first, aes("x", "y", color="label"))
        + geom_point(size=2) + scale_x_continuous(limits=(0.3, 0.7), expand=(0, 0))
        + scale_y_continuous(limits=(0.3, 0.7), expand=(0, 0)),
        "coord_fixed, zoomed": base + geom_point() + coord_fixed(ratio=2, xlim=(0.2, 0.6)),
        "coord_flip": base + geom_point() + coord_flip(),
        "logarithmic axis": ggplot(first, aes("x", "y", color="label")) + geom_point()
        + scale_x_log10(limits=(0.001, 1)) + UNIT[1],
        "no colour, no legend": ggplot(first, aes("x", "y")) + UNIT + geom_point(color="#cc0066"),
        "one class": ggplot(first.with_columns(label=pl.lit("only")), aes("x", "y", color="label"))
        + UNIT + geom_point(),
        "filled markers with a border": ggplot(first, aes("x", "y", fill="label")) + UNIT
        + geom_point(color="white", size=4, stroke=1, alpha=0.9),
        "triangles": base + geom_point(shape="^", size=3),
        "crosses": base + geom_point(shape="x", size=2),
        "layers above and below": base + geom_hline(yintercept=0.5, size=8, color="grey")
        + geom_point(size=2) + annotate("rect", xmin=0.2, xmax=0.5, ymin=0.2, ymax=0.9, alpha=0.4)
        + annotate("text", x=0.5, y=0.5, label="above", size=40, color="red"),
        "panels": base + geom_point() + facet_wrap("label", ncol=4)
        + theme(legend_position="none", figure_size=(8, 6)),
        "black, a title": base + geom_point(size=0.04) + scale_color_brewer("qual", "Paired")
        + theme_void(base_size=16)
        + theme(plot_background=element_rect(fill="black"), text=element_text(color="white"))
        + labs(title="A title", subtitle="A subtitle", caption="A caption"),
    }  # fmt: skip
    plots = {name: (plot, first, other) for name, plot in styles.items()}
    plots["one class"] = (
        styles["one class"],
        styles["one class"].data,
        other.with_columns(label=pl.lit("only")),
    )
    plots["100 classes"] = (
        ggplot(hundred[0], aes("x", "y", color="label")) + UNIT + geom_point()
        + scale_color_discrete(limits=hundred[0]["label"].dtype.categories.to_list())
        + guides(color=guide_legend(ncol=4)) + theme(figure_size=(10, 6)),
        *hundred,
    )  # fmt: skip
    plots["tiles"] = (
        ggplot(pixels, aes("x", "y", alpha="value", fill="value")) + geom_tile() + coord_fixed(),
        pixels,
        pixels.with_columns(value=pl.col("value").reverse().sort()),
    )
    words = first.head(30).with_columns(word=pl.col("label").cast(pl.String).str.slice(-2))
    plots["text that moves"] = (
        ggplot(words, aes("x", "y", label="word")) + UNIT + geom_text(size=20, color="navy"),
        words,
        words.with_columns(pl.col("x", "y").reverse()),
    )
    plots["a single point"] = (
        ggplot(first.head(1), aes("x", "y")) + UNIT + geom_point(size=10),
        first.head(1),
        other.head(1),
    )
    return plots


def compare_movie(every: int) -> list[tuple]:
    """Compare every `every`-th frame of the movie with plotnine's picture of it."""
    names, rows = load_notebook(), []
    plot_frame, epochs = names["plot_frame"], range(0, names["num_epochs"], every)
    with contextlib.chdir(ROOT):
        for epoch, picture in zip(epochs, Frames(plot_frame, epochs, None), strict=True):
            reference = np.asarray(combine_plots(plot_frame(epoch)))
            rows.append((f"movie, epoch {epoch}", *compare(picture, reference)))
    return rows


def compare_style(plot: ggplot, first: pl.DataFrame, other: pl.DataFrame) -> tuple[float, int]:
    """Compare a plot that was drawn with `first` and then filled with `other`."""
    template = Template(plot)
    fills = [template.fill(first), template.fill(other)]
    *_, picture = Frames(lambda epoch: [fills[epoch]], range(2), None)
    return compare(picture, np.asarray(combine_plots([fills[1]])))


def main(every: int = 20) -> None:
    """Print a table of all comparisons, and the worst values of the movie and of the styles."""
    movie = compare_movie(every)
    styles = [(name, *compare_style(*style)) for name, style in make_styles().items()]
    schema = ["picture", "psnr", "largest_error"]
    with pl.Config(tbl_rows=-1, fmt_str_lengths=40):
        print(pl.DataFrame(movie + styles, schema=schema, orient="row"))
    groups = {f"{len(styles)} other plots": styles, f"{len(movie)} frames of the movie": movie}
    for name, rows in groups.items():
        print(f"largest error of a channel in {name}, of 255: {max(row[2] for row in rows)}")
    for name, rows in (("a frame", movie), (f"{len(styles)} other plots", styles)):
        print(f"worst PSNR of {name} against plotnine: {min(row[1] for row in rows):.1f} dB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
