"""Box an object in the first picture of a camera and save ten seconds with its mask drawn in.

python examples/camera_to_video.py out.mp4
"""

import itertools
import sys

from pytracking import FrameInfo, VideoWriter, load_tracker, read_video, segment_video
from pytracking.utils.overlay import draw_result

tracker = load_tracker("baseline", "optical_flow")
prompt = FrameInfo(object_ids=(1,), boxes={1: (200, 120, 240, 240)})
with read_video(0) as camera, VideoWriter(sys.argv[1], camera.fps) as video:
    ten_seconds = itertools.islice(camera, round(10 * (camera.fps or 25)))
    for _, image, output in segment_video(tracker, ten_seconds, prompt):
        video.write(draw_result(image, output.segmentation))
