# make demo: set up, build, and see a clip stamped, re-encoded, found and verified.  make test: everything CI checks.
CARGO ?= cargo
BIN := target/release/proofmark
MEDIA ?= $(or $(PROOFMARK_MEDIA),../shared/media)
BENCH ?= ../shared/bench

.PHONY: help setup build demo test lint bench evaluate clean

help:
	@echo "make demo      set up, build, stamp a clip, re-encode it, detect and verify both"
	@echo "make test      set up, lints and all tests"
	@echo "make bench     time the kernels"
	@echo "make evaluate  measure robustness, quality, false alarms and speed (hours; needs $(BENCH) and $(MEDIA))"

setup:
	@scripts/setup.sh

build: setup
	$(CARGO) build --release --workspace --locked

demo: build
	@scripts/demo.sh $(BIN)

lint: setup
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --workspace --all-targets --locked -- -D warnings

test: lint
	@scripts/setup.sh --tests
	$(CARGO) test --release --workspace --locked

bench: setup
	$(CARGO) bench --workspace --locked

evaluate: build
	@scripts/evaluate.sh $(BIN) $(BENCH) $(MEDIA)

clean:
	$(CARGO) clean
