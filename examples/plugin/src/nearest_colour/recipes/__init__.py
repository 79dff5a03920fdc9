"""Training recipes of the example."""
