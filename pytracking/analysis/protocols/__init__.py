"""The official scoring rules, one per file."""
