#!/usr/bin/env bash
# The original launch/train.sh: bash scripts/dense_ulearn/train.sh ytvos|oxuva|track|kinetics|folder
#
# EXP and EXP_ID name the run, as in the original; further arguments go to run_training.py.
# Checkpoints, in the current folder: snapshots/<EXP>/<run id>/checkpoints; TensorBoard files: logs/<EXP>/<run id>.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

EXP="${EXP:-ours}"
EXP_ID="${EXP_ID:-final}"

case "${1:-}" in
  ytvos) prefix=YT ;;
  oxuva) prefix=OX ;;
  track) prefix=TN ;;
  kinetics) prefix=KT ;;
  folder) prefix=FO ;;
  *)
    echo "error: unknown data set '${1:-}' (choose from ytvos, oxuva, track, kinetics, folder)" >&2
    exit 2
    ;;
esac
name="$1"
shift
run="${EXP}/${prefix}_${EXP_ID}"

export LTR_WORKSPACE_DIR="${PWD}/snapshots/${run}"
export LTR_TENSORBOARD_DIR="${PWD}/logs/${run}"
exec "${PYTHON:-python}" "${root}/ltr/run_training.py" dense_ulearn "$name" "$@"
