"""The rules of the data sets: from result files and annotations to a report."""
