"""Draw a plotnine plot once, then fill it with other data and redraw only the layers that move."""
