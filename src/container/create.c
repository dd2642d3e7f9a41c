/* SPDX-License-Identifier: Apache-2.0 */
/* Making a container: the request and its image become one configuration, a directory and a row. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/time.h"
#include "container/container-internal.h"

static void take_or_default(char **to, const char *value)
{
	if (str_empty_or_null(*to) && !str_empty_or_null(value)) {
		free(*to);
		*to = xstrdup(value);
	}
}

/* An entrypoint in the request drops the image's command; [""] says that there shall be none. */
static void merge_command(struct container_config *c, const struct image_run_config *i)
{
	if (c->entrypoint.len == 0) {
		if (c->cmd.len == 0) {
			strv_copy(&c->cmd, &i->cmd);
			c->args_escaped = i->args_escaped;
		}
		strv_copy(&c->entrypoint, &i->entrypoint);
	} else if (c->entrypoint.len == 1 && !*c->entrypoint.ptr[0]) {
		strv_done(&c->entrypoint);
	}
}

static void merge_environment(struct container_config *c, const struct image_run_config *i)
{
	for (size_t k = 0; k < i->env.len; k++) {
		AUTO_FREE char *key = xstrndup(i->env.ptr[k], strcspn(i->env.ptr[k], "="));

		if (!strv_env_get(&c->env, key))
			strv_add(&c->env, i->env.ptr[k]);
	}
}

static void merge_health(struct container_config *c, const struct image_run_config *i)
{
	if (!i->healthcheck)
		return;
	if (!c->healthcheck) {
		c->healthcheck = NEW(struct healthcheck);
		json_fields_copy(healthcheck_fields, i->healthcheck, c->healthcheck);
		return;
	}
	if (!c->healthcheck->test.len)
		strv_copy(&c->healthcheck->test, &i->healthcheck->test);
	if (!c->healthcheck->interval)
		c->healthcheck->interval = i->healthcheck->interval;
	if (!c->healthcheck->timeout)
		c->healthcheck->timeout = i->healthcheck->timeout;
	if (!c->healthcheck->start_period)
		c->healthcheck->start_period = i->healthcheck->start_period;
	if (!c->healthcheck->start_interval)
		c->healthcheck->start_interval = i->healthcheck->start_interval;
	if (!c->healthcheck->retries)
		c->healthcheck->retries = i->healthcheck->retries;
}

static void add_missing(struct strv *to, const struct strv *from)
{
	for (size_t i = 0; i < from->len; i++)
		if (!strv_has(to, from->ptr[i]))
			strv_add(to, from->ptr[i]);
}

static int merge_image(struct container_config *c, const struct image_run_config *i,
                       struct error *err)
{
	take_or_default(&c->user, i->user);
	take_or_default(&c->working_dir, i->working_dir);
	take_or_default(&c->stop_signal, i->stop_signal);
	merge_command(c, i);
	merge_environment(c, i);
	merge_health(c, i);
	add_missing(&c->exposed_ports, &i->exposed_ports);
	add_missing(&c->volumes, &i->volumes);
	if (!c->shell.len)
		strv_copy(&c->shell, &i->shell);
	vec_for_each (&i->labels, l)
		if (!strmap_get(&c->labels, l->key))
			strmap_set(&c->labels, l->key, l->value);
	if (c->entrypoint.len + c->cmd.len == 0)
		return error_set(err, ERROR_INVALID, "no command specified");
	return 0;
}

static void set_command(struct container_info *i)
{
	AUTO_STRV all = { 0 };

	strv_copy(&all, &i->config.entrypoint);
	strv_copy(&all, &i->config.cmd);
	i->path = xstrdup(all.ptr[0]);
	for (size_t k = 1; k < all.len; k++)
		strv_add(&i->args, all.ptr[k]);
}

static void set_defaults(struct container *c)
{
	struct container_info *i = &c->info;
	struct host_config *h = &i->host_config;

	if (str_empty_or_null(h->network_mode) || streq(h->network_mode, "default")) {
		free(h->network_mode);
		h->network_mode = xstrdup(i->config.network_disabled ? "none" : "bridge");
	}
	take_or_default(&h->log_config.type,
	                c->cs->default_log.type ? c->cs->default_log.type : "json-file");
	if (!h->log_config.config.len)
		strmap_copy(&h->log_config.config, &c->cs->default_log.config);
	take_or_default(&h->restart_policy.name, "no");
	take_or_default(&h->ipc_mode, "private");
	take_or_default(&h->cgroupns_mode, "host");
	take_or_default(&h->runtime, c->cs->default_runtime);
	if (!h->shm_size)
		h->shm_size = c->cs->default_shm_size ? c->cs->default_shm_size : 64 << 20;
	if (streq(h->network_mode, "host")) {
		char name[256] = "";

		gethostname(name, sizeof(name) - 1);
		take_or_default(&i->config.hostname, name);
	} else if (!str_skip_prefix(h->network_mode, "container:") &&
	           !streq_null(h->uts_mode, "host")) {
		AUTO_FREE char *shorter = xstrndup(i->id, 12);

		take_or_default(&i->config.hostname, shorter);
	}
	if (h->privileged || strv_has(&h->security_opt, "systempaths=unconfined"))
		return;
	if (!h->masked_paths.ptr)
		runtime_default_masked_paths(&h->masked_paths);
	if (!h->readonly_paths.ptr)
		runtime_default_readonly_paths(&h->readonly_paths);
}

static void set_paths(struct container *c)
{
	struct container_info *i = &c->info;
	AUTO_FREE char *dir = container_directory(c);

	i->runtime = xstrdup(i->host_config.runtime);
	i->upper_path = xasprintf("%s/upper", dir);
	i->merged_path = xasprintf("%s/merged", dir);
	i->hostname_path = xasprintf("%s/hostname", dir);
	i->hosts_path = xasprintf("%s/hosts", dir);
	i->resolv_conf_path = xasprintf("%s/resolv.conf", dir);
	if (!streq(i->host_config.log_config.type, "none"))
		i->log_path = xasprintf("%s/%s-json.log", dir, i->id);
}

int container_snapshot(struct container *c, struct snapshot_mount *ret, char **ret_directory,
                       struct digest *chain, struct error *err)
{
	struct digest id;
	CLEANUP(image_free_ptr) struct image *image = NULL;
	int r;

	*ret_directory = container_directory(c);
	*ret = (struct snapshot_mount){ .directory = *ret_directory };
	if (str_empty_or_null(c->info.image_id))
		return 0;
	r = digest_parse_error(c->info.image_id, &id, err);
	if (r >= 0)
		r = image_get_by_id(c->cs->images, &id, &image, err);
	if (r < 0)
		return r;
	*chain = image->chain_id;
	if (digest_is_set(chain))
		ret->chain_id = chain;
	return 0;
}

static int make_directory(struct container *c, struct error *err)
{
	AUTO_FREE char *dir = NULL;
	struct digest chain = { 0 };
	struct snapshot_mount m;
	int r = container_snapshot(c, &m, &dir, &chain, err);

	if (r < 0)
		return r;
	r = mkdir_parents(AT_FDCWD, dir, 0710);
	if (r < 0)
		return error_set_errno(err, -r, "cannot make %s", dir);
	return snapshot_prepare(c->cs->snapshots, &m, err);
}

static void remove_directory(struct container *c)
{
	AUTO_FREE char *dir = container_directory(c);

	IGNORE_RESULT(remove_tree(AT_FDCWD, dir) < 0, "what is left is removed at the next start");
}

/* A made-up name may be taken: then another. */
static int insert(struct containers *cs, struct container *c, const char *name, struct error *err)
{
	if (name)
		return container_insert(cs, c, err);
	for (int i = 0; i < 100; i++) {
		char made_up[80];
		int r;

		container_make_name(made_up, sizeof(made_up));
		free(c->info.name);
		c->info.name = i < 20 ? xstrdup(made_up) : xasprintf("%s%d", made_up, i);
		r = container_insert(cs, c, err);
		if (r >= 0 || err->kind != ERROR_CONFLICT)
			return r;
	}
	return error_errno(err);
}

static void release_volumes(struct container *c)
{
	vec_for_each (&c->info.mounts, m) {
		struct error err = { 0 };

		if (m->name)
			IGNORE_RESULT(
				volume_unreference(c->cs->volumes, m->name, c->info.id, &err) < 0,
				"it never was");
	}
}

static int fill(struct containers *cs, struct container *c,
                struct container_create_request *request, const struct image *image,
                struct error *err)
{
	struct container_info *i = &c->info;
	char id[65], digest[DIGEST_TEXT_MAX];
	int r;

	random_hex(id, 32);
	i->id = xstrdup(id);
	i->created = time_now();
	i->config = request->config;
	i->host_config = request->host_config;
	i->endpoints = request->endpoints;
	*request = (struct container_create_request){ 0 };
	i->image_id = xstrdup(digest_format(&image->id, digest));
	i->image_name = xstrdup(i->config.image);
	r = merge_image(&i->config, &image->config.config, err);
	if (r < 0)
		return r;
	set_defaults(c);
	set_paths(c);
	set_command(i);
	return container_network_plan(c, err);
}

static int find_image(struct containers *cs, const struct container_create_request *request,
                      const struct platform *platform, struct image **ret, struct strv *warnings,
                      struct error *err)
{
	const char *name = request->config.image;
	int r;

	if (str_empty_or_null(name))
		return error_set(err, ERROR_INVALID, "no image specified");
	r = image_get(cs->images, name, ret, err);
	if (r < 0)
		return r;
	if (platform && platform->architecture && (*ret)->config.architecture &&
	    !streq(platform->architecture, (*ret)->config.architecture))
		return error_set(
			err, ERROR_NOT_FOUND,
			"image with reference %s was found but does not provide the specified platform (%s/%s)",
			name, platform->os ? platform->os : "linux", platform->architecture);
	return 0;
}

int container_create(struct containers *cs, const char *name, const struct platform *platform,
                     struct container_create_request *request, struct strv *warnings, char **ret_id,
                     struct error *err)
{
	CLEANUP(image_free_ptr) struct image *image = NULL;
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	AUTO_STRV image_volumes = { 0 };
	int r = 0;

	if (str_empty_or_null(name))
		name = NULL;
	else if (*name == '/')
		name++;
	if (name)
		r = container_check_name(name, err);
	if (r >= 0)
		r = container_validate(cs, request, warnings, err);
	if (r >= 0)
		r = find_image(cs, request, platform, &image, warnings, err);
	if (r < 0)
		return r;
	c = container_new(cs);
	c->info.name = name ? xstrdup(name) : NULL;
	r = fill(cs, c, request, image, err);
	if (r < 0)
		return r;
	r = insert(cs, c, name, err);
	if (r < 0)
		return r;
	r = make_directory(c, err);
	if (r >= 0)
		r = container_plan_mounts(c, &image->config.config.volumes, err);
	/* one that goes with its end needs not survive a power cut */
	if (r >= 0)
		r = container_save(c, c->info.host_config.auto_remove ? DB_RELAXED : DB_DURABLE,
		                   err);
	if (r < 0) {
		release_volumes(c);
		remove_directory(c);
		container_forget(c);
		return r;
	}
	*ret_id = xstrdup(c->info.id);
	container_event(c, "create", NULL, NULL);
	return 0;
}
