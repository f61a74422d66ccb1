"""Atomic files, locks, checksums, arrays and Parquet tables."""
