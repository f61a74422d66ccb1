"""Explore embeddings: as one HTML file that works offline, or as a notebook widget."""
