"""Running a tracker over a sequence, a data set, a video, many videos, scribbles, a camera."""
