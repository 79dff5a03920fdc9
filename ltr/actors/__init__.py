"""One actor a task: from a batch to its losses."""
