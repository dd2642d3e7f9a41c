/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/resources.h"

/* clang-format off */
const struct cli_option update_options[] = {
	RESOURCE_OPTIONS,
	{ "restart", 0, OPTION_STRING, "When to start it again", .complete = "no always on-failure unless-stopped" },
	{ NULL },
};

static const struct {
	const char *option, *member;
} numbers[] = {
	{ "blkio-weight", "BlkioWeight" },
	{ "cpu-period", "CpuPeriod" },
	{ "cpu-quota", "CpuQuota" },
	{ "cpu-rt-period", "CpuRealtimePeriod" },
	{ "cpu-rt-runtime", "CpuRealtimeRuntime" },
	{ "cpu-shares", "CpuShares" },
	{ "kernel-memory", "KernelMemory" },
	{ "memory", "Memory" },
	{ "memory-reservation", "MemoryReservation" },
	{ "memory-swap", "MemorySwap" },
	{ "pids-limit", "PidsLimit" },
};
/* clang-format on */

int resources_write(struct cli *cli, struct json_writer *w, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (opt_given(cli, numbers[i].option))
			jw_kv_i64(w, numbers[i].member, opt_int(cli, numbers[i].option));
	if (opt_given(cli, "cpus")) {
		double cpus = strtod(opt_string(cli, "cpus"), NULL);

		if (cpus < 0 || cpus > 1e6)
			return error_set(err, ERROR_INVALID, "invalid number of CPUs: %s",
			                 opt_string(cli, "cpus"));
		jw_kv_i64(w, "NanoCpus", (int64_t)(cpus * 1e9 + 0.5));
	}
	if (opt_given(cli, "cpuset-cpus"))
		jw_kv_string(w, "CpusetCpus", opt_string(cli, "cpuset-cpus"));
	if (opt_given(cli, "cpuset-mems"))
		jw_kv_string(w, "CpusetMems", opt_string(cli, "cpuset-mems"));
	return 0;
}

int restart_policy_write(struct cli *cli, struct json_writer *w, struct error *err)
{
	struct str rest = str_from(opt_string(cli, "restart")), name;
	uint64_t count = 0;
	AUTO_FREE char *text = NULL;

	str_cut(&rest, ':', &name);
	if (rest.ptr && !name.len)
		return error_set(err, ERROR_INVALID,
		                 "invalid restart policy format: no policy provided before colon");
	if (rest.ptr && parse_u64_str(rest, 10, &count) < 0)
		return error_set(
			err, ERROR_INVALID,
			"invalid restart policy format: maximum retry count must be an integer");
	text = xstrndup(name.ptr, name.len);
	jw_key(w, "RestartPolicy");
	jw_object(w);
	jw_kv_string(w, "Name", text);
	jw_kv_i64(w, "MaximumRetryCount", (int64_t)count);
	jw_object_end(w);
	return 0;
}
