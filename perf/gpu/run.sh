#!/usr/bin/env bash
# Checks and measures the engine on this machine's GPU, in ten minutes at most; needs no .NET. Unpack what pack.sh made, then:
#   ./run.sh [RESULTS] [cuda|opencl] [MODEL SHAPE]
# Parity comes first. Every step has a limit of its own and is written as soon as it ends, in kernels.json and baseline.json figure by
# figure; what fails or takes too long costs no other step. run.json says how each ended: where parity "failed", the figures are
# those of a wrong kernel. A rehearsal without a card: ./run.sh results opencl tiny
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
results=$(mkdir -p "${1:-results}" && cd "${1:-results}" && pwd)
device=${2:-cuda}
shape=${3:-llava-1.5-7b}
# Everything lies beside this file, or this is perf/gpu of a checkout and the programs were unpacked in its artifacts/.
root=$here
[ -d "$here/bin" ] || root=$(cd "$here/../.." && pwd)
programs=$here/bin
[ -d "$programs" ] || programs=$root/artifacts/cos-gpu-run/bin
[ -d "$programs" ] || { echo "$programs is not there: unpack what pack.sh made" >&2; exit 1; }
# The tests' reference data.
export COS_REPOSITORY=$root
# The card's OpenCL driver is not what is asked about.
[ "$device" = opencl ] || export OCL_ICD_VENDORS=/dev/null
# Where containers have the driver, and where cuBLAS lies when the linker does not know it.
[ ! -d /usr/local/nvidia/lib64 ] || export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/usr/local/nvidia/lib64
if [ -z "${COS_CUBLAS:-}" ] && ! ldconfig -p 2> /dev/null | grep -q 'libcublas\.so'; then
    COS_CUBLAS=$(find /usr/local /opt -name 'libcublas.so.1?' 2> /dev/null | head -n 1)
    export COS_CUBLAS
fi
quick=()
[ "$shape" = llava-1.5-7b ] || quick=(--quick)
status=0
steps=()

# step NAME SECONDS COMMAND…: with that limit, and never past the end of the ten minutes.
step() {
    local name=$1 limit=$2 left=$((590 - SECONDS)) start=$SECONDS code outcome=passed
    shift 2
    echo "== $name"
    if [ "$left" -lt 5 ]; then
        code=1 outcome="no time was left"
    else
        timeout -k 5 "$((limit < left ? limit : left))" "$@"
        code=$?
        [ "$code" = 0 ] || outcome=failed
        [ "$code" != 124 ] && [ "$code" != 137 ] || outcome="took more than its time"
    fi
    [ "$code" = 0 ] || { status=1; echo "$name: $outcome" >&2; }
    steps+=("{\"step\": \"$name\", \"outcome\": \"$outcome\", \"seconds\": $((SECONDS - start))}")
    local IFS=,
    echo "{\"commit\": \"$(cat "$programs/../commit")\", \"device\": \"$device\", \"shape\": \"$shape\", \"steps\": [${steps[*]}]}" > "$results/run.json"
    return "$code"
}

{
    date -u
    cat "$programs/../commit"
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv 2>&1
    nproc
} > "$results/machine.txt"

# Where the device is missing all tests would be skipped, which is no parity.
is_there() { "$programs/cos" devices --json > "$results/devices.json" && grep -q "\"device\": *\"$device" "$results/devices.json"; }
export -f is_there
export programs results device
if ! step devices 60 bash -c is_there; then
    echo "there is no $device device here (see $results/devices.json): nothing is measured" >&2
    exit 1
fi

parity() {
    # Simulated devices say nothing of this one.
    "$programs/ChainOfSpot.$1.Tests" --filter-class "*Gpu*" --filter-not-class "*Simulated*" --filter-not-method "*imulated*" \
        --results-directory "$results/tests" > "$results/parity-$1.txt" 2>&1
    local code=$?
    tail -n 5 "$results/parity-$1.txt"
    return "$code"
}
export -f parity
step parity-runtime 170 bash -c "parity Runtime"
step parity-engine 120 bash -c "parity Engine"

step kernels 120 "$programs/ChainOfSpot.GpuReport" --device "$device" --output "$results/kernels.json" "${quick[@]}"
step kernels-q4_0 60 "$programs/ChainOfSpot.GpuReport" --device "$device" --weights q4_0 --output "$results/kernels-q4_0.json" "${quick[@]}"

# model NAME FORMAT…: a model with random weights, made in place.
model() {
    local folder=$models/$1
    "$programs/cos-weights" random --shape "$shape" "${@:2}" -o "$folder" > /dev/null && touch "$folder/complete"
}
models=$(mktemp -d)
trap 'rm -rf "$models"' EXIT
export -f model
export shape models

# questions NAME MODEL OPTION…: whole questions by it.
questions() {
    [ -e "$models/$2/complete" ] || return 0
    step "question-$1" 90 "$programs/ChainOfSpot.GpuReport" --device "$device" --model "$models/$2" --output "$results/question-$1.json" "${@:3}"
}

step model-f16 90 bash -c "model f16"
questions f16 f16
if python3 -c 'import torch; assert torch.cuda.is_available()' 2> /dev/null; then
    step pytorch 120 python3 "$here/baseline.py" "$results/baseline.json" "$results/question-f16.json"
else
    echo '{"missing": "no python3 with torch and CUDA"}' | tee "$results/baseline.json"
fi
step model-q4_0 60 bash -c "model q4_0 --format gguf --quant q4_0"
questions q4_0 q4_0
questions f16-exact f16 --exact
echo "results in $results after $SECONDS s, status $status"
exit "$status"
