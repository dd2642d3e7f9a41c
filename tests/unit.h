/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Unit tests: TEST(name) { ... } registers a case with cmocka; tests/unit-main.c runs all
 * cases of a program and prints TAP. Use cmocka's assert_*() inside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void unit_register(const char *name, CMUnitTestFunction fn);

#define TEST(name)                                                              \
	static void test_##name(void **state);                                  \
	__attribute__((constructor)) static void register_##name(void)         \
	{                                                                       \
		unit_register(#name, test_##name);                              \
	}                                                                       \
	static void test_##name(__attribute__((unused)) void **state)

/* A fresh scratch directory, removed at exit; aborts the test when it can't be made. */
const char *unit_scratch(void);
