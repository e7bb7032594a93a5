# Needs Go, git, make and bash.

SHELL := bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

GO ?= go
FUZZTIME ?= 30s
KEEP ?=
K8S_VERSION ?=
export K8S_VERSION
IMAGE_ARCH ?= amd64,arm64,s390x
IMAGE_DIR ?= bin
IMAGE ?= dicer
MANIFEST_DIR ?= dist
RELEASE_DIR ?= dist/release
KIND_SOURCE ?=
KIND_RUN ?=
CHAOS_MINUTES ?= 10
CHAOS_RUN ?=
HOSTILE_RUN ?=
export CHAOS_MINUTES
UPGRADE_FROM ?=
BASE ?= $(shell git describe --tags --abbrev=0 HEAD^ 2>/dev/null)
NEW ?=
LOAD_ROUNDS ?=
LOAD_DURATION ?=
LOAD_CONNECTIONS ?=
LOAD_CALLERS ?=
LOAD_BODIES ?=
LOAD_WRITES ?=
SOAK_REVIEWS ?=
OUTPUT ?=
PLOT ?=
# A go.work file of a folder above must not change what is built.
export GOWORK := off

# Here, so that the time that test prints has the control plane's build in it.
STARTED := $(shell date +%s)

# The commit's date, not today's: the same commit gives the same binary.
VERSION = $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT = $(shell git rev-parse --verify HEAD 2>/dev/null || echo unknown)
DATE = $(shell TZ=UTC git show -s --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd HEAD 2>/dev/null || echo unknown)
COMMAND = github.com/dicer-dev/dicer/internal/command
LDFLAGS = -X $(COMMAND).version=$(VERSION) -X $(COMMAND).commit=$(COMMIT) -X $(COMMAND).date=$(DATE)

ifeq ($(KUBEBUILDER_ASSETS),)
CONTROL_PLANE := controlplane
ASSETS = $$(bin/controlplane -print-dir)
else
ASSETS = $(KUBEBUILDER_ASSETS)
endif

# A go build that Ctrl-C ends leaves its temporary files: here, where they go.
GOTMP = tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && trap 'exit 130' INT && GOTMPDIR="$$tmp"

# The go.mod files of hack/controlplane, one for each Kubernetes version.
PINS := $(notdir $(wildcard hack/controlplane/kubernetes/v*.mod))

# Those of other modules; another path takes another build of them.
KUSTOMIZE = $$($(GO) -C hack/chart tool -n kustomize)
HELM = $$($(GO) -C hack/chart tool -n helm)
CYCLONEDX = $$($(GO) -C hack/release tool -n cyclonedx-gomod)

# Modules of their own, so that what they need is not what dicer needs: the plugin and
# tools, with tests, and what hack/bench and hack/kind build.
TOOLS := cmd/kubectl-dicer hack/controlplane hack/chart hack/kind hack/load hack/monitoring hack/release
PARTS := hack/bench hack/kind/certmanager $(wildcard hack/kind/parts/*)

.PHONY: help
help: ## List the targets and variables
	@echo "Usage: make TARGET [VARIABLE=VALUE ...]"; echo; echo "Targets:"; \
	while IFS= read -r line; do \
		if [[ $$line =~ ^([a-z0-9-]+):.*'## '(.*)$$ ]]; then \
			printf '  %-14s %s\n' "$${BASH_REMATCH[1]}" "$${BASH_REMATCH[2]}"; \
		fi; \
	done < $(firstword $(MAKEFILE_LIST)); \
	echo; echo "Variables:"; \
	printf '  %-18s %s\n' \
		K8S_VERSION "Kubernetes of the control plane: $(PINS:%.mod=%); default the newest" \
		KUBEBUILDER_ASSETS "folder with kube-apiserver, etcd and kubectl to use; none is built then" \
		FUZZTIME "how long each fuzz target runs, as 10m or, exactly, 5000x; default $(FUZZTIME)" \
		KEEP "1: demo and e2e-kind leave everything running" \
		IMAGE_ARCH "architectures of the image; default $(IMAGE_ARCH)" \
		IMAGE_DIR "folder of the image's archives; default $(IMAGE_DIR)" \
		IMAGE "name of the image in manifests: where nodes pull it; default $(IMAGE)" \
		MANIFEST_DIR "folder of the rendered manifests; default $(MANIFEST_DIR)" \
		RELEASE_DIR "folder of the release; default $(RELEASE_DIR)" \
		KIND_SOURCE "published or built: the kind node's image and cert-manager; default what can be had" \
		CHAOS_MINUTES "about how long chaos takes, by its counts; default $(CHAOS_MINUTES)" \
		CHAOS_RUN "cases of chaos to run, as go test -run; default all" \
		HOSTILE_RUN "attacks of hostile to run, as go test -run; default all" \
		KIND_RUN "cases of e2e-kind to run, as go test -run; default all" \
		BASE "revision that bench-compare starts from; default the preceding tag" \
		NEW "revision that it compares; default what is in the working tree" \
		UPGRADE_FROM "revision that e2e-kind upgrades from; default the preceding tag" \
		LOAD_ROUNDS "how often load and load-apiserver measure everything; default 6" \
		LOAD_DURATION "how long load measures each server with each load in a round; default 500ms" \
		LOAD_CONNECTIONS "kinds of connection in load; default h2,http/1.1,fresh" \
		LOAD_CALLERS "numbers of callers; default 1,16,128 in load, 1,4,16 in load-apiserver" \
		LOAD_BODIES "sizes of reviews in load, in KB; default 2,10,200" \
		LOAD_WRITES "writes of each figure of a round in load-apiserver; default 300" \
		SOAK_REVIEWS "reviews that soak sends; default 100000" \
		OUTPUT "format of what load, load-apiserver and soak print: text or json; default text" \
		PLOT "file for the plot of load or load-apiserver, as docs/load-server.svg; default none"

# -buildvcs=false: VERSION and COMMIT tell the same, also without a git clone.
.PHONY: build
build: ## Build bin/webhook, bin/fanout and bin/kubectl-dicer, stamped with version, commit and date
	@echo "build: bin/webhook, bin/fanout and bin/kubectl-dicer $(VERSION)"
	@CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags "$(LDFLAGS)" -o bin/ ./cmd/webhook ./cmd/fanout
	@CGO_ENABLED=0 $(GO) -C cmd/kubectl-dicer build -trimpath -buildvcs=false -ldflags "$(LDFLAGS)" -o ../../bin/ .

# -s -w: without symbols and debugging data an image is 30 % smaller. The linker's
# flags are the Dockerfile's, in its order: they are part of a binary's build ID.
.PHONY: image
image: ## Make the image dicer:VERSION, one archive per architecture, without a container engine
	@$(GOTMP) $(GO) build -o bin/image ./hack/image
	@exec bin/image -version "$(VERSION)" -commit "$(COMMIT)" -date "$(DATE)" -ldflags "-s -w $(LDFLAGS)" \
		-go "$(GO)" -arch "$(IMAGE_ARCH)" -dir "$(IMAGE_DIR)"

# -v: the sizes, and what is skipped without a container engine, are there to be
# read. DOCKER_HOST names another engine than the machine's.
.PHONY: test-image
test-image: ## Test the image, built for every architecture
	@echo "test-image: ./test/image"
	@$(GO) test -tags image -count=1 -timeout 30m -v ./test/image

.PHONY: controlplane
controlplane: bin/controlplane ## Build kube-apiserver, etcd and kubectl into the user's cache, once per version
	@exec bin/controlplane

.PHONY: bin/controlplane
bin/controlplane:
	@$(GOTMP) $(GO) -C hack/controlplane build -o ../../bin/controlplane .

# -count=1: go's test cache does not see that a binary which a test starts, or
# a control plane, has changed. -parallel: most tests of fan-out wait for a
# controller, and few for the processor.
.PHONY: test
test: $(CONTROL_PLANE) ## Run every test, on a real API server where one is needed
	@set -e; failed=0; KUBEBUILDER_ASSETS="$(ASSETS)"; export KUBEBUILDER_ASSETS; \
	for module in $(TOOLS); do \
		echo "test: $$module"; $(GO) -C $$module test -count=1 ./... || failed=1; \
	done; \
	echo "test: ./... with the control plane in $$KUBEBUILDER_ASSETS"; \
	$(GO) test -count=1 -timeout 45m -parallel 6 ./... || failed=1; \
	seconds=$$(( $$(date +%s) - $(STARTED) )); \
	echo "test: $$([ $$failed = 0 ] && echo passed || echo FAILED) in $$(( seconds / 60 ))m$$(( seconds % 60 ))s"; \
	exit $$failed

.PHONY: test-race
test-race: ## Run the tests of pkg, cmd and internal with the race detector (needs a C compiler)
	@echo "test-race: ./pkg/... ./cmd/... ./internal/..."
	@CGO_ENABLED=1 $(GO) test -race -count=1 -timeout 30m ./pkg/... ./cmd/... ./internal/...
	@echo "test-race: cmd/kubectl-dicer"
	@CGO_ENABLED=1 $(GO) -C cmd/kubectl-dicer test -race -count=1 $$($(GO) -C cmd/kubectl-dicer list ./... | grep -v /e2e$$)

# CI counts executions: at the end of a duration, on a busy machine, Go's own
# fuzzer may fail with "context deadline exceeded" and no input.
.PHONY: fuzz
fuzz: ## Run every fuzz target of pkg and cmd, one after the other, FUZZTIME each
	@set -e; ran=0; \
	for module in . cmd/kubectl-dicer; do \
		packages=$$($(GO) -C $$module list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' $$([ $$module = . ] && echo ./pkg/... ./cmd/... || echo ./manifest)); \
		for package in $$packages; do \
			names=$$($(GO) -C $$module test -list '^Fuzz' "$$package") || { echo "$$names"; exit 1; }; \
			for name in $$names; do \
				[[ $$name == Fuzz* ]] || continue; \
				echo "fuzz: $$name in $$package for $(FUZZTIME)"; \
				$(GO) -C $$module test -run '^$$' -fuzz "^$$name\$$" -fuzztime '$(FUZZTIME)' -fuzzminimizetime 100x "$$package"; \
				ran=$$(( ran + 1 )); \
			done; \
		done; \
	done; \
	if [ $$ran = 0 ]; then echo "fuzz: no fuzz target found"; exit 1; fi; \
	echo "fuzz: $$ran targets passed"

.PHONY: bench
bench: ## Run the benchmarks of pkg
	@echo "bench: ./pkg/..."
	@$(GO) test -run '^$$' -bench . -benchmem ./pkg/...

.PHONY: bench-compare
bench-compare: ## Compare the benchmarks of revision BASE with those of NEW, by benchstat
	@exec hack/bench/compare.sh "$(BASE)" $(if $(NEW),"$(NEW)")

# What the image has. To stderr: standard output may be one JSON document.
.PHONY: bin/released/webhook
bin/released/webhook:
	@echo "building $@ $(VERSION)" >&2
	@$(GOTMP) CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags "-s -w $(LDFLAGS)" -o $@ ./cmd/dicer

.PHONY: bin/load
bin/load:
	@echo "building $@" >&2
	@$(GOTMP) CGO_ENABLED=0 $(GO) -C hack/load build -trimpath -buildvcs=false -o ../../$@ .

# exec: Ctrl-C and kill reach the tool itself, which then cleans up.
.PHONY: load
load: bin/load bin/released/webhook ## Compare the webhook server with others under the same load, 7 minutes; fails on wrong answers only
	@exec bin/load server -webhook bin/released/webhook -o "$(OUTPUT)" -plot "$(PLOT)" \
		-rounds "$(LOAD_ROUNDS)" -duration "$(LOAD_DURATION)" \
		-connections "$(LOAD_CONNECTIONS)" -callers "$(LOAD_CALLERS)" -bodies "$(LOAD_BODIES)"

# exec: Ctrl-C and kill reach the tool itself, which then cleans up.
.PHONY: load-apiserver
load-apiserver: bin/load bin/released/webhook ## Compare writes through a real API server: nothing installed, a CEL policy, other webhooks, dicer; 10 minutes
	@$(if $(CONTROL_PLANE),$(MAKE) $(CONTROL_PLANE) >&2)
	@set -e; KUBEBUILDER_ASSETS="$(ASSETS)"; export KUBEBUILDER_ASSETS; \
	exec bin/load apiserver -webhook bin/released/webhook -o "$(OUTPUT)" -plot "$(PLOT)" \
		-rounds "$(LOAD_ROUNDS)" -writes "$(LOAD_WRITES)" -callers "$(LOAD_CALLERS)"

# The image in a folder of its own: one of several architectures stays as it is.
.PHONY: soak
soak: bin/load bin/released/webhook ## Tell the webhook's sizes, its time to start, and its memory over SOAK_REVIEWS reviews
	@$(MAKE) image IMAGE_ARCH="$$($(GO) env GOARCH)" IMAGE_DIR=bin/soak >&2
	@exec bin/load soak -webhook bin/released/webhook -images bin/soak -reviews "$(SOAK_REVIEWS)" -o "$(OUTPUT)"

# exec: Ctrl-C and kill reach the demo itself, which then cleans up.
.PHONY: demo
demo: $(CONTROL_PLANE) ## Show fan-out and the webhook at work on a real API server (KEEP=1 leaves it running)
	@echo "demo: building bin/demo"
	@$(GOTMP) $(GO) build -o bin/demo ./hack/demo
	@set -e; KUBEBUILDER_ASSETS="$(ASSETS)"; export KUBEBUILDER_ASSETS; \
	exec bin/demo $(if $(filter 1,$(KEEP)),-keep)

# The binary, which bounds its own time, and exec: Ctrl-C and kill reach it, it then
# cleans up, and its table comes last.
.PHONY: chaos
chaos: $(CONTROL_PLANE) ## Count what restarts, kills, new certificates and a lost etcd cost (CHAOS_MINUTES=60 for longer)
	@echo "chaos: building bin/chaos.test"
	@$(GOTMP) $(GO) test -c -tags chaos -o bin/chaos.test ./test/chaos
	@set -e; KUBEBUILDER_ASSETS="$(ASSETS)"; export KUBEBUILDER_ASSETS; \
	exec bin/chaos.test -test.v -test.run '^TestChaos$$/$(CHAOS_RUN)'

# Linux alone: attackers have an address of their own on its loopback, and the
# server's memory is read from /proc.
.PHONY: hostile
hostile: ## Attack the webhook server in each way while well-behaved callers are watched, with a table
	@echo "hostile: building bin/hostile.test"
	@$(GOTMP) $(GO) test -c -tags chaos -o bin/hostile.test ./test/hostile
	@cd test/hostile; exec ../../bin/hostile.test -test.v -test.timeout 30m -test.run '^TestWellBehaved.*/$(HOSTILE_RUN)'

# kubectl's kustomize without kubectl: a user needs no control plane to render, and
# test/deploy shows that the two render the same. The image is the one that make
# image makes, whose version components/settings cannot know.
.PHONY: manifests
manifests: ## Render MANIFEST_DIR/OVERLAY/install.yaml for each overlay of deploy/overlays
	@set -e; kustomize=$(KUSTOMIZE); \
	mkdir -p dist; above=$$(mktemp -d dist/kustomize-XXXXXX); trap 'rm -r "$$above"' EXIT; \
	for folder in deploy/overlays/*/; do \
		overlay=$$(basename "$$folder"); target="$(MANIFEST_DIR)/$$overlay"; mkdir -p "$$target"; \
		printf '%s\n' "resources: [../../deploy/overlays/$$overlay]" \
			"images: [{name: dicer, newName: '$(IMAGE)', newTag: '$(VERSION)'}]" >"$$above/kustomization.yaml"; \
		"$$kustomize" build "$$above" >"$$above/install.yaml"; \
		mv "$$above/install.yaml" "$$target/install.yaml"; \
		echo "manifests: $$target/install.yaml, with image $(IMAGE):$(VERSION)"; \
	done

# In a folder beside it until it is whole. An old one goes only where it is one.
.PHONY: release
release: ## Write RELEASE_DIR: images, manifests, chart, bills of materials, licences, checksums
	@set -e; case "$(VERSION)" in *-dirty) echo "release: commit first: $(VERSION) is not what a commit has"; exit 1;; esac; \
	target="$(patsubst %/,%,$(RELEASE_DIR))"; \
	if [ -e "$$target" ] && [ ! -f "$$target/SHA256SUMS" ]; then echo "release: $$target is no release: it stays"; exit 1; fi; \
	mkdir -p "$$(dirname "$$target")"; new=$$(mktemp -d "$$target-XXXXXX"); trap 'rm -rf "$$new"' EXIT; chmod 755 "$$new"; \
	$(MAKE) image IMAGE_DIR="$$new"; \
	$(MAKE) manifests MANIFEST_DIR="$$new"; \
	for file in "$$new"/*/install.yaml; do \
		overlay=$$(dirname "$$file"); mv "$$file" "$$new/install-$$(basename "$$overlay").yaml"; rmdir "$$overlay"; \
	done; \
	$(GO) -C hack/release build -o ../../bin/release .; \
	bin/release assemble -go "$(GO)" -dir "$$new" -version "$(VERSION)" -date "$(DATE)" -helm "$(HELM)" -cyclonedx "$(CYCLONEDX)"; \
	rm -rf "$$target"; mv "$$new" "$$target"; echo "release: $$target is $(VERSION)"

# Of this folder and of a copy of it, each with a build cache of its own: minutes.
.PHONY: test-release
test-release: ## Test the release: made in two folders it is the same, and its bills, licences and checksums are right
	@echo "test-release: ./test/release"
	@$(GO) test -tags image -count=1 -timeout 120m -v ./test/release

# exec: Ctrl-C and kill reach the command itself, which then cleans up.
.PHONY: e2e-kind
e2e-kind: bin/kind ## Run the end-to-end suite in a kind cluster, made for it and deleted after it (KEEP=1 leaves it)
	@exec bin/kind -version "$(VERSION)" -source "$(KIND_SOURCE)" -previous "$(UPGRADE_FROM)" -run "$(KIND_RUN)" \
		$(if $(filter 1,$(KEEP)),-keep)

# -trimpath: what decides whether a node image is current includes this program.
.PHONY: bin/kind
bin/kind:
	@$(GOTMP) CGO_ENABLED=0 $(GO) -C hack/kind build -trimpath -buildvcs=false -o ../../bin/kind .

.PHONY: generate
generate: ## Write the generated files anew
	@echo "generate: go generate ./..."
	@$(GO) generate ./...
	@echo "generate: hack/chart: deploy/chart"
	@$(GO) -C hack/chart generate ./...
	@echo "generate: hack/release: THIRD_PARTY_LICENSES"
	@$(GO) -C hack/release generate ./...

.PHONY: tidy
tidy: ## Tidy every go.mod
	@set -e; for module in . $(TOOLS) $(PARTS); do echo "tidy: $$module/go.mod"; $(GO) -C $$module mod tidy; done
	@echo "tidy: hack/controlplane/kubernetes: $(PINS)"
	@set -e; for pin in $(PINS); do $(GO) -C hack/controlplane mod tidy -modfile="kubernetes/$$pin"; done

.PHONY: verify
verify: ## Check formatting, vet, staticcheck, licences, that generated files are current and go.mod tidy
	@echo "verify: gofmt"
	@set -e; unformatted=$$("$$($(GO) env GOROOT)/bin/gofmt" -l .); \
	if [ -n "$$unformatted" ]; then echo "not formatted; run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	@echo "verify: go vet"
	@set -e; for module in . $(TOOLS) hack/kind/certmanager; do $(GO) -C $$module vet ./...; done
	@$(GO) vet -tags image,kind,chaos ./test/...
	@echo "verify: staticcheck"
	@set -e; staticcheck=$$($(GO) tool -n staticcheck); "$$staticcheck" -tags image,kind,chaos ./...; \
	for module in $(TOOLS); do (cd $$module && "$$staticcheck" ./...); done
	@echo "verify: go.mod is tidy"
	@set -e; for module in . $(TOOLS) $(PARTS); do $(GO) -C $$module mod tidy -diff; done
	@set -e; for pin in $(PINS); do $(GO) -C hack/controlplane mod tidy -diff -modfile="kubernetes/$$pin"; done
	@$(MAKE) verify-generated

# The whole tree is compared, as git would store it, so that neither a list of
# generated files nor a clean checkout is needed.
.PHONY: verify-generated
verify-generated:
	@echo "verify: generated files are current"
	@set -e; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	tree() { GIT_INDEX_FILE="$$folder/index" git add -A . && GIT_INDEX_FILE="$$folder/index" git write-tree; }; \
	before=$$(tree); $(MAKE) generate; after=$$(tree); \
	if [ "$$before" != "$$after" ]; then \
		git --no-pager diff "$$before" "$$after"; \
		echo "generated files were out of date; they are written anew now"; exit 1; \
	fi

.PHONY: clean
clean: ## Remove bin and dist (the control planes in the user's cache stay)
	@echo "clean: bin dist"
	@rm -rf bin dist
