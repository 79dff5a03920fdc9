"""Training recipes of JOINT."""
