"""Experiments of interactive segmentation."""
