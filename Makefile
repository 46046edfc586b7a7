# The commands people type. Each is a script that can be run alone and says what it does; `make help` lists them.

.DEFAULT_GOAL := help
.PHONY: $(shell sed -n 's/^\([a-z0-9-]*\):.*##.*/\1/p' $(firstword $(MAKEFILE_LIST)))

# IMAGE_PREFIX: where images go, e.g. registry.example.com/you. IMAGE_TAG: the workspace's version. NODE_IMAGE, WORKERS,
# KUBECONFIG: see tests/cluster/up. KEEP=1: a test leaves its namespace.
export

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{printf "%-22s %s\n", $$1, $$2}'

demo: ## the main job end to end: a cluster, the operator, a registry, a push, Pods that run from it
	@tests/cluster/demo

demo-down: ## removes what `make demo` made, the cluster included
	@tests/cluster/demo-down

test-ecosystem: ## what takes minutes to build: programs beside a registry, such as cosign and cert-manager, and a release
	@tests/tiers/ecosystem

test: ## every tier, setting up what is missing; what CI runs
	@tests/tiers/all

setup: ## system packages and programs that building and testing needs
	@tests/tiers/setup

build: ## the operator and the server, for this machine
	cargo build --workspace --bins --locked

images: ## the two images; IMAGE_PREFIX=... IMAGE_TAG=... name them
	@deploy/build-images

push: ## pushes the images; IMAGE_PREFIX=registry.example.com/you
	@deploy/push-images

release: ## images, chart, install.yaml, SBOM and checksums into dist/; IMAGE_PREFIX=... names where images will be
	@deploy/release

push-release: ## pushes what is in dist/ ; IMAGE_PREFIX=registry.example.com/you
	@deploy/push-release

fmt: ## formats the code
	cargo fmt --all

lint: ## format, clippy, rustdoc, dependencies, shell scripts, chart
	@tests/tiers/lint

unit: ## tests that need no cluster
	@tests/tiers/unit

conformance: ## the rules of the OCI distribution-spec, totals by section; OCI_CONFORMANCE=... names the upstream suite's program
	@tests/tiers/conformance

fuzz: ## inputs at random for every parser of the server; FUZZ_SECONDS=30 for each, or FUZZ_CASES=1000; NAME=manifest for one
	@tests/tiers/fuzz $(NAME)

manifests: ## tests that CRD, chart and install.yaml agree with the code
	@tests/tiers/manifests

documented: ## the commands and samples that documents show, each with the test that runs it
	@cargo test --quiet --workspace --locked --test manifests -- --nocapture --exact commands::documented

control-plane: ## the operator on an API server without nodes; NAME=at_rest for one file or test
	@tests/tiers/control_plane $(NAME)

scale: ## 1,000 registries on an API server without nodes: time, memory, requests; SCALE_REGISTRIES=100
	@tests/tiers/scale

clients: ## what people push and pull with, against the server
	@tests/tiers/clients

tutorials: ## tutorials for registry:2, command by command, with our image
	@tests/tiers/tutorials

layout: ## tests that a volume changes hands between the server and registry:2 and registry:3
	@tests/tiers/layout

generate: ## writes what is derived from types and the chart: crds/, the chart's CRD, deploy/install.yaml, the references
	cargo run --quiet --locked --package registry-config --example keys > .keys.md && mv .keys.md registry-server/config/keys.md
	cargo run --quiet --locked --package private-registry-operator -- crd > .crd.yaml && mv .crd.yaml crds/privateregistries.yaml
	cargo run --quiet --locked --package private-registry-operator --example api_reference > .api.md && mv .api.md operator/api.md
	tests/tools/build helm && deploy/generate

e2e: ## end-to-end tests on the kind cluster, or on the one of KUBECONFIG=...
	@tests/tiers/e2e

e2e-one: ## one file or one test of it: NAME=drift; KEEP=1 leaves its namespace
	@tests/tiers/e2e $(or $(NAME),$(error NAME=... says which test, e.g. make e2e-one NAME=drift))

nodes: ## the promises about nodes, on three with containerd 2, in a cluster that is made for it; NAME=changes; KEEP=1 leaves it
	@tests/tiers/nodes $(NAME)

cluster-up: ## a kind cluster for tests, and .cluster/env that leads to it; WORKERS=2, NODE_IMAGE=kindest/node:...
	@tests/cluster/up

cluster-down: ## removes the cluster and what it changed on this machine; caches stay
	@tests/cluster/down
