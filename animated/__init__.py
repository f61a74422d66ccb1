"""Watch dimensionality reduction happen: tables -> methods -> epochs -> frames -> movie."""

from animated.kernels import prepare_cache

# Before anything imports what numba compiles.
prepare_cache()
