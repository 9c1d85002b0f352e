#!/usr/bin/env bash
# Prints a matrix file of three cells over the builder roots of ci/roots.sh: two to be built, and an unsupported one.
set -euo pipefail
roots=$("$(dirname "$0")/../../ci/roots.sh" bookworm | awk '{ print $2; exit }')
cat <<END
drivers: [{name: reference, driver: reference, accept: gpl-export}]
kernels:
  - {name: "6.1", root: $roots, kernel: "6.1"}
  - {name: "6.12", root: $roots, kernel: "6.12"}
  - {name: never, root: $roots, kernel: "6.1"}
unsupported: [{driver: reference, kernel: never, reason: a cell that is not built}]
END
