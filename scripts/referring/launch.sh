# What the dist_*.sh scripts share: the launcher of GPUS processes, and a check of their arguments.

GPUS="${GPUS:-8}"
PORT="${PORT:-29500}"
PYTHON="${PYTHON:-python}"
launcher=("$PYTHON")
if [ "$GPUS" -gt 0 ]; then
  launcher=("$PYTHON" -m torch.distributed.run --nproc_per_node "$GPUS" --master_port "$PORT")
fi

expect() { # expect COUNT "WORDS" ARGUMENTS...: fewer arguments than COUNT are an error
  local count="$1" words="$2"
  shift 2
  if [ $# -lt "$count" ]; then
    echo "error: expected ${words}, then further arguments" >&2
    exit 2
  fi
}
