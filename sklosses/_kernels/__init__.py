"""The loops over terms, rows, groups, batches, layers: they know a loss by its scalar methods."""
