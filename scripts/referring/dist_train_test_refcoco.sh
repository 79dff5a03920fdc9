#!/usr/bin/env bash
# The original scripts/dist_train_test_refcoco.sh: bash scripts/referring/dist_train_test_refcoco.sh --resume FILE --backbone resnet50 ...
#
# Scores a network on RefCOCO, RefCOCO+ and RefCOCOg val.
# GPUS (8), PORT (29500) and PYTHON as in the original; GPUS=0 runs in one process on what there is.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "${here}/launch.sh"

"$PYTHON" "${here}/main.py" --dataset_file all --with_box_refine --binary --batch_size 16 --num_frames 1 --eval "$@"
