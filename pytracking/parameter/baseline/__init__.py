"""Parameter files of the baselines."""
