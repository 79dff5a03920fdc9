#!/usr/bin/env bash
# The original scripts/dist_test_davis.sh: bash scripts/referring/dist_test_davis.sh OUT CHECKPOINT --backbone resnet50 ...
#
# Runs plain ReferFormer on Ref-DAVIS 2017 and scores the four annotators.
# GPUS (8), PORT (29500) and PYTHON as in the original; GPUS=0 runs in one process on what there is.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "${here}/launch.sh"

expect 2 "OUT and CHECKPOINT" "$@"
out="$1" checkpoint="$2"
shift 2
"$PYTHON" "${here}/inference_davis.py" --with_box_refine --binary --freeze_text_encoder --output_dir="$out" \
  --resume="$checkpoint" "$@"
"$PYTHON" "${here}/eval_davis.py" --results_path="${out}/valid" # all four annotators
