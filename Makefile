# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0

GO ?= go
VERSION ?= dev
FUZZTIME ?= 60s
TLINK ?= full
BENCHTIME ?= 1s
DATA ?=
ROWS ?=
export CGO_ENABLED = 0
export VERSION

.DEFAULT_GOAL := help

help: ## print this help
	@echo "make targets:"
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

build/vecino: FORCE
	@mkdir -p build
	$(GO) build -trimpath -ldflags "-X main.release=$(VERSION)" -o $@ ./agent

build: build/vecino ## build the binary for this machine into build/

demo: build/vecino ## watch five devices learn together (under a minute)
	./build/vecino demo

demo-town: build/vecino ## watch 512 devices in 16 neighbourhoods learn, 20 rounds, one process (minutes)
	./build/vecino demo --nodes 512 --rounds 20

test: ## run every test; brings what the suites need, by apt
	.ci/test

unit: ## run the unit tests alone, which need nothing but Go
	$(GO) test ./...

lint: ## check format, vet and staticcheck; vulnerabilities where the database is reachable
	.ci/lint

race: ## run the unit tests with the race detector, which needs gcc
	.ci/race

fuzz: ## run each fuzz target for FUZZTIME (60s)
	.ci/fuzz $(FUZZTIME)

bench: bench-crypto bench-go-fl ## time the code: all Go benchmarks

bench-crypto: ## envelopes, chunks, shards
	$(GO) test -run '^$$' -bench . -benchtime $(BENCHTIME) ./crypto/...

bench-go-fl: ## matrices, models, updates, simulation
	$(GO) test -run '^$$' -bench . -benchtime $(BENCHTIME) ./fl/...

bench-fl: build/vecino ## measure how well devices learn into fl/README.md (DATA=folder of data folders, ROWS=rows or groups)
	$(GO) run ./fl/bench -vecino build/vecino -data "$(DATA)" -rows "$(ROWS)"

bench-live: ## time from a sample to its score at a subscriber, on one core, while the device trains (needs mosquitto)
	@mkdir -p build
	$(GO) test -c -o build/live.test ./agent/live
	cd build && $$(chrt -r 1 true 2>/dev/null && echo chrt -r 1) taskset -c 0 ./live.test -test.run '^$$' -test.bench '^BenchmarkLive$$/^(idle|aside)$$' -test.benchtime 1000x

t-link: ## see whether who records all traffic can follow devices (TLINK=full: half an hour; short, controls)
	$(GO) test ./agent -count=1 -run '^TestTLink' -timeout 2h -v -tlink $(TLINK)

size: ## print stripped and xz size of each target, fail past a budget
	@mkdir -p build
	$(GO) test ./agent -count=1 -run '^TestCross$$' -v -cross "$(CURDIR)/build" -size

cross: ## build all targets, static, and run each under qemu-user where it is installed
	@mkdir -p build
	$(GO) test ./agent -count=1 -run '^TestCross$$' -v -cross "$(CURDIR)/build"

release: cross ## the binaries of all targets with their SHA-256, for VERSION
	cd build && sha256sum vecino-linux-* > SHA256SUMS && cat SHA256SUMS

clean: ## remove what was built
	rm -rf build

FORCE:
.PHONY: help build demo demo-town test unit lint race fuzz bench bench-crypto bench-go-fl bench-fl bench-live t-link size cross release clean FORCE
