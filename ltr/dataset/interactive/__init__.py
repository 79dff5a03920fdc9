"""Training samples of interactive segmentation."""
