"""Arrays as kernels want them, and those that results are computed into."""
