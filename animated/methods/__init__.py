"""One method a module, all with one signature.

    method(X, *, n_components=2, n_epochs, seed, on_epoch=None, **parameters) -> embedding

`on_epoch(epoch, embedding)` is called with epoch 0, the layout before any step, then with
epoch k, the layout after k steps, and last with exactly the embedding that is returned.
The array is the callee's to keep. A truthy return stops the run.

`animated.methods.umap.fit_umap` returns a fitted model instead, which places unseen points, and
`animated.methods.models.join_models` joins two of them; both have the same callback.
"""

from animated.methods.graph import graph
from animated.methods.mds import mds
from animated.methods.pacmap import pacmap
from animated.methods.pca import pca
from animated.methods.pixels import pixels
from animated.methods.sammon import sammon
from animated.methods.tsne import tsne
from animated.methods.umap import umap

__all__ = ["graph", "mds", "pacmap", "pca", "pixels", "sammon", "tsne", "umap"]
