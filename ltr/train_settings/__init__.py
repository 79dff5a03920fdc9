"""One folder a system, one short module an experiment."""
