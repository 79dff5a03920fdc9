#!/usr/bin/env bash
# What the original's eval_vis_*.sh have in common:
#   evaluate.sh PARAMETERS DATA_SET KEY_NUM NETWORK SAVE_DIR [arguments of run_tracker.py]
#
# NETWORK names the folder of the results, as in the original. SAVE_DIR, in the environment, puts it
# elsewhere than the original's folder. All results lie in SAVE_DIR/vis_NETWORK-kKEY_NUM-seqs, and
# what the server wants in ..-seqs_json/results.json or ..-seqs_PIL/<video>/<frame>.png.
#
# Of the original's test tool it also takes --show (drawings beside the results), --use-img (they are
# drawn over the frames in any case), --score-thr SCORE (without effect on DAVIS), --use-cate-reduce,
# --key-num N, --network NAME, --save-dir DIR and --gpu NUMBERS.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
parameters="$1" dataset="$2" keys="$3" network="$4" folder="${SAVE_DIR:-$5}"
shift 5

arguments=() score=""
while [ $# -gt 0 ]; do
  case "$1" in
    --score-thr=* | --key-num=* | --network=* | --save-dir=* | --gpu=*)
      set -- "${1%%=*}" "${1#*=}" "${@:2}"
      ;;
  esac
  case "$1" in
    --show) arguments+=(--vis) ;;
    --use-img) ;;
    --use-cate-reduce) arguments+=(--set reduction=category_aware) ;;
    --score-thr | --key-num | --network | --save-dir | --gpu)
      [ $# -gt 1 ] || { echo "error: $1 needs a value" >&2; exit 2; }
      case "$1" in
        --score-thr) score="$2" ;;
        --key-num) keys="$2" ;;
        --network) network="$2" ;;
        --save-dir) folder="$2" ;;
        --gpu) export CUDA_VISIBLE_DEVICES="$2" ;;
      esac
      shift
      ;;
    *) arguments+=("$1") ;;
  esac
  shift
done
if [ -n "$score" ] && [ "$dataset" != dv2017_unsup_val ]; then
  arguments+=(--set "min_output_score=${score}")
fi

results="${folder}/vis_${network}-k${keys}-seqs"
"${PYTHON:-python}" "${root}/pytracking/run_tracker.py" propose_reduce "$parameters" \
  --dataset_name "$dataset" --results "$results" --set "key_num=${keys}" ${arguments[@]+"${arguments[@]}"}

found="${results}/propose_reduce/${parameters}/${dataset}"
if [ -f "${found}/results.json" ]; then
  mkdir -p "${results}_json"
  cp "${found}/results.json" "${results}_json/results.json"
  echo "Results JSON: ${results}_json/results.json"
else
  mkdir -p "${results}_PIL"
  cp -R "${found}/." "${results}_PIL"
  echo "Label maps: ${results}_PIL"
fi
