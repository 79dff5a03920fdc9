"""One folder a system, one module a configuration: ``parameters()`` returns a frozen dataclass."""
