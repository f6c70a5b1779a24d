#!/usr/bin/env bash
# Makes FOLDER/dotnet, a dotnet that finds an OpenCL device: PoCL 6, which runs kernels on the processor.
# Distributions of 2023 have PoCL 3, which lacks the OpenCL C that ILGPU needs. Packages of a newer Debian are unpacked into
# the folder, nothing is installed, root is not needed: the program starts under that Debian's own dynamic loader.
# Ends with status 1 and one line where that cannot be had.
set -euo pipefail

suite=trixie
packages=(libc6 libgcc-s1 libstdc++6 zlib1g libzstd1 libtinfo6 libedit2 libbsd0 libmd0 libffi8 liblzma5 libxml2 libz3-4
    libllvm18 libclang-cpp18 libclang-common-18-dev libudev1 libcap2 libhwloc15 libpocl2-common libpocl2t64 ocl-icd-libopencl1)

cannot() {
    echo "PoCL cannot be set up: $1"
    exit 1
}

[ $# = 1 ] || { echo "usage: $0 FOLDER" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
[ "$(uname -sm)" = "Linux x86_64" ] || cannot "this is $(uname -sm), expected Linux x86_64"
for tool in apt-get dpkg ld dotnet; do
    command -v "$tool" > /dev/null || cannot "$tool is missing"
done

root=$folder/root
libraries=$root/usr/lib/x86_64-linux-gnu
if [ ! -e "$folder/complete" ]; then
    mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2> /dev/null | head -n 1 | tr -d ' ' || true)
    [ -n "$mirror" ] || cannot "apt knows no Debian mirror"
    rm -rf "$root" "$folder/apt"
    mkdir -p "$root" "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial" "$folder/apt/packages"
    echo "deb $mirror $suite main" > "$folder/apt/sources.list"
    touch "$folder/apt/status"
    apt=(apt-get -qq -o "Dir::Etc::SourceList=$folder/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$folder/apt/lists" -o "Dir::State::Status=$folder/apt/status" -o "Dir::Cache=$folder/apt/cache"
        -o Acquire::http::Timeout=20 -o Acquire::Retries=1 -o Acquire::Languages=none)
    timeout 60 "${apt[@]}" update > "$folder/apt/log" 2>&1 || cannot "the package lists of $suite cannot be fetched (see $folder/apt/log)"
    (cd "$folder/apt/packages" && timeout 120 "${apt[@]}" download "${packages[@]}" >> "$folder/apt/log" 2>&1) \
        || cannot "the packages cannot be fetched (see $folder/apt/log)"
    for package in "$folder"/apt/packages/*.deb; do
        dpkg -x "$package" "$root"
    done
    rm -rf "$folder/apt"
    touch "$folder/complete"
fi

# dotnet looks for its parts beside the file that the process was started from, which is the loader: a copy of it, by the name
# that dotnet wants, stands among links to them. Programs that PoCL starts, such as ld, find their own loader and libraries.
sdk=$(dirname "$(readlink -f "$(command -v dotnet)")")
mkdir -p "$folder/host"
for part in host shared; do
    ln -sfn "$sdk/$part" "$folder/host/$part"
done
cp "$libraries/ld-linux-x86-64.so.2" "$folder/host/dotnet"
cat > "$folder/dotnet" << END
#!/bin/sh
export OCL_ICD_VENDORS="$libraries/libpocl.so.2" POCL_CACHE_DIR="$folder/kernels"
exec "$folder/host/dotnet" --library-path "$libraries:/usr/lib/x86_64-linux-gnu" "$sdk/dotnet" "\$@"
END
chmod +x "$folder/dotnet"
echo "$folder/dotnet PROGRAM.dll runs a program with PoCL"
