"""The quality of an embedding: neighbourhoods and labels it preserves, and costs of methods."""
