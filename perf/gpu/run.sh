#!/usr/bin/env bash
# Checks and measures the engine on this machine's GPU, in ten minutes at most; needs no .NET. Unpack what pack.sh made, then:
#   ./run.sh [RESULTS] [cuda|opencl] [MODEL SHAPE]
# RESULTS gets machine.txt, parity.txt, kernels.json, question-f16.json, question-q4_0.json and baseline.json, each as soon as it
# is measured, kernels.json and baseline.json figure by figure. Parity comes first: figures of a wrong kernel are none, so a
# failure ends the run. A rehearsal without a card: ./run.sh results opencl tiny
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
results=$(mkdir -p "${1:-results}" && cd "${1:-results}" && pwd)
device=${2:-cuda}
shape=${3:-llava-1.5-7b}
# The tests' reference data.
export COS_REPOSITORY=$here
quick=()
[ "$shape" = llava-1.5-7b ] || quick=(--quick)
status=0

# within SECONDS COMMAND…: with that limit, and never past the end of the ten minutes.
within() {
    local limit=$1 left=$((590 - SECONDS))
    shift
    [ "$left" -ge 5 ] || { echo "no time is left for: $1" >&2; return 1; }
    timeout -k 5 "$((limit < left ? limit : left))" "$@"
}

{
    date -u
    cat "$here/commit"
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv 2>&1
    nproc
} > "$results/machine.txt"

echo "== parity"
for tests in Runtime Engine; do
    # Simulated devices say nothing of this one. Status 8: no such test.
    within 120 "$here/bin/ChainOfSpot.$tests.Tests" --filter-class "*Gpu*" --filter-not-class "*Simulated*" --filter-not-method "*simulated*" \
        --ignore-exit-code 8 --results-directory "$results/tests" 2>&1 | tee -a "$results/parity.txt" || status=1
done
[ "$status" = 0 ] || { echo "parity fails: nothing is measured" >&2; exit 1; }

echo "== kernels"
within 150 "$here/bin/ChainOfSpot.GpuReport" --device "$device" --output "$results/kernels.json" "${quick[@]}" || status=1

# question NAME FORMAT…: a whole question by a model with random weights, which is made in place.
question() {
    local name=$1 model=$results/model-$1
    shift
    if [ ! -e "$model/complete" ]; then
        within 90 "$here/bin/cos-weights" random --shape "$shape" "$@" -o "$model" > /dev/null && touch "$model/complete" || return 1
    fi
    within 60 "$here/bin/cos" ask "$here/models/spot-tiny/samples/shapes-1.png" "What number is on the red circle?" \
        --model "$model" --device "$device" --json > "$results/question-$name.json"
}

echo "== a whole question, random weights"
question f16 || status=1
question q4_0 --format gguf --quant q4_0 || status=1

echo "== PyTorch's baselines"
if python3 -c 'import torch; assert torch.cuda.is_available()' 2> /dev/null; then
    within 120 python3 "$here/baseline.py" "$results/baseline.json" || status=1
else
    echo '{"missing": "no python3 with torch and CUDA"}' | tee "$results/baseline.json"
fi
echo "results in $results after $SECONDS s, status $status"
exit "$status"
