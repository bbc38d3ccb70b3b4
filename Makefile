# The two commands that anyone needs are `make demo` and `make test`. `make help` lists the others.

# A cluster of your own: make demo KUBECONFIG=~/.kube/config REGISTRY=registry.example/tools REGISTRY_PUSH=… GIT=… DOMAIN=…
# (and GIT_ADDRESSES=… when that git server's address is not public, REGISTRY_CREDENTIALS=… when the registry asks for an account:
# a directory with a config.json as `docker login` writes it, whose account the platform may use)
ifeq ($(origin KUBECONFIG),command line)
cluster-needed :=
KUBECTL ?= $(or $(shell command -v kubectl),$(CURDIR)/.local/bin/kubectl)
else
cluster-needed := cluster
# Where the shared volume of the local cluster is: a directory for each tool.
VOLUMES ?= $(CURDIR)/.local/volumes
# Mail to maintainers goes to a server that the end-to-end tests start: as the daemon reaches it, and where it listens.
SMTP_ADDRESS  ?= git.toolforge.local:2525
MAIL_SINK     ?= 10.88.0.1:2525
MAIL_INTERVAL ?= 10s
# Whoever reaches the status endpoint of this machine may read what jobs print.
JOB_LOGS ?= true
# Scripts push every second, and post webhooks.
POLL_MIN ?= 1s
WEBHOOKS ?= true
# A push does not wait for the build of the one before, of which nobody asks for the image any more.
CANCEL_SUPERSEDED ?= true
export POLL_MIN WEBHOOKS CANCEL_SUPERSEDED
export VOLUMES SMTP_ADDRESS MAIL_SINK MAIL_INTERVAL JOB_LOGS
REGISTRY_PLAIN_HTTP ?= true
# The account of the registry, as `docker login` keeps it, for this machine and for the platform.
REGISTRY_CREDENTIALS ?= $(CURDIR)/.local/registry-credentials
export DOCKER_CONFIG := $(REGISTRY_CREDENTIALS)
# Requests to the registry go wrong as this file says.
export REGISTRY_FAULTS := $(CURDIR)/.local/registry-faults.json
# The git server is at the address of this machine in the pods' network.
GIT_ADDRESSES ?= 10.88.0.1
override KUBECONFIG := $(CURDIR)/.local/kubeconfig
endif

GIT_PORT      ?= 3000
REGISTRY_PORT ?= 5000
SITES_PORT    ?= 8080
STATUS_PORT   ?= 8081

# The registry and the git server: as pods (and containerd) name them, and as this machine reaches them.
REGISTRY      ?= registry.toolforge.local:5000
REGISTRY_PUSH ?= 127.0.0.1:$(REGISTRY_PORT)
REGISTRY_PLAIN_HTTP ?= false
GIT           ?= http://git.toolforge.local:3000
GIT_PUSH      ?= http://127.0.0.1:$(GIT_PORT)

# For repositories that ask for a password, in the format of git's credential store.
GIT_CREDENTIALS ?= $(CURDIR)/.local/git-credentials

# How long a new pod may take to become healthy: on one machine, that waits for it in its tests, less than elsewhere.
ROLLOUT_DEADLINE ?= 2m

DOMAIN      ?= toolforge.localhost
SITE_SCHEME ?= http
SITE_PORT   ?= $(SITES_PORT)
STATUS      ?= http://127.0.0.1:$(STATUS_PORT)/

export ROLLOUT_DEADLINE KUBECONFIG GIT_PORT REGISTRY_PORT SITES_PORT STATUS_PORT REGISTRY REGISTRY_PUSH REGISTRY_PLAIN_HTTP REGISTRY_CREDENTIALS GIT GIT_PUSH GIT_CREDENTIALS GIT_ADDRESSES DOMAIN SITE_SCHEME SITE_PORT STATUS

# No C compiler is needed, and nothing is compiled twice, with one and without.
export CGO_ENABLED := 0

SHELL        := /bin/bash
step         := .ci/step
localcluster := .local/bin/localcluster
export KUBECTL ?= $(CURDIR)/.local/bin/kubectl

CONTROLLER_GEN := go run sigs.k8s.io/controller-tools/cmd/controller-gen@v0.20.1
STATICCHECK    := go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOTESTSUM      := go run gotest.tools/gotestsum@v1.13.0
KUBERNETES     := v1.36.3
kube-version   := k8s.io/component-base/version
localcluster-flags := -s -w -X $(kube-version).gitVersion=$(KUBERNETES) -X $(kube-version).gitMajor=1 -X $(kube-version).gitMinor=36

# Checking the others would check all of Kubernetes with them, for half an hour.
localcluster-packages := ./cluster ./gitserver ./host ./ingress ./networkpolicy ./pki ./registry

# Four scripts side by side, the platform and the builds share the machine's cores. What fails there is printed, and run once more
# alone: what is wrong fails again, and the run with it; more than three failures are not tried again.
once-more := --format standard-quiet --rerun-fails=1 --rerun-fails-max-failures=3

# Which scripts `make scripts` runs.
SCRIPTS ?= .

# What to measure: BENCH="-run 'manifest|render'" measures the figures of such names, BENCH='-tools 50' with fewer tools, to try.
BENCH ?=

SCHEMA_OUT   ?= schema
DEEPCOPY_OUT ?= api/v1alpha1

.PHONY: help
help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | sort | expand -t 16

.PHONY: demo
demo: platform ## Start a platform, push every example to it, and print the addresses.
	@$(step) "Pushing the examples" go run ./examples

.PHONY: test
test: localcluster ## Run every check and test, on a platform of its own.
	@$(step) "Checking format, vet and staticcheck" $(MAKE) --no-print-directory lint
	@$(step) "Testing how the local cluster starts, is killed and stops" localcluster/lifecycle_test.sh
	@$(MAKE) --no-print-directory platform
	@$(MAKE) --no-print-directory -j2 test-packages test-faults
	@$(step) "Testing the platform, end to end" $(GOTESTSUM) $(once-more) --packages ./testscripts/... -- -count=1 -timeout 40m -parallel 4 -skip 'TestSlow|TestFaults'

# Both wait more than they compute: side by side they take as long as one of them.
.PHONY: test-packages test-faults
test-packages:
	@$(step) "Testing the packages" go test $$(go list ./... | grep -v /testscripts)
	@$(step) "Testing the bench's parts" go -C bench test ./...
	@$(step) "Testing the local cluster's parts" go -C localcluster test $(localcluster-packages)

test-faults:
	@$(step) "Testing what breaks the platform, end to end" $(GOTESTSUM) $(once-more) --packages ./testscripts -- -count=1 -timeout 40m -run TestFaults

.PHONY: scripts
scripts: ## Run end-to-end scripts on the platform that is up: SCRIPTS='TestScripts/^(change|jobs)$$' runs those alone.
	@go test -count=1 -timeout 20m -parallel 4 -v -run '$(SCRIPTS)' ./testscripts/...

.PHONY: slow
slow: platform ## Run the end-to-end scripts that `make test` leaves out: they wait for minutes, or fill the node.
	@$(step) "Testing what takes long, end to end" go test -count=1 -timeout 30m -run TestSlow ./testscripts/...

.PHONY: slow-tekton
slow-tekton: platform ## Run the end-to-end scripts about builds by Tekton, whose controller is built from its module (minutes).
	@$(step) "Testing builds by Tekton, end to end" localcluster/tekton.sh go test -count=1 -timeout 20m -v -run TestTekton ./testscripts

.PHONY: bench
bench: platform ## Measure, beside Flux's way of applying.
	@$(step) "Building the bench" go -C bench build -o ../.local/bin/bench .
	@$(step) "Building toolforged" go build -trimpath -ldflags "-s -w" -o .local/bin/toolforged ./cmd/toolforged
	@$(step) "Measuring (about 10 minutes)" .local/bin/bench $(BENCH)

.PHONY: platform
platform: $(cluster-needed) $(KUBECTL)
	@$(step) "Making the builder" buildpacks/builder.sh
	@$(step) "Installing toolforged" $(MAKE) --no-print-directory install

.PHONY: install
install: $(KUBECTL) ## Build toolforged and install it by its chart.
	@IMAGE=$$(deploy/image.sh) && echo "image: $$IMAGE" && IMAGE=$$IMAGE deploy/install.sh

.PHONY: builder
builder: ## Make the builder and put it into the registry.
	@$(step) "Making the builder" buildpacks/builder.sh

.PHONY: cluster
cluster: localcluster ## Start the local cluster.
	@$(step) "Starting the local cluster" $(localcluster) up --root .local

.PHONY: cluster-stop
cluster-stop: localcluster ## Stop the local cluster and leave nothing of it.
	@$(step) "Stopping the local cluster" $(localcluster) down --root .local

.PHONY: localcluster
localcluster:
	@$(step) "Building the local cluster's programs (about 10 minutes the first time)" \
	  go -C localcluster build -ldflags "$(localcluster-flags)" -o ../.local/bin/ ./cmd/...

$(CURDIR)/.local/bin/kubectl: | localcluster
	@ln -sf localcluster $@

.PHONY: generate
generate: ## Generate the CRDs, the deep copies and the schema of toolforge.yaml from the Go types.
	@$(CONTROLLER_GEN) object paths=./api/... output:object:dir=$(DEEPCOPY_OUT) crd paths=./api/... output:crd:dir=$(SCHEMA_OUT)/crds
	@go run ./schema/generate > $(SCHEMA_OUT)/toolforge-v1.json

.PHONY: lint
lint: ## Check format, vet and staticcheck.
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "not gofmt'ed: $$unformatted" >&2; exit 1; }
	@go vet ./... && go -C bench vet ./... && go -C localcluster vet $(localcluster-packages) && go -C testscripts/otherbuilder vet ./...
	@$(STATICCHECK) ./... && (cd bench && $(STATICCHECK) ./...) && (cd testscripts/otherbuilder && $(STATICCHECK) ./...) && cd localcluster && $(STATICCHECK) $(localcluster-packages)
