#!/usr/bin/env bash
# Licences, sources and known weaknesses of everything that is built in: audit.sh [ADVISORY_DB]. Installs cargo-deny and cargo-audit into target/tools if they are not there.
# The RustSec database is cloned from GitHub; where that cannot be reached, give a clone of it, or hear that advisories were not looked at.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$PWD/target/tools
export PATH=$tools/bin:$PATH
need() { command -v "$1" >/dev/null || cargo install -q --locked --root "$tools" "$1@$2"; }
need cargo-deny 0.20.2
cargo deny --locked check bans licenses sources
db=${1:-${ADVISORY_DB:-}}
if [ -z "$db" ]; then
    db=$PWD/target/advisory-db
    if ! { timeout 120 git -C "$db" pull -q --ff-only || timeout 120 git clone -q --depth 1 https://github.com/rustsec/advisory-db "$db"; } 2>/dev/null; then
        echo "audit: ADVISORIES WERE NOT LOOKED AT: github.com/rustsec/advisory-db cannot be reached; give a clone of it with ADVISORY_DB" >&2
        exit 0
    fi
fi
need cargo-audit 0.22.2
cargo audit --deny warnings --no-fetch --db "$db"
