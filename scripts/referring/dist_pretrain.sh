#!/usr/bin/env bash
# The original scripts/dist_pretrain.sh: bash scripts/referring/dist_pretrain.sh OUT ...
#
# Trains on the images of RefCOCO, RefCOCO+ and RefCOCOg.
# GPUS (8), PORT (29500) and PYTHON as in the original; GPUS=0 runs in one process on what there is.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "${here}/launch.sh"

expect 1 "OUT" "$@"
out="$1"
shift
"${launcher[@]}" "${here}/main.py" --dataset_file all --with_box_refine --binary --batch_size 2 --num_frames 1 \
  --epochs 12 --lr_drop 8 10 --output_dir="$out" "$@"
