/* SPDX-License-Identifier: Apache-2.0 */
/* prune of each kind, and of the system. */

#include <inttypes.h>
#include <stdio.h>

#include "cli/commands.h"
#include "cli/engine.h"
#include "cli/human.h"
#include "cli/table.h"

struct kind {
	const char *target;  /* POST there */
	const char *deleted; /* member that lists what went */
	const char *title;
	bool space; /* tells SpaceReclaimed */
};

static const struct kind containers = { "/containers/prune", "ContainersDeleted",
	                                "Deleted Containers:", true };
static const struct kind images = { "/images/prune", "ImagesDeleted", "Deleted Images:", true };
static const struct kind volumes = { "/volumes/prune", "VolumesDeleted", "Deleted Volumes:", true };
static const struct kind networks = { "/networks/prune", "NetworksDeleted",
	                              "Deleted Networks:", false };
static const struct kind cache = { "/build/prune", "CachesDeleted",
	                           "Deleted build cache objects:", true };

static void print_deleted(const json_t *one)
{
	if (json_is_string(one))
		printf("%s\n", json_string_value(one));
	else if (*item_string(one, "Untagged"))
		printf("untagged: %s\n", item_string(one, "Untagged"));
	else if (*item_string(one, "Deleted"))
		printf("deleted: %s\n", item_string(one, "Deleted"));
}

/* Prunes one kind; adds what it freed. */
static int prune_kind(struct cli *cli, const struct kind *kind, const struct strv *filters,
                      bool all, int64_t *freed, struct error *err)
{
	AUTO_STRBUF target = { 0 };
	AUTO_STRV with = { 0 };
	CLEANUP(json_decref_ptr) json_t *answer = NULL;
	const json_t *one;
	size_t i;

	strv_copy(&with, filters);
	if (kind == &images)
		strv_printf(&with, "dangling=%s", all ? "false" : "true");
	if (kind == &volumes && all)
		strv_add(&with, "all=1");
	strbuf_puts(&target, kind->target);
	target_filters(&target, &with);
	if (kind == &cache)
		target_flag(&target, "all", all);
	answer = engine_json(cli, "POST", strbuf_cstr(&target), NULL, err);
	if (!answer)
		return error_errno(err);
	if (json_array_size(item_at(answer, kind->deleted))) {
		printf("%s\n", kind->title);
		json_array_foreach (item_at(answer, kind->deleted), i, one)
			print_deleted(one);
		printf("\n");
	}
	*freed += item_int(answer, "SpaceReclaimed");
	return 0;
}

static void print_freed(int64_t freed)
{
	AUTO_STRBUF text = { 0 };

	human_size((double)freed, 4, &text);
	printf("Total reclaimed space: %s\n", strbuf_cstr(&text));
}

static int prune_one(struct cli *cli, const struct kind *kind, bool all, const char *warning,
                     struct error *err)
{
	int64_t freed = 0;

	if (!opt_bool(cli, "force")) {
		AUTO_FREE char *question =
			xasprintf("WARNING! %s\nAre you sure you want to continue?", warning);

		if (!cli_confirm(question))
			return error_set(err, ERROR_CANCELLED, "nothing was removed");
	}
	if (prune_kind(cli, kind, opt_list(cli, "filter"), all, &freed, err) < 0)
		return error_errno(err);
	if (kind->space)
		print_freed(freed);
	return 0;
}

static int prune_containers(struct cli *cli, struct error *err)
{
	return prune_one(cli, &containers, false, "This will remove all stopped containers.", err);
}

static int prune_images(struct cli *cli, struct error *err)
{
	bool all = opt_bool(cli, "all");

	return prune_one(
		cli, &images, all,
		all ? "This will remove all images without at least one container associated to them."
		    : "This will remove all dangling images.",
		err);
}

static int prune_volumes(struct cli *cli, struct error *err)
{
	return prune_one(cli, &volumes, opt_bool(cli, "all"),
	                 "This will remove local volumes not used by at least one container.", err);
}

static int prune_networks(struct cli *cli, struct error *err)
{
	return prune_one(cli, &networks, false,
	                 "This will remove all custom networks not used by at least one container.",
	                 err);
}

static int prune_cache(struct cli *cli, struct error *err)
{
	bool all = opt_bool(cli, "all");

	return prune_one(cli, &cache, all,
	                 all ? "This will remove all build cache."
	                     : "This will remove all dangling build cache.",
	                 err);
}

static int prune_system(struct cli *cli, struct error *err)
{
	const struct strv *filters = opt_list(cli, "filter");
	bool all = opt_bool(cli, "all"), with_volumes = opt_bool(cli, "volumes");
	int64_t freed = 0;

	if (!opt_bool(cli, "force")) {
		AUTO_FREE char *question = xasprintf(
			"WARNING! This will remove:\n  - all stopped containers\n"
			"  - all networks not used by at least one container\n%s%s"
			"  - %s build cache\n\nAre you sure you want to continue?",
			with_volumes
				? "  - all anonymous volumes not used by at least one container\n"
				: "",
			all ? "  - all images without at least one container associated to them\n"
			    : "  - all dangling images\n",
			all ? "all" : "unused");

		if (!cli_confirm(question))
			return error_set(err, ERROR_CANCELLED, "nothing was removed");
	}
	if (prune_kind(cli, &containers, filters, all, &freed, err) < 0 ||
	    prune_kind(cli, &networks, filters, all, &freed, err) < 0 ||
	    (with_volumes && prune_kind(cli, &volumes, filters, false, &freed, err) < 0) ||
	    prune_kind(cli, &images, filters, all, &freed, err) < 0)
		return error_errno(err);
	if (prune_kind(cli, &cache, filters, all, &freed, err) < 0) {
		if (err->kind != ERROR_NOT_IMPLEMENTED && err->kind != ERROR_NOT_FOUND)
			return error_errno(err);
		error_clear(err);
	}
	print_freed(freed);
	return 0;
}

/* clang-format off */
#define FORCE_AND_FILTER \
	{ "filter", 0, OPTION_FILTER, "Only those that match, as until=24h or label=key" }, \
	{ "force", 'f', OPTION_BOOL, "Don't ask" }
static const struct cli_option plain_options[] = { FORCE_AND_FILTER, { NULL } };
static const struct cli_option image_options[] = {
	{ "all", 'a', OPTION_BOOL, "All unused images, not only untagged ones" }, FORCE_AND_FILTER, { NULL } };
static const struct cli_option volume_options[] = {
	{ "all", 'a', OPTION_BOOL, "All unused volumes, not only anonymous ones" }, FORCE_AND_FILTER, { NULL } };
static const struct cli_option system_options[] = {
	{ "all", 'a', OPTION_BOOL, "All unused images, not only untagged ones" }, FORCE_AND_FILTER,
	{ "volumes", 0, OPTION_BOOL, "Anonymous volumes too" }, { NULL } };
/* clang-format on */

const struct cli_command command_container_prune = {
	.name = "prune",
	.brief = "Remove all stopped containers",
	.options = plain_options,
	.run = prune_containers,
};
const struct cli_command command_image_prune = {
	.name = "prune",
	.brief = "Remove unused images",
	.options = image_options,
	.run = prune_images,
};
const struct cli_command command_volume_prune = {
	.name = "prune",
	.brief = "Remove unused volumes",
	.options = volume_options,
	.run = prune_volumes,
};
const struct cli_command command_network_prune = {
	.name = "prune",
	.brief = "Remove unused networks",
	.options = plain_options,
	.run = prune_networks,
};
const struct cli_command command_system_prune = {
	.name = "prune",
	.brief = "Remove what is unused",
	.options = system_options,
	.run = prune_system,
};
const struct cli_command command_builder_prune = {
	.name = "prune",
	.brief = "Remove build cache",
	.options = image_options,
	.run = prune_cache,
};
