"""Data sets, paths, and running a tracker over them."""
