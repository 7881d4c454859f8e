# make demo: set up, build, and see a clip stamped, re-encoded, found and verified.  make test: everything CI checks.
CARGO ?= cargo
BIN := target/release/proofmark
MEDIA ?= $(or $(PROOFMARK_MEDIA),../shared/media)
BENCH ?= ../shared/bench

.PHONY: help setup build demo test lint bench evaluate fuzz clean

# A target of fuzz/targets, and for how long it is fuzzed.
TARGET ?= verify
SECONDS ?= 3600

help:
	@echo "make demo      set up, build, stamp a clip, re-encode it, detect and verify both"
	@echo "make test      set up, lints and all tests"
	@echo "make bench     time the kernels"
	@echo "make fuzz      TARGET=verify SECONDS=3600: break what we read (needs a nightly toolchain and cargo-fuzz)"
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

# What it finds out goes to fuzz/grown, what breaks it to fuzz/artifacts.
fuzz: setup
	@mkdir -p fuzz/grown/$(TARGET)
	$(CARGO) +nightly fuzz run -s none --features libfuzzer $(TARGET) fuzz/grown/$(TARGET) fuzz/corpus/$(TARGET) -- \
		-max_total_time=$(SECONDS) -max_len=65536 -timeout=10 -rss_limit_mb=2500 -print_final_stats=1

clean:
	$(CARGO) clean
