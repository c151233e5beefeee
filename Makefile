# The everyday doors. All work is done by CMake presets (CMakePresets.json) and tools/deps.
#
#   make demo      installs what is missing, builds, searches on real images, writes out/demo/report.html
#   make test      installs what is missing, builds, runs every test
#
# NETWRIGHT_TORCH=.../site-packages/torch uses a torch that you have; JOBS=n limits parallel compilers.
SHELL := /bin/bash
PREFIX ?= /usr/local
DEMO ?= out/demo
export NETWRIGHT_TORCH
export OMP_WAIT_POLICY ?= passive

# A compiler on libtorch's headers takes up to 1.5 GB.
JOBS ?= $(shell awk -v cores=$$(nproc) '/MemAvailable/ {m = int($$2 / 1500000)} END {print m < 1 ? 1 : m < cores ? m : cores}' /proc/meminfo)

.DEFAULT_GOAL := build
.PHONY: help deps build test demo bench bench-rivals sanitize sanitize-kernels install matrix clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

deps:  ## install Debian packages (as root or with sudo; otherwise print the line) and the project's .venv
	@tools/deps

build: deps  ## build everything into build/, programs into build/bin
	@tools/configure release
	@cmake --build --preset release --parallel $(JOBS)

test: build  ## run every test
	@ctest --preset release

demo: build  ## search, retrain and export on Fashion-MNIST
	@rm -rf $(DEMO)
	build/bin/netwright search examples/demo.yaml --out $(DEMO)
	@echo "report: $(CURDIR)/$(DEMO)/report.html"

bench: deps  ## build the benchmarks and run them
	@tools/configure bench
	@cmake --build --preset bench --parallel $(JOBS)
	@bench/run build/bench/bin

bench-rivals: deps  ## build the benchmarks, install the complete PyTorch, and time training steps of both
	@tools/configure bench
	@cmake --build --preset bench --parallel $(JOBS)
	@bench/rivals/run build/bench/bin

sanitize: deps  ## build the rooms without torch under ASan and UBSan and run their tests
	@tools/configure sanitize
	@cmake --build --preset sanitize --parallel $(JOBS)
	@ctest --preset sanitize

sanitize-kernels: deps  ## the same for the fused kernels (four minutes)
	@tools/configure sanitize-kernels
	@cmake --build --preset sanitize-kernels --parallel $(JOBS)
	@ctest --preset sanitize-kernels

matrix: build  ## which spaces, strategies and evaluators go together, and every such pair run at smoke size (hours)
	@build/bin/netwright matrix
	@python3 tests/matrix.py build/bin/netwright . --all

install: build  ## install into PREFIX (/usr/local)
	@cmake --install build --prefix $(PREFIX)

clean:  ## remove what was built (the project's .venv stays)
	rm -rf build out
