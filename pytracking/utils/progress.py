"""The progress bar of the evaluation library is that of the training library."""

from ltr.admin.progress import FrameProgress, process_memory_mb

__all__ = ["FrameProgress", "process_memory_mb"]
