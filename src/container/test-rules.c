/* SPDX-License-Identifier: Apache-2.0 */
/* Rules without a container: restart policies, signals, names, log records. */
#include <signal.h>

#include "base/time.h"
#include "container/container-internal.h"
#include "container/log-record.h"
#include "unit.h"

TEST(restart_delays)
{
	int64_t d = 0;

	d = restart_next_delay(d, 0);
	assert_int_equal(d, 100 * NSEC_PER_MSEC);
	d = restart_next_delay(d, 0);
	assert_int_equal(d, 200 * NSEC_PER_MSEC);
	for (int i = 0; i < 20; i++)
		d = restart_next_delay(d, 0);
	assert_int_equal(d, 60 * NSEC_PER_SEC);
	assert_int_equal(restart_next_delay(d, 10 * NSEC_PER_SEC), 100 * NSEC_PER_MSEC);
}

TEST(restart_policies)
{
	char always[] = "always", unless[] = "unless-stopped", failure[] = "on-failure",
	     no[] = "no";
	struct restart_policy p = { .name = always };

	assert_true(restart_wanted(&p, 0, 5, false));
	assert_false(restart_wanted(&p, 0, 5, true));
	p.name = unless;
	assert_true(restart_wanted(&p, 0, 0, false));
	p = (struct restart_policy){ failure, 2 };
	assert_false(restart_wanted(&p, 0, 0, false));
	assert_true(restart_wanted(&p, 1, 1, false));
	assert_false(restart_wanted(&p, 1, 2, false));
	p.name = no;
	assert_false(restart_wanted(&p, 1, 0, false));
}

TEST(signals)
{
	int sig;

	assert_int_equal(container_signal_parse("KILL", &sig), 0);
	assert_int_equal(sig, SIGKILL);
	assert_int_equal(container_signal_parse("sigterm", &sig), 0);
	assert_int_equal(sig, SIGTERM);
	assert_int_equal(container_signal_parse("RTMIN+3", &sig), 0);
	assert_int_equal(sig, SIGRTMIN + 3);
	assert_int_equal(container_signal_parse("9", &sig), 0);
	assert_true(container_signal_parse("0", &sig) < 0);
	assert_true(container_signal_parse("NOPE", &sig) < 0);
	assert_true(container_signal_parse("65536", &sig) < 0);
}

TEST(names)
{
	char name[80];
	struct error err = { 0 };

	container_make_name(name, sizeof(name));
	assert_int_equal(container_check_name(name, &err), 0);
	assert_true(container_check_name("../x", &err) < 0);
	assert_true(container_check_name("a", &err) < 0);
}

TEST(log_records)
{
	struct log_record r = { 0 };

	assert_int_equal(
		log_record_parse(
			STR("{\"log\":\"a\\n\\u00e9\\ud83d\\ude00\",\"stream\":\"stderr\",\"time\":"
	                    "\"2026-01-01T00:00:00.5Z\"}"),
			&r),
		0);
	assert_int_equal(r.stream, 2);
	assert_string_equal(r.text.ptr, "a\n\xc3\xa9\xf0\x9f\x98\x80");
	assert_int_equal(r.time % NSEC_PER_SEC, NSEC_PER_SEC / 2);
	assert_true(log_record_parse(STR("{\"log\":\"cut"), &r) < 0);
	assert_true(log_record_parse(STR("{\"log\":\"x\",\"stream\":\"stdout\"}"), &r) < 0);
	strbuf_done(&r.text);
}
