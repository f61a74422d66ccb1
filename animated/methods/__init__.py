"""One method a module, all with one signature.

    method(X, *, n_components=2, n_epochs, seed, on_epoch=None, **parameters) -> embedding

`on_epoch(epoch, embedding)` is called with epoch 0, the embedding before any step, then with
epoch k, the embedding after k steps, and last with exactly the embedding that is returned.
The array is the callee's to keep. A truthy return stops the run.

`fit_umap` returns a fitted model instead, whose `transform` embeds unseen points, and
`join_models` joins two of them; both take the same callback.

`lost_variance`, `stress`, `sammon_error`, `energy` of `find_edges`, and `kl_divergence` of
`find_affinities` are the costs that PCA, MDS, Sammon's mapping, the graph and t-SNE minimise.
"""

from importlib import import_module
from typing import Any

# Each method loads the library that it needs when it is first used, and no other.
MODULES = {
    "graph": "_graph",
    "mds": "_mds",
    "pacmap": "_pacmap",
    "pca": "_pca",
    "pixels": "_pixels",
    "sammon": "_sammon",
    "tsne": "_tsne",
    "umap": "_umap",
    "fit_umap": "_umap",
    "join_models": "_umap_model",
    # What a method minimises.
    "energy": "_graph",
    "find_edges": "_graph",
    "stress": "_mds",
    "lost_variance": "_pca",
    "sammon_error": "_sammon",
    "find_affinities": "_tsne",
    "kl_divergence": "_tsne",
}

__all__ = list(MODULES)


def __getattr__(name: str) -> Any:
    """Load a public name on first use.

    Raises AttributeError for a name that the package does not have.
    """
    if name not in MODULES:
        raise AttributeError(f"module 'animated.methods' has no attribute {name!r}")
    value = getattr(import_module(f"animated.methods.{MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted(MODULES)
