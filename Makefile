# SPDX-License-Identifier: Apache-2.0
# A few words for meson. Programs end up in build/bin/.
BUILD ?= build
MESON ?= meson

.PHONY: all demo test check check-asan check-tsan lint fuzz bench image install clean
all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@./setup build
	@$(MESON) setup $(BUILD) >/dev/null

build-asan/build.ninja:
	@$(MESON) setup build-asan --native-file meson/asan.ini >/dev/null

build-tsan/build.ninja:
	@$(MESON) setup build-tsan --native-file meson/tsan.ini >/dev/null

# all there is: unit tests under the sanitizers, then the built programs with real clients
test:
	@./setup
	@tests/run

check-asan: build-asan/build.ninja
	@ninja -C build-asan
	@$(MESON) test -C build-asan --suite unit --print-errorlogs

check-tsan: build-tsan/build.ninja
	@ninja -C build-tsan
	@$(MESON) test -C build-tsan --suite unit --print-errorlogs

demo:
	@./setup
	@$(MAKE) --no-print-directory all
	@tests/demo

lint:
	@tests/lint

image: all
	@tests/make-image registry $(BUILD)/registry-image.tar

fuzz:
	@tests/fuzz/run

bench: all
	@bench/run

install: all
	@DESTDIR=$(DESTDIR) $(MESON) install -C $(BUILD)

clean:
	rm -rf build build-asan build-tsan build-fuzz
