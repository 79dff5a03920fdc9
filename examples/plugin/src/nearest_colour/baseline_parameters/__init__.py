"""Parameter files for the trackers of the toolkit."""
