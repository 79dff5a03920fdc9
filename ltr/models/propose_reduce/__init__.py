"""Seq Mask R-CNN: instances of key frames, propagated through the video (Lin et al., ICCV 2021)."""
