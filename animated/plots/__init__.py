"""Plots that are drawn once, and then only where they move.

from animated.plots import Template

template = Template(plot)
template.fill(table)
"""

from animated.plots.templates import Filled, Template

__all__ = ["Filled", "Template"]
