# make demo: set up, build, and see a clip stamped, re-encoded, found and verified.  make test: everything CI checks.
CARGO ?= cargo
BIN := target/release/proofmark
MEDIA ?= $(or $(PROOFMARK_MEDIA),../shared/media)
BENCH ?= ../shared/bench

.PHONY: help setup build demo wheel test-python test lint features audit release deb lgpl reproducible deploy readers players bench evaluate fuzz sanitize clean

# A target of fuzz/targets, for how long it is fuzzed, and under which sanitizer: none, or address, which sees what is read behind a frame.
TARGET ?= verify
SECONDS ?= 3600
SANITIZER ?= $(if $(filter stamp,$(TARGET)),address,none)

help:
	@echo "make demo      set up, build what it takes, stamp a clip, re-encode it, detect and verify both"
	@echo "make build     set up, build the whole program, $(BIN): with server and PostgreSQL"
	@echo "make wheel     the Python package, target/wheels/proofmark-*.whl; make test-python tries it in a clean environment"
	@echo "make test      set up, lints and all tests"
	@echo "make features  check that what can be left out of a build can be left out"
	@echo "make audit     licences, sources and known weaknesses of all that is built in (ADVISORY_DB=clone of rustsec/advisory-db)"
	@echo "make release   the program, its list of materials (CycloneDX) and its licences, in target/dist"
	@echo "make deb       the same as a Debian package, in target/dist"
	@echo "make lgpl      try the program on a libav without parts under the GPL (builds that libav)"
	@echo "make reproducible  build what is handed on twice, and compare"
	@echo "make deploy    lint the Dockerfile, hold the Kubernetes manifests against their schemas"
	@echo "make readers   read what we write with five other readers of C2PA (needs Node.js)"
	@echo "make players   play what we package with hls.js and dash.js (needs Node.js and Chromium)"
	@echo "make bench     time the kernels"
	@echo "make fuzz      TARGET=verify SECONDS=3600 SANITIZER=none: break what we read (needs a nightly toolchain and cargo-fuzz)"
	@echo "make sanitize  AddressSanitizer over the tests of media, valgrind over the reported cases (long; needs a nightly toolchain)"
	@echo "make evaluate  measure robustness, quality, false alarms and speed (hours; needs $(BENCH) and $(MEDIA); ATTACKS=neural takes nets in)"

setup:
	@scripts/setup.sh

build: setup
	$(CARGO) build --release --locked -p proofmark-cli

# A program that is newer than its sources will do, whatever is in it; else one is built without server and PostgreSQL, which takes less time.
$(BIN): $(shell find Cargo.toml Cargo.lock src locales cli/Cargo.toml cli/src crates -type f) | setup
	$(CARGO) build --release --locked -p proofmark-cli --no-default-features

demo: setup $(BIN)
	@scripts/demo.sh $(BIN)

lint: setup
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --workspace --all-targets --locked -- -D warnings

# What can be left out, left out: the library without libav, and the command without server and PostgreSQL.
features: setup
	$(CARGO) check --release --locked -p proofmark --no-default-features
	$(CARGO) check --release --locked -p proofmark-cli --no-default-features

# Built with what its own build needs, and tried in an environment that has nothing else.
wheel:
	@scripts/wheel.sh

test-python:
	@scripts/wheel.sh --test

test: lint
	@scripts/setup.sh --tests
	$(CARGO) test --release --workspace --locked

audit:
	@scripts/audit.sh

release: setup
	@scripts/build.sh
	@scripts/release.sh $(BIN)

deb: release
	@scripts/deb.sh $(BIN)

deploy:
	@scripts/deploy.sh

lgpl: setup $(BIN)
	@scripts/lgpl.py $(BIN)

reproducible: setup
	@scripts/reproducible.sh

players: setup $(BIN)
	@scripts/players.py $(BIN) testdata/bigbuckbunny.mp4 --work target/players

readers: setup $(BIN)
	@scripts/readers.py $(BIN) target/readers/media --work target/readers

bench: setup
	$(CARGO) bench --workspace --locked

evaluate: build
	@scripts/evaluate.sh $(BIN) $(BENCH) $(MEDIA) $(if $(ATTACKS),--attacks $(ATTACKS))

# What it finds out goes to fuzz/grown, what breaks it to fuzz/artifacts. The sanitizer's memory is its own: freed blocks wait before they are used again.
fuzz: setup
	@mkdir -p fuzz/grown/$(TARGET)
	ASAN_OPTIONS=detect_leaks=0:max_malloc_fill_size=16777216:malloc_fill_byte=190:allocator_may_return_null=1 $(CARGO) +nightly fuzz run -s $(SANITIZER) --target-dir target/fuzz-$(SANITIZER) --features libfuzzer $(TARGET) fuzz/grown/$(TARGET) fuzz/corpus/$(TARGET) -- \
		-max_total_time=$(SECONDS) -max_len=65536 -timeout=$(if $(filter address,$(SANITIZER)),30,10) -rss_limit_mb=$(if $(filter address,$(SANITIZER)),6000,2500) -print_final_stats=1

sanitize: setup
	@scripts/setup.sh --sanitize
	@scripts/sanitize.sh

clean:
	$(CARGO) clean
