#!/usr/bin/env bash
# Builds the Python package into target/wheels; with --test also installs it into a clean environment and runs its tests, type checkers included.
set -euo pipefail
cd "$(dirname "$0")/.."
python3 -c "import ensurepip" 2>/dev/null || { echo "error: Python cannot make environments; install python3-venv" >&2; exit 2; }
tools=target/wheel-tools
if [ ! -x $tools/bin/maturin ]; then
    python3 -m venv $tools
    $tools/bin/pip install -q 'maturin>=1.9,<2'
fi
rm -f target/wheels/proofmark-*.whl
$tools/bin/maturin build --release --locked --manifest-path python/Cargo.toml --out target/wheels
[ "${1:-}" = --test ] || exit 0
wheel=$(echo target/wheels/proofmark-*.whl)
clean=$(mktemp -d)
trap 'rm -rf "$clean"' EXIT
python3 -m venv "$clean"
"$clean/bin/pip" install -q "$wheel"
(cd "$clean" && bin/python -c 'import proofmark as pm; print(pm.__version__, pm.Key.generate())')
"$clean/bin/pip" install -q "$wheel[av,ray,test]"
"$clean/bin/pip" list 2>/dev/null | grep -iE '^(av|numpy|proofmark|ray) '
cp -r python/tests "$clean/tests"
# Not where the sources lie, which would be taken for the package.
(cd "$clean/tests" && PROOFMARK_CLIP="$OLDPWD/testdata/bigbuckbunny.mp4" ../bin/pytest -q)
cd python
"$clean/bin/mypy"
"$clean/bin/pyright"
