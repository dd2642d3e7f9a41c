/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include "unit.h"

/* exec wants mutable pointers, and never writes through them */
#define ARG(literal) ((char *)(uintptr_t)(literal))

TEST(runs_and_collects)
{
	char *argv[] = { ARG("sh"), ARG("-c"), ARG("echo out; echo err >&2; exit 3"), NULL };
	struct spawn_options o = { .path = "sh", .argv = argv, .stdio = { -1, -1, -1 } };
	AUTO_STRBUF out = { 0 };
	struct error err = { 0 };

	assert_int_equal(process_run(&o, 1000, &out, &err), 3);
	assert_string_equal(strbuf_cstr(&out), "out\nerr\n");
}

TEST(missing_program_is_an_error)
{
	char *argv[] = { ARG("/nonexistent/x"), NULL };
	struct spawn_options o = { .path = argv[0], .argv = argv, .stdio = { -1, -1, -1 } };
	struct error err = { 0 };
	pid_t pid;

	assert_true(process_spawn(&o, &pid, NULL, &err) < 0);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

TEST(passes_descriptors_in_order)
{
	char *argv[] = { ARG("sh"), ARG("-c"), ARG("echo three >&3; echo four >&4"), NULL };
	int a[2], b[2];
	char buf[16] = { 0 };
	struct error err = { 0 };
	pid_t pid;

	assert_int_equal(pipe(a), 0);
	assert_int_equal(pipe(b), 0);
	int keep[] = { b[1], a[1] };
	struct spawn_options o = { .path = "sh",
		                   .argv = argv,
		                   .stdio = { -1, -1, -1 },
		                   .keep_fds = keep,
		                   .n_keep_fds = 2 };
	assert_int_equal(process_spawn(&o, &pid, NULL, &err), 0);
	assert_int_equal(process_wait(pid), 0);
	assert_true(read(b[0], buf, sizeof(buf)) == 6);
	assert_memory_equal(buf, "three\n", 6);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
}

TEST(start_time)
{
	uint64_t t = 0;

	assert_int_equal(process_start_time(getpid(), &t), 0);
	assert_true(t > 0);
}
