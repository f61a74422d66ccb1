"""The callback into openTSNE: report every epoch, save and resume, with the library as it is.

openTSNE has callbacks, but before each call it computes the loss, which for many samples takes as
long as the step itself. Its optimiser may be replaced, however, and is given the function that
computes the gradient. A wrapper around that function sees the embedding before every step, at no
cost.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from openTSNE import TSNE, OptimizationInterrupt, TSNEEmbedding
from openTSNE.tsne import gradient_descent

from animated.methods.declaration import Checkpoint


class ObservableTSNE(TSNE):
    """`openTSNE.TSNE` that calls `report(embedding)` before every step, and stops if it is true."""

    report: Callable[[np.ndarray], bool]
    checkpoint: Checkpoint | None = None

    def prepare_initial(self, *args: Any, **kwargs: Any) -> TSNEEmbedding:
        """Return openTSNE's initial embedding, with an optimiser that reports its steps."""
        embedding = super().prepare_initial(*args, **kwargs)
        embedding.optimizer = _Descent(self.report, self.checkpoint)
        return embedding


class _Descent(gradient_descent):
    """openTSNE's optimiser, which reports the embedding before it computes the gradient there."""

    def __init__(self, report: Callable[[np.ndarray], bool], checkpoint: Checkpoint | None):
        super().__init__()
        self.report, self.checkpoint = report, checkpoint
        # openTSNE calls the optimiser twice: for the steps with early exaggeration, and the others.
        self.epoch = 0

    def __call__(self, embedding, P, n_iter, objective_function, **parameters):
        steps = iter(range(n_iter))

        def observe(embedding, *args, **kwargs):
            # After the last step openTSNE asks once more, for the loss alone.
            is_step = next(steps, None) is not None
            if self._was_taken(embedding, is_step):
                return 0.0, np.zeros_like(embedding)
            if is_step and self.report(embedding):
                raise OptimizationInterrupt(error=None, final_embedding=embedding)
            return objective_function(embedding, *args, **kwargs)

        return super().__call__(embedding, P, n_iter, observe, **parameters)

    def _was_taken(self, embedding: np.ndarray, is_step: bool) -> bool:
        """Return whether a step was taken before an interruption; save or restore the state."""
        epoch = self.epoch
        self.epoch += is_step
        if self.checkpoint is None:
            return False
        state = {"layout": embedding, "update": self.update, "gains": self.gains}
        if epoch == self.checkpoint.epoch > 0:
            self.checkpoint.restore(**state)
        elif epoch > self.checkpoint.epoch:  # after the last step, more may follow
            self.checkpoint.save(epoch, now=not is_step, **state)
        return epoch < self.checkpoint.epoch
