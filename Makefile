# The front door for people: make demo, make test. Every target sets up what is missing first.
PREFIX ?= $(HOME)/.local
BIN := .build/release
SWIFT_BUILD := swift build -c release

.PHONY: setup build test demo demo-seeds install tensor-half bench format lint clean

setup:
	@scripts/setup

# The binary, libctorch.so and the tests, all in one build.
build: setup
	$(SWIFT_BUILD) --build-tests

test: build
	swift test -c release --skip-build

# From nothing to maps of canopy height and land cover: demo/report.json and demo/picture.png.
demo: setup
	$(SWIFT_BUILD) --product geodino
	$(SWIFT_BUILD) --product ctorch
	$(BIN)/geodino demo -o demo --overwrite

# Three seeds, their figures appended to docs/experiments.md.
demo-seeds: demo
	$(BIN)/geodino demo -o demo --overwrite --seeds 1,2,3 --log docs/experiments.md

install: setup
	$(SWIFT_BUILD) --product ctorch
	$(SWIFT_BUILD) --product geodino --static-swift-stdlib --scratch-path .build-install
	scripts/install "$(PREFIX)"

# The half without GDAL, SQLite and OpenBLAS: one static binary for a GPU machine.
tensor-half:
	GEODINO_EARTH=0 LIBTORCH=none $(SWIFT_BUILD) --product geodino --static-swift-stdlib --scratch-path .build-tensor

bench: build
	$(BIN)/geodino bench

format:
	swift format -i -r -p Sources Tests Package.swift

lint:
	swift format lint --strict -r -p Sources Tests Package.swift

clean:
	rm -rf .build .build-install .build-tensor
