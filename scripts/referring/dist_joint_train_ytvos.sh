#!/usr/bin/env bash
# The original scripts/dist_joint_train_ytvos.sh: bash scripts/referring/dist_joint_train_ytvos.sh OUT --backbone resnet50 ...
#
# Trains on images as pseudo clips and on Ref-YouTube-VOS together, then runs on the validation videos.
# GPUS (8), PORT (29500) and PYTHON as in the original; GPUS=0 runs in one process on what there is.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "${here}/launch.sh"

expect 1 "OUT" "$@"
out="$1"
shift
common=(--with_box_refine --binary --freeze_text_encoder --output_dir="$out")
"${launcher[@]}" "${here}/main.py" "${common[@]}" --dataset_file joint --epochs 12 --lr_drop 8 10 "$@"
"$PYTHON" "${here}/inference_ytvos.py" "${common[@]}" --resume="${out}/checkpoints/ltr/referring/joint_r50" "$@"
