"""Segment a video in Python and print how many pixels each object has.

python examples/segment_video.py dog.mp4 first_frame_mask.png
"""

import sys

from ltr.data.image_io import read_label_map
from pytracking import load_tracker, read_video, segment_video

tracker = load_tracker("joint", "joint_ytvos")
for frame in segment_video(tracker, read_video(sys.argv[1]), read_label_map(sys.argv[2])):
    labels = frame.output.segmentation
    print(frame.index, {key: int((labels == key).sum()) for key in frame.output.boxes})
