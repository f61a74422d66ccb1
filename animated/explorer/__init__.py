"""An interactive page of layouts: one HTML file that needs no network, and a notebook widget.

from animated.explorer import export

export({"UMAP": "data/epochs.parquet"}, labels=labels, output_path="explorer.html")
"""

from animated.explorer.page import export
from animated.explorer.widget import Explorer

__all__ = ["Explorer", "export"]
