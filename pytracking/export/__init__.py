"""Trackers as graphs for other runtimes, and a runner that needs no PyTorch."""
