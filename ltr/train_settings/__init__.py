"""One folder per system, one short module per experiment."""
