# Callboard. The two commands of the README are `go run ./cmd/callboard demo` and `make test`.

.PHONY: upgrades test setup check-web test-go generate bench bench-log fuzz flows load kill properties slow

# Install what is needed, once, then run every test.
test: setup check-web test-go

# Asterisk, Chromium, npm packages; nothing where they are there already. Needs root or sudo the first time.
setup:
	@sh scripts/setup.sh

# Types, tests, and that the built files are those of the sources.
check-web:
	npm --prefix sdk/js --loglevel=error run check
	npm --prefix webui --loglevel=error run check

# What plays on real phones, in a browser, or against the clock has the machine to itself: the packages of e2e come one by one. The
# race detector makes minutes of what the store's own tests do; those of internal/app have it with all that is around it.
test-go:
	go vet ./...
	go test -race -shuffle=on -timeout 12m $$(go list ./... | grep -v -e /e2e -e /internal/store$$)
	go test -shuffle=on -timeout 12m ./internal/board ./internal/store
	go test -race -shuffle=on -timeout 12m ./e2e
	go test -shuffle=on -timeout 12m ./e2e/durable ./e2e/history

# Write generated files anew: Go from api/openapi.yaml, the SDK's types, the built SDK and page.
generate: setup
	go generate ./...
	npm --prefix sdk/js run generate
	npm --prefix sdk/js run build
	npm --prefix webui run build

# All that an office does with its telephones, played on real phones; `make test` plays a third of it. Some two minutes.
flows:
	go test -race -run '^TestTruth$$' ./e2e -flows all

# Calls with outcomes of their own, every one told once and right: 10,000 at the demo PBX, 500 at 5 a second on real phones.
# Some three minutes.
load:
	go test -run '^TestLoad$$' -count=1 -v -timeout 20m ./internal/asterisk/ami -args -load 10000
	go test -tags load -run '^TestLoad$$' -timeout 10m -v ./e2e

# Kill the program N times at any instant and at named places, and judge what its clients were told (`make test`: 200).
kill: N ?= 1000
kill:
	go test -count=1 -run '^TestKill$$' -timeout 24h -v ./e2e/durable -args -kills $(N)

# Play every property N times (`make test`: those of the board 2,000 times).
properties: N ?= 100000
properties:
	go test -count=1 -timeout 24h ./internal/board ./internal/telephony ./internal/tracker ./internal/asterisk/ami -rapid.checks=$(N)

# Readers that stop for ten minutes beside others that do not, and an app that takes a minute for each work.
slow:
	go test -count=1 -run '^(TestStalledReaders|TestLateAnswers)$$' -timeout 40m -v ./e2e/durable -args -stall 10m

# Longer than tests may be: ratios to the limit and to other servers, in one run (bench/README.md). Some twenty minutes.
# One alone: make bench B=fanout N=1000. PEERS=none leaves Redis and NATS out.
REPS ?= 3
N ?= 0
PEERS ?= all
bench:
ifndef B
	go test -run '^$$' -bench . -benchmem ./internal/...
endif
	go run ./bench -b '$(or $(B),all)' -n $(N) -reps $(REPS) -peers $(PEERS)

# The call log with a million calls, CALLS=5000000 with more: pages and searches as it grows, and what it adds to a commit. Some minutes.
CALLS ?= 1000000
bench-log:
	go test -run '^$$' -bench Log -benchtime 300x -timeout 60m ./internal/store -args -calls $(CALLS)

# Fuzz every parser for FUZZTIME each.
FUZZTIME ?= 1m
fuzz:
	@sh scripts/fuzz.sh $(FUZZTIME)

# Upgrades of the database from every version there was, killed at every statement. Some four minutes.
upgrades:
	go test -run '^TestUpgradeKilled$$' -count=1 -v -timeout 30m ./internal/store -args -every-kill
