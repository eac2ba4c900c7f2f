# The front door. `make` alone lists what can be done; each target is one line into scripts/.

# Where rustup puts cargo, whether or not the shell knows it.
export PATH := $(HOME)/.cargo/bin:$(PATH)

.PHONY: help build demo test test-matrix dashboards chart page check lint bench bench-relay ci
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 16

build: ## install what is missing, build the program: target/release/bugrelay
	@scripts/build
demo: ## a scripted minute of Bugzilla's life, and the messages that leave; no service needed (DB=mariadb, DB=postgres: a real server; BUSES=1: also through Kafka and STOMP; KEEP=1 stays)
	@scripts/demo
test: ## install what is missing, build, run all tests (ARGS=word: those alone)
	@scripts/test $(ARGS)
test-matrix: ## every server and every way in, with whole storms: takes hours (ARGS=postgresql-18: one server)
	@scripts/test-matrix $(ARGS)
dashboards: ## rules and their tests, and every panel's query against a Prometheus that scrapes the demo
	@scripts/dashboards
chart: ## lint, render and check the chart and the sidecar, with Helm 3 and 4, for Kubernetes 1.29 to 1.37
	@scripts/chart
page: ## drive the page in a real Chromium; pictures of every view in target/page
	@scripts/page
check: ## does it compile?
	@scripts/check
lint: ## formatting, clippy, licences
	@scripts/lint
bench: ## measure (ARGS="deliveries --messages 20000": a part, or less of it)
	@scripts/bench $(ARGS)
bench-relay: ## the relay beside the real fedmsg-relay (ARGS="--messages 20000")
	@scripts/bench relay $(ARGS)
ci: ## everything, as before a change lands
	@scripts/ci
