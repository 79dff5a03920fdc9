#!/usr/bin/env bash
# The original's DAVIS/eval_vis_r101.sh; arguments go to run_tracker.py.
exec bash "$(dirname "${BASH_SOURCE[0]}")/../evaluate.sh" davis_r101 dv2017_unsup_val 8 r101_Ft ../Results_davis "$@"
