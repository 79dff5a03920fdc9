"""Training data sets, one file each, registered by name."""
