#!/usr/bin/env bash
# Sets up an environment of its own for this toolkit, and can then run it.
#
#   bash install.sh               set up .venv: every system, training, plots; nothing if unchanged
#   bash install.sh demo [ARG..]  set up the base alone, then run the demo (vos demo ARG..)
#   bash install.sh test [ARG..]  set up everything, then lint, check types, test, build the site
#   bash install.sh lock          resolve the versions in requirements/ again
#
# Variables: PYTHON = interpreter (3.10 or newer), VENV = folder of the environment,
# TORCH_INDEX_URL = package index to take torch and torchvision from, for instance one with
# CPU-only wheels (the usual wheels bring CUDA, about 5 GB).
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
venv="${VENV:-$root/.venv}"
[[ "$venv" == /* || "$venv" == ?:* ]] || venv="$PWD/$venv"
bin="$venv/bin"
[[ "$OSTYPE" != msys* && "$OSTYPE" != cygwin* ]] || bin="$venv/Scripts" # Windows
python="$bin/python"
stamp="$venv/.installed"

fail() {
    echo "install.sh: $*" >&2
    exit 2
}

# Prints the first interpreter that is new enough and can make environments.
find_python() {
    local candidate old="" bare=""
    local candidates=(python3 python3.13 python3.12 python3.11 python3.10 python)
    [[ -z "${PYTHON:-}" ]] || candidates=("$PYTHON")
    for candidate in "${candidates[@]}"; do
        command -v "$candidate" >/dev/null || continue
        if ! "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            old="$candidate"
        elif ! "$candidate" -c 'import venv, ensurepip' 2>/dev/null; then
            bare="$candidate"
        else
            command -v "$candidate"
            return
        fi
    done
    [[ -z "$bare" ]] || fail "$bare has no venv module (Debian, Ubuntu: apt install python3-venv)"
    [[ -z "$old" ]] || fail "$old is older than 3.10: give a newer one as PYTHON=..."
    fail "${candidates[0]} was not found: install Python 3.10 or newer, or name it as PYTHON=..."
}

# What the environment was made from: pip runs again when it changes.
fingerprint() {
    local files=("$root/pyproject.toml" "$root/constraints.txt" "$root/requirements"/*.txt)
    echo "$root ${TORCH_INDEX_URL:-} $(cat "${files[@]}" | cksum)"
}

# Each of the three sets of packages is a part of those behind it.
sets_up_to() {
    local set
    for set in demo default dev; do
        echo "$set"
        [[ "$set" != "$1" ]] || return 0
    done
}

is_up_to_date() {
    grep -qxF "$1 $(fingerprint)" "$stamp" 2>/dev/null &&
        "$python" -c 'import ltr, pytracking' 2>/dev/null
}

make_environment() {
    local base free_kb
    if "$python" -c 'import pip' 2>/dev/null; then
        return
    fi
    base="$(find_python)"
    if [[ -e "$venv" && ! -e "$venv/pyvenv.cfg" && -n "$(ls -A "$venv")" ]]; then
        fail "$venv exists and is not an environment: VENV=FOLDER puts it elsewhere"
    fi
    mkdir -p "$venv" 2>/dev/null || fail "cannot write $venv: VENV=FOLDER puts it elsewhere"
    free_kb="$(df -Pk "$venv" | awk 'NR == 2 { print $4 }')"
    if ((free_kb < 2000000)); then
        fail "$((free_kb / 1024)) MB are free for $venv, 2 GB are needed (7 GB with CUDA)"
    fi
    echo "making $venv with $base"
    "$base" -m venv --clear "$venv" || fail "$base could not make the environment $venv"
}

pip_install() {
    "$python" -m pip install "$@" ||
        fail "pip failed for the reason above: is there a network, does it need a proxy or a" \
            "package index of its own, is the disk full?"
}

# The requirements of a set but for what the environment has in another form: OpenCV under its
# other name, and CUDA's libraries where TORCH_INDEX_URL gave a torch without them.
locked() {
    local unwanted='^$'
    if "$python" -c 'from importlib.metadata import version; version("opencv-python")' 2>/dev/null; then
        unwanted+='|^opencv-'
    fi
    if [[ -n "${TORCH_INDEX_URL:-}" ]]; then
        unwanted+='|^(nvidia|cuda)-|^triton='
    fi
    awk -v unwanted="$unwanted" '/^[^ #]/ { skip = $0 ~ unwanted } !skip' "requirements/$1.txt"
}

# A subshell: its folder and variables do not reach the demo.
install_packages() (
    echo "installing packages into $venv (some minutes the first time)"
    # The relative names keep folders with spaces working. New versions of pip look at the second
    # variable where they build packages, old ones at the first.
    export PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt
    export PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
    cd "$root"
    if [[ -n "${TORCH_INDEX_URL:-}" ]]; then
        pip_install --index-url "$TORCH_INDEX_URL" torch torchvision
    fi
    locked "$1" >"$venv/requirements.txt"
    pip_install --require-hashes -r "$venv/requirements.txt"
    [[ "$1" != dev ]] || pip_install --no-deps --require-hashes -r requirements/no_deps.txt
    pip_install --no-deps -e .
    sets_up_to "$1" | while read -r set; do echo "$set $(fingerprint)"; done >"$stamp"
)

set_up() {
    if ! is_up_to_date "$1"; then
        make_environment
        install_packages "$1"
    fi
}

# The largest set is resolved first, and the others take its versions.
lock() (
    make_environment
    "$python" -m pip install -q "uv>=0.9" || fail "uv, which resolves the versions, is missing"
    cd "$root"
    resolve dev --extra=dev -c constraints.txt
    resolve default --extra={train,plots,interactive,referring} -c requirements/dev.txt
    resolve demo -c requirements/dev.txt
    # Tests read and write masks with its own functions; it wants an older OpenCV than ours.
    compile no_deps - --no-deps <<<label-studio-sdk
)

resolve() {
    compile "$1" pyproject.toml "${@:2}" --build-constraint constraints.txt \
        --no-emit-package vos-toolkit
}

compile() {
    "$bin/uv" pip compile -q "${@:2}" --universal --python-version 3.10 --generate-hashes \
        --no-annotate --custom-compile-command "bash install.sh lock" -o "requirements/$1.txt"
}

run_tests() {
    cd "$root"
    "$bin/ruff" check .
    "$bin/ruff" format --check .
    "$bin/mypy"
    export OMP_NUM_THREADS=1
    exec "$bin/pytest" -n 2 "$@"
}

action="${1:-set up}"
[[ $# -eq 0 ]] || shift
case "$action" in
    "set up")
        set_up default
        printf 'ready; to use it: source %q\n' "$bin/activate"
        ;;
    demo)
        set_up demo
        exec "$python" -m pytracking.demo "$@"
        ;;
    test)
        set_up dev
        run_tests "$@"
        ;;
    lock) lock ;;
    *) fail "unknown word '$action': give none, demo, test or lock" ;;
esac
