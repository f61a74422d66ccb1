"""An interactive page of embeddings: one HTML file that needs no network, and a notebook widget."""
