#!/usr/bin/env bash
# Makes artifacts/cos-gpu-run.tar.xz: everything that run.sh needs on a machine with a GPU and without .NET. With --programs only the
# programs, for a machine that has a checkout of this commit: unpacked in its artifacts/, perf/gpu/run.sh finds them there.
set -euo pipefail
cd "$(dirname "$0")/../.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
folder=artifacts/cos-gpu-run
rm -rf "$folder"
mkdir -p "$folder"
# Into one folder: they share the runtime.
for project in tests/Runtime.Tests tests/Engine.Tests weights-tools src/Cli perf/gpu; do
    dotnet publish "$project" -c Release -r linux-x64 --self-contained true -p:DebugType=none -o "$folder/bin" -v quiet
done
# Nothing there sets text, debugs, traces or looks for the model that lies beside the program: run.sh names its own.
(cd "$folder/bin" && rm -rf models libHarfBuzzSharp.so libmscordaccore.so libmscordbi.so libcoreclrtraceptprovider.so ./*.pdb ./*.xml)
git rev-parse HEAD > "$folder/commit"
parts=(cos-gpu-run/bin cos-gpu-run/commit)
if [ "${1:-}" != --programs ]; then
    mkdir "$folder/tests"
    cp -r tests/fixtures "$folder/tests/"
    cp -r models "$folder/"
    cp perf/gpu/run.sh perf/gpu/baseline.py "$folder/"
    parts=(cos-gpu-run)
fi
tar -C artifacts -I 'xz -T0' -cf artifacts/cos-gpu-run.tar.xz "${parts[@]}"
size=$(stat -c %s artifacts/cos-gpu-run.tar.xz)
echo "artifacts/cos-gpu-run.tar.xz: $((size >> 20)) MiB"
[ "$size" -le $((64 << 20)) ] || { echo "more than the 64 MiB that it may have" >&2; exit 1; }
