"""Dense Unsupervised Learning for Video Segmentation (arXiv 2111.06265)."""
