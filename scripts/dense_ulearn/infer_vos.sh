#!/usr/bin/env bash
# The original launch/infer_vos.sh: bash scripts/dense_ulearn/infer_vos.sh davis|ytvos
#
# Variables as in the original: EXP, RUN_ID (folder snapshots/<EXP>/<RUN_ID>), SNAPSHOT (file without
# .pth; also found in network_path), VER, KEY (res3, res4, key), VERBOSE (False: no _vis).
# Results, in the current folder: results/<EXP>/<RUN_ID>_<SNAPSHOT>_<VER>/<list>/<KEY>_vos and <KEY>_vis.
# Further arguments go to run_tracker.py.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

EXP="${EXP:-ours}"
RUN_ID="${RUN_ID:-final}"
SNAPSHOT="${SNAPSHOT:-ytvos_e060_res4}"
VER="${VER:-v01}"
KEY="${KEY:-res4}"
VERBOSE="${VERBOSE:-True}"
PYTHON="${PYTHON:-python}"

case "${1:-}" in
  davis) list=val_davis2017_test dataset=dv2017_val ;;
  ytvos) list=val_ytvos2018_test dataset=yt2018_valid_all ;;
  *)
    echo "error: unknown data set '${1:-}' (choose from davis, ytvos)" >&2
    exit 2
    ;;
esac
shift
case "$VERBOSE" in
  True | true | 1) pictures=(--vis) ;;
  False | false | 0) pictures=() ;;
  *)
    echo "error: VERBOSE is '$VERBOSE' (choose from True, False)" >&2
    exit 2
    ;;
esac

net="${SNAPSHOT}.pth"
for file in "snapshots/${EXP}/${RUN_ID}/${SNAPSHOT}.pth" \
  "snapshots/${EXP}/${RUN_ID}"/checkpoints/ltr/dense_ulearn/*/"${SNAPSHOT}.pth.tar"; do
  if [ -f "$file" ]; then net="${PWD}/${file}"; fi
done

out="results/${EXP}/${RUN_ID}_${SNAPSHOT}_${VER}/${list}"
work="${out}/${KEY}_run"
mkdir -p "$work"
"$PYTHON" "${root}/pytracking/run_tracker.py" dense_ulearn ytvos_res4 --dataset_name "$dataset" \
  --net "$net" --set "key=${KEY}" --results "$work" --submission "${work}/masks.zip" \
  ${pictures[@]+"${pictures[@]}"} "$@" 2>&1 | tee "${out}/${list}_${KEY}.log"

# The archive holds what the official server wants: of YouTube-VOS every fifth frame.
rm -rf "${out:?}/${KEY}_vos" "${work}/masks"
"$PYTHON" -m zipfile -e "${work}/masks.zip" "${work}/masks"
if [ "$list" = val_ytvos2018_test ]; then
  mv "${work}/masks/Annotations" "${out}/${KEY}_vos"
else
  mv "${work}/masks" "${out}/${KEY}_vos"
fi
if [ ${#pictures[@]} -gt 0 ]; then
  rm -rf "${out:?}/${KEY}_vis"
  mv "${work}/dense_ulearn/ytvos_res4/${dataset}_vis" "${out}/${KEY}_vis"
fi
rm -rf "${work}/masks" "${work}/masks.zip"
echo "Results: ${out}/${KEY}_vos"
