#!/usr/bin/env bash
# Gradescope runs this once, when it builds the image.
set -euo pipefail
apt-get update
apt-get install -y --no-install-recommends python3 python3-venv
python3 -m venv /opt/assay
/opt/assay/bin/pip install --no-cache-dir -c /autograder/source/constraints.txt /autograder/source/assay-*.whl
/opt/assay/bin/assay doctor
