#!/usr/bin/env bash
# The original scripts/dist_train_test_ytvos_scratch.sh: bash scripts/referring/dist_train_test_ytvos_scratch.sh OUT --backbone video_swin_t_p4w7 --backbone_pretrained FILE ...
#
# Trains plain ReferFormer on Ref-YouTube-VOS without image pre-training, then runs it on the validation videos.
# GPUS (8), PORT (29500) and PYTHON as in the original; GPUS=0 runs in one process on what there is.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "${here}/launch.sh"

expect 1 "OUT" "$@"
out="$1"
shift
common=(--with_box_refine --binary --freeze_text_encoder --output_dir="$out")
"${launcher[@]}" "${here}/main.py" "${common[@]}" --no_tracking "$@"
"$PYTHON" "${here}/inference_ytvos.py" "${common[@]}" --resume="${out}/checkpoints/ltr/referring/referformer_r50" "$@"
