"""Parameter files of Segment Anything 2 (arXiv 2408.00714)."""
