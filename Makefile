# SPDX-License-Identifier: Apache-2.0
# A short front to meson and ninja; everything it does can be done with them directly.

MESON ?= meson
PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 600
ARGS ?=
PYTHON := /usr/bin/python3

.DEFAULT_GOAL := build
.PHONY: build run test format lint bench fuzz docs install clean dependencies-run dependencies-test \
	dependencies-bench

# Without the tests, so that a first build is quick and needs few packages. Optimised over all files
# at once: it takes a twentieth off what an event costs.
build: build/build.ninja
	@$(MESON) compile -C build -j $(JOBS)
	@ln -sf build/compile_commands.json compile_commands.json

build/build.ninja:
	$(MESON) setup build --prefix=$(PREFIX) --sysconfdir=/etc -Dtests=false -Db_lto=true

# The live monitor with the project's own rules; ARGS adds flags: make run ARGS="-o json_output=true"
run: dependencies-run
	@$(MAKE) --no-print-directory build
	build/saker -c config/saker.yaml -r rules $(ARGS)

test: dependencies-test
	@$(PYTHON) tests/run $(ARGS)

dependencies-run:
	@tools/install-dependencies run

dependencies-test:
	@tools/install-dependencies test

dependencies-bench:
	@tools/install-dependencies bench

SOURCES = $(shell git ls-files --cached --others --exclude-standard 'src/*.[ch]' 'tests/*.[ch]' 'fuzz/*.[ch]' 'bench/*.[ch]')

format:
	clang-format -i $(SOURCES)

lint: build-lint/build.ninja
	@$(MESON) compile -C build-lint -j $(JOBS)
	clang-format --dry-run -Werror $(SOURCES)
	$(PYTHON) tools/lint build-lint

build-lint/build.ninja:
	CC=clang CXX=clang++ $(MESON) setup build-lint

# All benchmarks, or those named in ARGS (calls work start engine replay outputs audit reload); the
# first three and the last need root. `make dependencies-bench` installs the servers of `work`.
bench: build-bench/build.ninja
	@$(MESON) compile -C build-bench -j $(JOBS)
	@bench/run build-bench $(ARGS)

build-bench/build.ninja:
	$(MESON) setup build-bench -Dtests=false -Dbench=true --buildtype=release -Ddebug=true \
		-Db_lto=true

# Every fuzz target for FUZZ_SECONDS; make fuzz ARGS=fuzz_condition runs one.
fuzz: dependencies-test
	@$(PYTHON) tests/run --suite fuzz --fuzz-seconds $(FUZZ_SECONDS) $(if $(ARGS),--only $(ARGS))

# Pages that are made from the program's own tables.
docs: build
	$(PYTHON) tools/generate-docs build/saker docs/reference

install: build
	DESTDIR=$(DESTDIR) $(MESON) install -C build --no-rebuild

clean:
	rm -rf build build-*
