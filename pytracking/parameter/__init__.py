"""One folder per system, one module per configuration with a function ``parameters()``."""
