"""A plot that is filled with other data, epoch by epoch."""

import copy
from types import SimpleNamespace
from typing import Any, NamedTuple

from plotnine import ggplot

from animated.plots.fingerprints import hash_plot, hash_table, join_hashes
from animated.plots.tables import Table, is_table


class Template:
    """A plot to be filled with other data, epoch by epoch.

        embedding = Template(plot_embedding(df_first))
        embedding.fill(df_other)

    plot: a copy of the plot.
    tables: the data of the plot, then those of each layer that brings data of its own.
    fingerprint: 64 hexadecimal digits that differ when two plots would look different, whatever
        their data.
    """

    def __init__(self, plot: ggplot):
        """Copy `plot`. Raises TypeError when it is not a plotnine plot."""
        if not isinstance(plot, ggplot):
            raise TypeError(f"plot must be a plotnine plot, got {type(plot).__name__}")
        self.plot = _copy(plot)
        self.owners = [layer for layer in self.plot.layers if is_table(layer._data)]
        self.tables = (self.plot.data, *(layer._data for layer in self.owners))
        self.fingerprint = hash_plot(self.plot)

    def fill(self, *tables: Table | None) -> "Filled":
        """Return the plot with other data, which can be shown, saved and combined like any plot.

        tables: the data of the plot, then those of each layer that brings data of its own.
            A table that is None or left out stays as it is in the plot.

        Raises ValueError when there are more tables than the plot has, and TypeError when one
        of them is not a data frame.
        """
        if len(tables) > len(self.tables):
            raise ValueError(f"the plot has {len(self.tables)} tables, got {len(tables)}")
        for table in tables:
            if table is not None and not is_table(table):
                raise TypeError(f"a table must be a data frame, got {type(table).__name__}")
        given = [*tables, *[None] * (len(self.tables) - len(tables))]
        pairs = zip(given, self.tables, strict=True)
        return Filled(self, tuple(old if new is None else new for new, old in pairs))


class Filled(NamedTuple):
    """A template with the tables that fill it."""

    template: Template
    tables: tuple[Table | None, ...]

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits that differ when two plots would look different."""
        return join_hashes([self.template.fingerprint, *map(hash_table, self.tables)])

    def to_ggplot(self) -> ggplot:
        """Return an independent plot, to which more can be added."""
        plot = _copy(self.template.plot)
        plot.data, *rest = self.tables
        owners = [layer for layer in plot.layers if is_table(layer._data)]
        for layer, table in zip(owners, rest, strict=True):
            layer._data = table
        return plot

    def draw(self, **options: Any) -> Any:
        """Draw the plot as plotnine does, see `ggplot.draw`."""
        return self.to_ggplot().draw(**options)

    def save(self, *arguments: Any, **options: Any) -> None:
        """Save the plot as plotnine does, see `ggplot.save`."""
        self.to_ggplot().save(*arguments, **options)

    def _repr_mimebundle_(self, *arguments: Any, **options: Any) -> Any:
        return self.to_ggplot()._repr_mimebundle_(*arguments, **options)

    def get_table(self, number: int) -> Table | None:
        """Return the data of a layer, by its number from 0."""
        layer = self.template.plot.layers[number]
        owners = self.template.owners
        return self.tables[1 + owners.index(layer)] if layer in owners else self.tables[0]


def _copy(plot: ggplot) -> ggplot:
    """Return a copy of a plot that shares nothing with it but its tables."""
    plot = copy.deepcopy(plot)
    # plotnine's copies share the objects that were built last, data included.
    plot._build_objs = SimpleNamespace()
    return plot
