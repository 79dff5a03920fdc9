"""Networks: shared backbones, layers and losses, and one folder a system."""
