"""Training recipes of Dense Unsupervised Learning."""
