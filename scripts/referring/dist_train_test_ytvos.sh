#!/usr/bin/env bash
# The original scripts/dist_train_test_ytvos.sh: bash scripts/referring/dist_train_test_ytvos.sh OUT PRETRAINED --backbone resnet50 ...
#
# Trains on Ref-YouTube-VOS, then tracks on its validation videos. GPUS (3), PORT (29500) and PYTHON as
# in the original; GPUS=0 trains in one process on what there is. Further arguments go to both programs.
# Checkpoints: OUT/checkpoints/ltr/referring/refytvos_r50; masks: OUT/Annotations and OUT/refytvos_valid.zip.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

GPUS="${GPUS:-3}"
source "${here}/launch.sh"
expect 2 "OUT and PRETRAINED" "$@"
out="$1" pretrained="$2"
shift 2
common=(--with_box_refine --binary --freeze_text_encoder --output_dir="$out")
"${launcher[@]}" "${here}/main.py" "${common[@]}" --pretrained_weights="$pretrained" \
  --epochs 6 --lr_drop 3 5 "$@"
"$PYTHON" "${here}/inference_frame_key.py" "${common[@]}" \
  --resume="${out}/checkpoints/ltr/referring/refytvos_r50" "$@"
