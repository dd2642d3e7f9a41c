/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/test-fake.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/process.h"
#include "unit.h"

struct fake_registry fake;

static void stop_fake(void)
{
	close(fake.stdin_fd);
	waitpid(fake.pid, NULL, 0);
}

void need_fake(void)
{
	int in[2], out[2];
	char line[256] = "";
	char script[] = FAKE_REGISTRY, program[] = "python3";
	struct error err = { 0 };

	if (fake.pid)
		return;
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	snprintf(fake.log, sizeof(fake.log), "%s/fake.log", unit_scratch());
	char *argv[] = { program, script, fake.log, NULL };
	struct spawn_options o = { .path = program, .argv = argv, .stdio = { in[0], out[1], 2 } };
	if (process_spawn(&o, &fake.pid, NULL, &err) < 0)
		skip();
	close(in[0]);
	close(out[1]);
	fake.stdin_fd = in[1];
	atexit(stop_fake);
	/* the line may come in pieces */
	for (size_t n = 0; n < sizeof(line) - 1 && !strchr(line, '\n'); n++)
		assert_int_equal(read(out[0], line + n, 1), 1);
	assert_int_equal(sscanf(line, "%63s %63s %63s %63s", fake.registry, fake.token, fake.evil,
	                        fake.secure),
	                 4);
	close(out[0]);
}
