# Everything is installed into this folder: .tools/ (uv, SAM), .venv/ (Python), node_modules/, .peers/.
SHELL := /bin/bash
.SHELLFLAGS := -e -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PYTHON313 ?= $(shell for each in python3.13 "$$HOME"/.pyenv/versions/3.13*/bin/python3.13; do \
  "$$each" -c 'import sys; assert sys.version_info[:2] == (3, 13)' 2>/dev/null && echo "$$each" && break; done)

UV := .tools/uv/bin/uv
SAM := .tools/sam/bin/sam
PYTHON := .venv/bin/python
ARCHITECTURE ?= arm64
BUILD := .aws-sam/build
WORKERS := $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$(( n < 4 ? n + 1 : 4 )))
PLATFORM := $(if $(filter arm64,$(ARCHITECTURE)),aarch64,x86_64)-manylinux_2_28

# Trust the certificates that this machine trusts, as pip and npm do.
export UV_SYSTEM_CERTS := 1
export UV_NO_CONFIG := 1
export UV_PYTHON_DOWNLOADS := never
export PYTHONPATH := src
export SAM_CLI_TELEMETRY := 0

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: demo
demo: .venv/ok ## Play sign-ups through the real parts, and check both sides (POLICY=…, docs/policies.md)
	@$(PYTHON) -m sandbox.demo $(POLICY)

.PHONY: sandbox
sandbox: .venv/ok node_modules/sdk-ok ## Keep the sandbox running, with a shop (POLICY=…, PORT=…)
	@PYTHONPATH=src:. $(PYTHON) -m sandbox

.PHONY: playground
playground: .venv/ok node_modules/sdk-ok ## Open the sandbox in one browser window (POLICY=…, docs/playground.md)
	@PYTHONPATH=src:. $(PYTHON) -m sandbox.playground

.PHONY: cli
cli: .venv/ok ## Have the command line at hand: .venv/bin/customerlink
	@$(PYTHON) -m customerlink.cli.main --help

.PHONY: test
test: .venv/ok .tools/runtime/ok node_modules/ok build-host ## Run every test, with coverage
	npm test --silent
	@# One worker more than a small machine has cores: many tests wait for a process or a lease.
	@# Files in their order, not by their number of tests: the long ones have few, and would end last.
	$(PYTHON) -m pytest -m "not alone" -n $(WORKERS) --dist loadfile --no-loadscope-reorder --cov --cov-report= --cov-fail-under=0
	$(PYTHON) -m pytest -m alone --cov --cov-append --cov-report=term-missing

.PHONY: sam-local
sam-local: .venv/ok node_modules/ok build-host ## Run events/ and the API in containers (needs Docker; tools/with_docker has it)
	$(PYTHON) -m pytest tests/e2e/test_sam_local.py -s

N ?= 10000
.PHONY: simulate
simulate: .venv/ok ## Play N histories under faults, or tell one (SEED=…)
	@PYTHONPATH=src:. $(PYTHON) -m tests.simulation --histories $(N) $(if $(SEED),--seed $(SEED))

.PHONY: systematic
systematic: .venv/ok ## Go through every schedule of small scenarios (DEEP=1: with more delays and faults)
	@PYTHONPATH=src:. $(PYTHON) -m tests.simulation.systematic $(if $(DEEP),--deep)

.PHONY: mutate
mutate: .venv/ok ## Edit the real code, one passage at a time: the simulation or a named test must catch each edit
	@PYTHONPATH=src:. $(PYTHON) -m tests.simulation.mutate

.PHONY: bench
bench: .venv/ok .tools/runtime/ok node_modules/ok build-host ## Measure: a sign-up against its peers, cold starts, the diff of a million users, the backfill, what follows, what grows (FULL=1: to ten million)
	@PYTHONPATH=src:. $(PYTHON) -m benchmarks.sign_up
	@PYTHONPATH=src:. $(PYTHON) -m benchmarks.functions
	@PYTHONPATH=src:. $(PYTHON) -m benchmarks.diff
	@PYTHONPATH=src:. $(PYTHON) -m benchmarks.backfill
	@PYTHONPATH=src:. $(PYTHON) -m benchmarks.sync
	@PYTHONPATH=src:. FULL=$(FULL) $(PYTHON) -m benchmarks.growth

.PHONY: peers
peers: .venv/ok node_modules/ok .peers/ok ## Ours beside better-auth, dj-stripe, the usual Lambda and the usual Action, on the same work
	@cp benchmarks/peers/better_auth/sign_up.mjs .peers/better_auth/
	@PYTHONPATH=src:. $(PYTHON) -m benchmarks.compare_peers

.PHONY: contract
contract: .venv/ok node_modules/ok ## Ask what the tests take for facts, or Stripe and Auth0 themselves (docs/stand-ins.md)
	$(PYTHON) -m pytest tests/contract -rx $(if $(STRIPE_TEST_KEY)$(AUTH0_DOMAIN),--allow-hosts=127.0.0.1$(comma)api.stripe.com$(comma)$(AUTH0_DOMAIN))

comma := ,

.PHONY: lint
lint: .venv/ok node_modules/ok .tools/sam/ok .tools/checkov/ok ## Check style, types, layers and the templates
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	PYTHONPATH=src .venv/bin/lint-imports
	npm run --silent lint
	.venv/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	.venv/bin/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/idea.yml
	.venv/bin/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	.venv/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	.tools/sam/bin/cfn-lint template.yaml edge.yaml
	AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint
	AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint --template edge.yaml
	.tools/checkov/bin/checkov --file template.yaml --file edge.yaml --framework cloudformation --skip-download --compact --quiet

.PHONY: audit
audit: .venv/ok .tools/audit/ok ## Look every dependency up in the lists of vulnerabilities, where those can be had
	@$(PYTHON) tools/audit.py

.PHONY: build
build: .tools/sam/ok .tools/audit/ok ## Build the artifact for AWS (ARCHITECTURE=arm64 or x86_64)
	ARCHITECTURE=$(ARCHITECTURE) $(SAM) build --build-dir $(BUILD)
	@# What was built is what a deployment and a local run take by default.
	@sed -i.bak '/^  Architecture:$$/,/Default:/s/Default: .*/Default: $(ARCHITECTURE)/' $(BUILD)/template.yaml && rm $(BUILD)/template.yaml.bak
	@$(PYTHON) tools/artifact_summary.py $(BUILD)
	@mkdir -p .aws-sam/sbom
	@for each in sign-up functions cli; do \
	  .tools/audit/bin/cyclonedx-py requirements requirements/$$each.txt --output-reproducible --output-file .aws-sam/sbom/$$each.cdx.json; done

.PHONY: build-host
build-host: ## Build the artifact for this machine, for the tests
	@$(MAKE) --no-print-directory build ARCHITECTURE=$(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)

# The command line's address and its README's links; a build of nobody's repository has neither.
export REPOSITORY_URL ?=
.PHONY: release
release: .venv/ok ## Build a release into dist/ (REPOSITORY_URL=…): docs/releasing.md
	@$(MAKE) --no-print-directory build ARCHITECTURE=arm64 BUILD=.aws-sam/release/arm64
	@$(MAKE) --no-print-directory build ARCHITECTURE=x86_64 BUILD=.aws-sam/release/x86_64
	@$(PYTHON) tools/release.py $(if $(TAG),--tag $(TAG))

# Called by `sam build` (BuildMethod: makefile), for each function of the template.
build-%Function: $(UV) .venv/ok
	$(UV) pip install --quiet --python $(PYTHON) --target "$(ARTIFACTS_DIR)" --require-hashes --no-deps \
	  --only-binary :all: --no-compile --python-version 3.13 --python-platform $(PLATFORM) -r requirements/$(if $(filter $*,Customers VerifyEmail Backfill),functions,sign-up).txt
	cp -R src/customerlink "$(ARTIFACTS_DIR)/"
	$(PYTHON) tools/build_artifact.py $*Function "$(ARTIFACTS_DIR)"

.PHONY: actions
actions: ## Build src/actions/dist/ anew, each Action as one file
	node tools/build_actions.js

.PHONY: events
events: .venv/ok ## Write events/ anew
	$(PYTHON) tools/make_events.py

.PHONY: queries
queries: .venv/ok ## Write tools/queries.toml into template.yaml and docs/operations.md anew
	$(PYTHON) tools/make_queries.py

.PHONY: cli-docs
cli-docs: .venv/ok ## Write docs/cli.md's help texts and docs/cli.svg anew
	$(PYTHON) tools/make_cli_docs.py
	$(PYTHON) tools/record_cli.py

.PHONY: pictures
pictures: .venv/ok node_modules/ok ## Take the playground's pictures anew
	@PYTHONPATH=src:. $(PYTHON) tools/make_pictures.py

.PHONY: lock
lock: $(UV) ## Pin what pyproject.toml asks for (UPGRADE=--upgrade: the newest versions)
	$(COMPILE) --group sign-up -o requirements/sign-up.txt
	$(COMPILE) -c requirements/sign-up.txt --group functions -o requirements/functions.txt
	$(COMPILE) -c requirements/functions.txt --group dev -o requirements/dev.txt pyproject.toml
	$(COMPILE) -c requirements/dev.txt -o requirements/cli.txt pyproject.toml
	$(COMPILE) --group sam -o requirements/sam.txt
	$(COMPILE) --group checkov -o requirements/checkov.txt
	$(COMPILE) --group audit -o requirements/audit.txt
	$(COMPILE) --group lambda-runtime -o requirements/lambda-runtime.txt
	$(COMPILE) --group uv -o requirements/uv.txt
	$(COMPILE) -o benchmarks/peers/dj_stripe/requirements.txt benchmarks/peers/dj_stripe/requirements.in
	npm install --package-lock-only
	npm install --package-lock-only --omit-lockfile-registry-resolved --prefix benchmarks/peers/better_auth

COMPILE = $(UV) pip compile --quiet $(UPGRADE) --universal --python-version 3.13 --generate-hashes \
  --no-annotate --custom-compile-command "make lock"

.PHONY: clean
clean: ## Remove everything that was installed or built
	rm -rf .venv .tools .peers .aws-sam node_modules .coverage .hypothesis .*_cache

$(UV): requirements/uv.txt
	@test -n "$(PYTHON313)" || { echo "Python 3.13 is needed: neither on the PATH nor under pyenv" >&2; exit 1; }
	"$(PYTHON313)" -m venv .tools/uv
	.tools/uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

.venv/ok: $(UV) requirements/dev.txt pyproject.toml
	$(UV) venv --quiet --allow-existing --python "$(PYTHON313)" .venv
	$(UV) pip sync --quiet --python $(PYTHON) --require-hashes requirements/dev.txt
	@# The command line, of this folder's source: built by the pinned hatchling, with nothing fetched.
	$(UV) pip install --quiet --python $(PYTHON) --offline --no-deps --no-build-isolation --editable .
	@touch $@

.tools/sam/ok: $(UV) requirements/sam.txt
	$(UV) venv --quiet --allow-existing --python "$(PYTHON313)" .tools/sam
	$(UV) pip sync --quiet --python .tools/sam/bin/python --require-hashes requirements/sam.txt
	@touch $@

.tools/checkov/ok: $(UV) requirements/checkov.txt
	$(UV) venv --quiet --allow-existing --python "$(PYTHON313)" .tools/checkov
	$(UV) pip sync --quiet --python .tools/checkov/bin/python --require-hashes requirements/checkov.txt
	@touch $@

.tools/audit/ok: $(UV) requirements/audit.txt
	$(UV) venv --quiet --allow-existing --python "$(PYTHON313)" .tools/audit
	$(UV) pip sync --quiet --python .tools/audit/bin/python --require-hashes requirements/audit.txt
	@touch $@

.tools/runtime/ok: $(UV) requirements/lambda-runtime.txt
	$(UV) venv --quiet --allow-existing --python "$(PYTHON313)" .tools/runtime
	$(UV) pip sync --quiet --python .tools/runtime/bin/python --require-hashes requirements/lambda-runtime.txt
	@touch $@

node_modules/ok: package-lock.json
	npm ci --silent
	@touch $@

# What the shop's page runs takes seconds, all that the tests need a minute.
node_modules/sdk-ok: package-lock.json
	@[ -f node_modules/ok ] || npm ci --silent --omit=dev
	@touch $@

.peers/ok: $(UV) benchmarks/peers/better_auth/package-lock.json benchmarks/peers/dj_stripe/requirements.txt
	mkdir -p .peers/better_auth
	cp benchmarks/peers/better_auth/package*.json .peers/better_auth/
	npm ci --silent --prefix .peers/better_auth
	$(UV) venv --quiet --allow-existing --python "$(PYTHON313)" .peers/dj_stripe
	$(UV) pip sync --quiet --python .peers/dj_stripe/bin/python --require-hashes benchmarks/peers/dj_stripe/requirements.txt
	@touch $@
