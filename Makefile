# The commands of a checkout. `make demo` and `make test` are all a newcomer needs.
GO      ?= go
FORGE   := bin/forge
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
export CGO_ENABLED = 0

.PHONY: build demo test elf test-all deps lint fmt cross race reproducible wine macos cgroup2 faults attacks bench conformance archspec clean

build: ## build bin/forge
	@mkdir -p bin
	$(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o $(FORGE).new ./cmd/forge
	@# Copied, as an installed one is: what the linker wrote lies in the page cache in single pages, and each start
	@# pays 2 ms more to map those.
	@cp $(FORGE).new $(FORGE).copy && mv -f $(FORGE).copy $(FORGE) && rm -f $(FORGE).new

demo: build ## build every shipped recipe: sandboxed, tested, packaged, signed
	$(FORGE) build ./recipes/...

deps: ## install what the tests ask other programs for (Debian); elsewhere those tests are skipped
	@sh .ci/deps

test: deps lint ## everything that is quick enough for every change
	$(GO) test -timeout 18m ./...

lint:
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "gofmt would change:"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	@sh .ci/staticcheck

fmt:
	gofmt -w $$(git ls-files '*.go')

cross: ## the program builds for the other systems
	GOOS=windows $(GO) build -o /dev/null ./cmd/forge
	GOOS=darwin GOARCH=arm64 $(GO) build -o /dev/null ./cmd/forge
	GOOS=linux GOARCH=arm64 $(GO) build -o /dev/null ./cmd/forge

race:
	CGO_ENABLED=1 $(GO) test -race -short -timeout 30m ./...

test-all: test cross race reproducible wine macos cgroup2 faults attacks ## the slow proofs too

faults: ## kill -9, a full or read-only disk, a loss of power and a flipped bit wherever forge changes a file; many processes, signals, floods, clocks
	FORGE_TEST_ALL=1 $(GO) test -timeout 3h -run 'TestKill|TestDiskFull|TestReadOnly|TestPowerLoss|TestBitRot|AtOnce|TestTerminate|TestInterrupt|TestLogFlood|TestClockJumps|TestGCWhileBuilding|TestHostileTools' ./cmd/forge ./recipes

attacks: ## every attack on the sandbox, and hostile recipes, as root and as an ordinary user, and with each wall left down; the user's part wants root
	FORGE_TEST_ALL=1 $(GO) test -timeout 1h -v -run 'TestAttack' ./sandbox ./cmd/forge

reproducible: build ## every shipped recipe built twice: other folder, time, -j and user; all bytes equal
	@sh .ci/reproducible

wine: ## forge.exe builds, tests and runs packages under Wine; skipped where that is missing
	@sh .ci/wine

macos: ## packages for Macs, cross built with zig, and our Mach-O editor against LLVM and LIEF; skipped without zig
	@sh .ci/macos

cgroup2: ## the sandbox's limits and attacks under another kernel with cgroup version 2; skipped without QEMU
	@sh .ci/cgroup2

elf: ## every ELF file of this machine, rewritten, held against readelf and the loader (some minutes)
	FORGE_ELF_CORPUS=$${FORGE_ELF_CORPUS:-/usr} $(GO) test -timeout 60m -run TestCorpus -v ./platforms/elf

conformance: ## held against other tools' results on the corpus, and against rattler-build where it can be had
	@sh .ci/conformance

bench: build ## ratios against peers and physical limits, measured in one run
	$(GO) test -run '^$$' -bench . -benchtime 3x -timeout 60m ./...
	@sh .ci/bench
	@sh .ci/bench-render
	@sh .ci/bench-post

archspec: ## the newest table of CPU levels, with its licences
	@sh .ci/archspec

clean:
	rm -rf bin output
