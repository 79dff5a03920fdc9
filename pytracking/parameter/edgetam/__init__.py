"""Parameter files of EdgeTAM (arXiv 2501.07256)."""
