#!/bin/sh
# Lints the chart with its default values and with everything switched on, and renders both into golden/.
set -eu
cd "$(dirname "$0")"
mkdir -p golden
for case in default everything; do
    values=""
    [ $case = default ] || values="--values cases/$case.yaml"
    # shellcheck disable=SC2086 - two words or none
    helm lint . --strict --kube-version 1.33.0 $values
    # shellcheck disable=SC2086
    helm template depesha . --kube-version 1.33.0 $values >"golden/$case.yaml"
done
