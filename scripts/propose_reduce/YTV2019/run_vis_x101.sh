#!/usr/bin/env bash
# The original's YTV2019/run_vis_x101.sh (fine-tuning); arguments go to run_training.py.
# It starts from our own main stage; the authors' is --set init_checkpoint=FILE.
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)"
exec "${PYTHON:-python}" "${root}/ltr/run_training.py" propose_reduce ytvis19_x101 "$@"
