"""A method on data with every epoch stored: store, writer, checkpoints, run, sweep."""
