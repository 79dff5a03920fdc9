#!/usr/bin/env bash
# The original's demo.sh: every video and folder of frames in demo/inputs, drawings in demo/outputs.
#
# Further arguments go to run_video.py; folders are those of the current one.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
exec "${PYTHON:-python}" "${root}/pytracking/run_video.py" propose_reduce ytvis19_r101 demo/inputs \
  --output demo/outputs --set key_num=5 --set mem_step=5 "$@"
