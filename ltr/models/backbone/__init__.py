"""Image backbones shared by the systems."""
