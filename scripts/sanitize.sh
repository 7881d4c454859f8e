#!/usr/bin/env bash
# Looks for reads and writes of memory that is nobody's: sanitize.sh [address|memcheck]..., both by default.
#   address   the tests that touch media, built with AddressSanitizer (needs a nightly toolchain): sees what our code and the C library's functions do to any block, libav's too
#   memcheck  the command itself under valgrind, stamping and verifying the case folder (PROOFMARK_CASES, else odd clips that are made here): sees what libav, its
#             encoders and their assembler do as well, and bytes in a written file that nobody ever set
# Options: JOBS (files at a time under valgrind), PROOFMARK_VALGRIND_LOGS (where its logs go). What is left out, and how long it takes, is in docs/design/sandbox.md.
set -euo pipefail
cd "$(dirname "$0")/.."
target=x86_64-unknown-linux-gnu
logs=${PROOFMARK_VALGRIND_LOGS:-target/memcheck}

address() {
    cargo +nightly --version > /dev/null 2>&1 || { echo "error: there is no nightly toolchain; run 'rustup toolchain install nightly'" >&2; exit 2; }
    # No leaks are looked for: libav and the allocator keep tables for as long as the process lives, and the tracer that looks for them may not run in a container. Growth is
    # measured elsewhere (docs/results/log). Fresh memory is filled, so that what shows of it in an output is not zero by chance.
    export ASAN_OPTIONS=detect_leaks=0:max_malloc_fill_size=16777216:malloc_fill_byte=190:allocator_may_return_null=1:${ASAN_OPTIONS:-}
    local run=(cargo +nightly test --locked --profile sanitize --target "$target" --target-dir target/sanitize)
    export RUSTFLAGS="-Zsanitizer=address ${RUSTFLAGS:-}"
    # Left out: tests/isolation.rs, tests/recovery.rs and cli/tests, since a worker's limit on address space refuses the sanitizer its terabytes of shadow; tests/registry,
    # which is about databases; and a test of how little memory a long file takes, in which the sanitizer's own counts.
    "${run[@]}" -p proofmark --lib --test cases --test formats --test limits --test pipeline --test provenance --test sound -- --test-threads "$(nproc)" \
        --skip a_long_file_is_signed_and_checked_in_little_memory
    "${run[@]}" -p proofmark-fuzz --test corpus
}

# One file under valgrind: NAME COMMAND...; the log tells what came of it.
under() {
    local log=$logs/$1.log status=0
    shift
    # The copy that the command makes of itself to look at files wipes what the kernel gave it, which valgrind does not know; it does nothing here, and says nothing.
    valgrind --child-silent-after-fork=yes --num-callers=30 --suppressions=scripts/valgrind.supp --log-file="$log" "$@" > "$log.out" 2>&1 < /dev/null || status=$?
    # What is refused is refused: 0 to 4 are answers.
    if [ "$status" -gt 4 ] || ! grep -q 'ERROR SUMMARY' "$log"; then
        echo "FAILED  $log: the command ended with $status"
    elif grep -Eq 'Invalid (read|write|free)|points to (uninitialised|unaddressable)|Jump to the invalid|Mismatched free|Source and destination overlap' "$log"; then
        echo "FAILED  $log: $(grep -Eom1 'Invalid (read|write|free).*|points to (uninitialised|unaddressable).*|Jump to.*|Mismatched.*|Source and.*' "$log")"
    else
        echo "ok      $(basename "$log" .log) ($status)"
    fi
}

# What is done with one clip.
examine() {
    local clip=$1 kind=${1##*.} name work
    name=$(basename "$1" | tr . -)
    work=$(mktemp -d)
    mkdir -p "$work/home"
    cp -a "$PROOFMARK_HOME/." "$work/home"
    export PROOFMARK_HOME=$work/home
    case $kind in
        mp3 | flac | wav | ogg | m4a) set -- "$kind" ;;
        jpg | jpeg | png | bmp | tiff) set -- png jpg ;;
        *) set -- mkv mp4 ;;
    esac
    for to in "$@"; do
        local options=(--force)
        [ "$to" = mkv ] && options+=(--video-codec ffv1)
        [ "$to" = mp4 ] && options+=(--video-codec h264 --preset ultrafast)
        under "$name-stamp-$to" "$proofmark" stamp "$clip" -o "$work/out.$to" "${options[@]}"
    done
    under "$name-verify" "$proofmark" verify "$clip" --no-sandbox --no-search
    rm -rf "$work"
}

memcheck() {
    command -v valgrind > /dev/null || { echo "error: there is no valgrind; run 'scripts/setup.sh --sanitize'" >&2; exit 2; }
    cargo build --release --locked --workspace
    proofmark=$(realpath target/release/proofmark)
    rm -rf "$logs" && mkdir -p "$logs"
    local work cases=${PROOFMARK_CASES:-../shared/cases}/media
    work=$(mktemp -d)
    # shellcheck disable=SC2064  # the folder is known now
    trap "rm -rf '$work'" EXIT
    export PROOFMARK_HOME=$work/home proofmark logs
    "$proofmark" init > /dev/null
    if [ ! -d "$cases" ]; then
        cases=$work/odd
        mkdir "$cases" && testdata/make_odd.sh "$cases"
    fi
    export -f under examine
    # Large ones first, so that none is waited for at the end.
    find "$cases" -type f ! -name '*.md' ! -name '*.c2pa' ! -name '*.sh' -printf '%s %p\0' | sort -znr | cut -z -d' ' -f2- |
        xargs -0 -P "${JOBS:-$(nproc)}" -I{} bash -c 'examine "$1"' _ {} | tee "$logs/summary"
    if grep -q '^FAILED' "$logs/summary"; then
        echo "error: $(grep -c '^FAILED' "$logs/summary") of $(wc -l < "$logs/summary") runs touched memory that is not theirs; see $logs" >&2
        exit 1
    fi
    echo "memcheck: $(wc -l < "$logs/summary") runs, none touched memory that is not theirs"
}

[ $# -gt 0 ] || set -- address memcheck
for part in "$@"; do
    case $part in
        address | memcheck) "$part" ;;
        *) echo "error: $part: is none of address and memcheck" >&2; exit 2 ;;
    esac
done
