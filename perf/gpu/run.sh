#!/usr/bin/env bash
# Checks and measures the engine on this machine's GPU, in ten minutes at most; needs no .NET. Unpack what pack.sh made, then:
#   ./run.sh [RESULTS] [cuda|opencl] [MODEL SHAPE]
# RESULTS gets parity.txt, kernels.json, question.json, baseline.json and machine.txt. Parity comes first: figures of a wrong
# kernel are none, so a failure ends the run.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
results=$(mkdir -p "${1:-results}" && cd "${1:-results}" && pwd)
device=${2:-cuda}
shape=${3:-llava-1.5-7b}
# The tests' reference data.
export COS_REPOSITORY=$here
quick=()
[ "$shape" = llava-1.5-7b ] || quick=(--quick)

{
    date -u
    cat "$here/commit"
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv 2>&1
    nproc
} > "$results/machine.txt"

echo "== parity"
status=0
for tests in Runtime Engine; do
    # Status 8: no such test.
    timeout 200 "$here/bin/ChainOfSpot.$tests.Tests" --filter-class "*Gpu*" --ignore-exit-code 8 --results-directory "$results/tests" \
        2>&1 | tee -a "$results/parity.txt" || status=1
done
[ "$status" = 0 ] || { echo "parity fails: nothing is measured" >&2; exit 1; }

echo "== kernels"
timeout 150 "$here/bin/ChainOfSpot.GpuReport" --device "$device" --output "$results/kernels.json" "${quick[@]}" || status=1

echo "== a whole question, random weights"
model=$results/model
if [ ! -e "$model/config.json" ]; then
    timeout 150 "$here/bin/cos-weights" random --shape "$shape" -o "$model" > /dev/null || status=1
fi
timeout 150 "$here/bin/cos" ask "$here/models/spot-tiny/samples/shapes-1.png" "What number is on the red circle?" \
    --model "$model" --device "$device" --json > "$results/question.json" || status=1

echo "== PyTorch's baselines"
if python3 -c 'import torch; assert torch.cuda.is_available()' 2> /dev/null; then
    timeout 120 python3 "$here/baseline.py" "$results/baseline.json" || status=1
else
    echo '{"missing": "no python3 with torch and CUDA"}' | tee "$results/baseline.json"
fi
exit "$status"
