"""Draw the demo clip as one picture: with the results of a run, or with its true masks.

python examples/demo_picture.py docs/images/demo.png                          # the true masks
python examples/demo_picture.py docs/images/demo.png demo_output/overlay.mp4  # a run of the demo
"""

import sys

from PIL import Image

from pytracking import read_video
from pytracking.utils.contact_sheet import ContactSheet
from pytracking.utils.demo_clip import demo_clip
from pytracking.utils.overlay import draw_result

TILES, TILE_WIDTH, COLOURS = 6, 400, 256

truth = (draw_result(frame.image, frame.labels) for frame in demo_clip())
sheet = ContactSheet(TILES, TILE_WIDTH)
for index, frame in enumerate(read_video(sys.argv[2]) if len(sys.argv) > 2 else truth):
    sheet.add(index, frame)
picture = Image.fromarray(sheet.draw())
picture.quantize(palette=picture.quantize(COLOURS)).save(sys.argv[1], optimize=True)
