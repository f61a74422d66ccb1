"""Nearest neighbours: exact, approximate, by a metric of one's own, and ranks."""
