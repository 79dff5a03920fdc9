"""Parameters of referring segmentation."""
