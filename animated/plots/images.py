"""Images as long tables, a row for each pixel, for `geom_tile`."""

import polars as pl

from animated.validation import is_integer

PIXEL = "pixel"


def to_pixels(table: pl.DataFrame, width: int = 28) -> pl.DataFrame:
    """Return the images of a table as a row for each pixel.

        ggplot(to_pixels(df_digits.head(4)), aes("x", "y", alpha="value")) + geom_tile()

    table: columns `pixel1`, `pixel2` and so on, row by row from the top left, and any others.
    width: of an image in pixels.

    Returns a table sorted by `image` (u32), the row of the image in `table`, with `x` and `y`
    (i32), where (0, 0) is the lower left pixel, `value` and the other columns.
    Raises ValueError when there are no pixels, or their number is not a multiple of `width`.
    """
    names = [name for name in table.columns if name.startswith(PIXEL)]
    if not is_integer(width) or width < 1 or not names or len(names) % width:
        raise ValueError(
            f"the pixels must be rows of {width!r}, got a table with {len(names)} columns 'pixel…'"
        )
    others = [name for name in table.columns if name not in names]
    number = pl.col(PIXEL).str.strip_prefix(PIXEL).cast(pl.Int32) - 1
    return (
        table.with_row_index("image")
        .unpivot(names, index=["image", *others], variable_name=PIXEL)
        .with_columns(x=number % width, y=len(names) // width - 1 - number // width)
        .drop(PIXEL)
        .sort("image", maintain_order=True)
    )
