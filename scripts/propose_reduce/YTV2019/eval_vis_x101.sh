#!/usr/bin/env bash
# The original's YTV2019/eval_vis_x101.sh; arguments go to run_tracker.py.
exec bash "$(dirname "${BASH_SOURCE[0]}")/../evaluate.sh" ytvis19_x101 ytvis2019_valid 5 x101_Ft ../Results_ytv19 "$@"
