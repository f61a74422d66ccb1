"""A method that costs nothing and uses all of a checkpoint, and what tests of runs do with it."""

import numpy as np
import pytest

N_SAMPLES, N_EPOCHS = 40, 12
X = np.random.default_rng(0).normal(size=(N_SAMPLES, 3)).astype(np.float32)


def random_walk(
    X, *, n_components=2, n_epochs, seed, on_epoch=None, checkpoint=None, rate=1.0, init="own"
):
    """Start from the first columns of `X`, and let every point take random steps with momentum."""

    def start():
        return {"start": X[:, :n_components].astype(float)}

    Y = (start() if checkpoint is None else checkpoint.recall(start))["start"].copy()
    step, first = np.zeros_like(Y), 0
    if checkpoint is not None and checkpoint.epoch:
        first = checkpoint.epoch
        checkpoint.restore(Y=Y, step=step)
    for epoch in range(first, n_epochs + 1):
        if checkpoint is not None and epoch < n_epochs:
            checkpoint.save(epoch, Y=Y, step=step)
        if on_epoch is not None and on_epoch(epoch, Y.astype(np.float32)):
            break
        noise = np.random.default_rng(None if seed is None else [seed, epoch])
        step = 0.9 * step + rate * noise.normal(size=Y.shape)
        Y += step
    return Y.astype(np.float32)


def interrupt_at(stop):
    """Return a callback that interrupts a run as Ctrl-C does."""

    def interrupt(epoch, _):
        if epoch == stop:
            raise KeyboardInterrupt

    return interrupt


def run_in_parts(run, method, X, path, stops, **options):
    """Run with an interruption at each of the epochs `stops`, and then to the end."""
    for stop in stops:
        with pytest.raises(KeyboardInterrupt):
            run(method, X, path, on_epoch=interrupt_at(stop), **options)
    return run(method, X, path, **options)


def list_files(folder):
    return sorted(path.name for path in folder.iterdir())
