"""Networks: shared backbones, layers and losses, and one folder per system."""
