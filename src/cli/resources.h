/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Limits of a container, which run, create and update share: options and their JSON. */
#include "cli/cli.h"
#include "json/writer.h"

/* The rows of an option table; initial values differ nowhere. */
/* clang-format off */
#define RESOURCE_OPTIONS \
	{ "blkio-weight", 0, OPTION_UINT, "Block IO weight, 10 to 1000; 0: none", .type_name = "uint16", .initial = "0" }, \
	{ "cpu-period", 0, OPTION_INT, "Period of the CPU quota, in microseconds", .initial = "" }, \
	{ "cpu-quota", 0, OPTION_INT, "CPU time per period, in microseconds", .initial = "" }, \
	{ "cpu-rt-period", 0, OPTION_INT, "Period of real-time CPU, in microseconds" }, \
	{ "cpu-rt-runtime", 0, OPTION_INT, "Real-time CPU per period, in microseconds" }, \
	{ "cpu-shares", 'c', OPTION_INT, "CPU weight" }, \
	{ "cpus", 0, OPTION_DECIMAL, "Number of CPUs, as 1.5" }, \
	{ "cpuset-cpus", 0, OPTION_STRING, "CPUs it may use, as 0-3 or 0,1" }, \
	{ "cpuset-mems", 0, OPTION_STRING, "Memory nodes it may use" }, \
	{ "kernel-memory", 0, OPTION_BYTES, "Kernel memory limit", .flags = OPTION_HIDDEN }, \
	{ "memory", 'm', OPTION_BYTES, "Memory limit" }, \
	{ "memory-reservation", 0, OPTION_BYTES, "Soft memory limit" }, \
	{ "memory-swap", 0, OPTION_BYTES, "Limit of memory and swap together; -1: unlimited swap" }, \
	{ "pids-limit", 0, OPTION_INT, "Limit of processes; -1: none" }
/* clang-format on */

extern const struct cli_option update_options[];

/* Writes members of HostConfig (Resources) for what was given. */
int resources_write(struct cli *cli, struct json_writer *w, struct error *err) MUST_USE;
/* "RestartPolicy": {...} from --restart. */
int restart_policy_write(struct cli *cli, struct json_writer *w, struct error *err) MUST_USE;
