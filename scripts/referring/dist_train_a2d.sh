#!/usr/bin/env bash
# The original scripts/dist_train_a2d.sh: bash scripts/referring/dist_train_a2d.sh OUT PRETRAINED --backbone video_swin_t_p4w7 ...
#
# Trains plain ReferFormer on A2D-Sentences; every epoch is evaluated.
# GPUS (8), PORT (29500) and PYTHON as in the original; GPUS=0 runs in one process on what there is.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "${here}/launch.sh"

expect 2 "OUT and PRETRAINED" "$@"
out="$1" pretrained="$2"
shift 2
"${launcher[@]}" "${here}/main.py" --dataset_file a2d --with_box_refine --freeze_text_encoder --batch_size 2 \
  --epochs 6 --lr_drop 3 5 --output_dir="$out" --pretrained_weights="$pretrained" "$@"
