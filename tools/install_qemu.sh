#!/bin/bash
# Install Debian's QEMU for x86 where it is missing; `make qemu` calls this.  Uses sudo where we are not root.
set -euo pipefail

if command -v qemu-system-x86_64 >/dev/null; then
    echo "QEMU is there: $(qemu-system-x86_64 --version | head -n 1)"
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo 'installing QEMU takes root, and there is no sudo' >&2; exit 1; }
    as_root=(sudo)
fi

# The package lists of a fresh machine are empty, so they are fetched where the package is not known.
install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends qemu-system-x86)
"${install[@]}" || { "${as_root[@]}" apt-get update; "${install[@]}"; }
