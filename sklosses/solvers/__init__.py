"""Solvers: they know the kernels and generic symbols of a loss, never a concrete loss."""
