/* SPDX-License-Identifier: Apache-2.0 */
/* Pull and push against Debian's docker-registry on a free port of the loopback. */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/process.h"
#include "base/time.h"
#include "image/test-support.h"
#include "unit.h"

static struct {
	pid_t pid;
	unsigned port;
} registry;

static void stop_registry(void)
{
	kill(registry.pid, SIGTERM);
	waitpid(registry.pid, NULL, 0);
}

static int bound_socket(unsigned port, struct sockaddr_in *ret)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*ret = (struct sockaddr_in){ .sin_family = AF_INET,
		                     .sin_port = htons((uint16_t)port),
		                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	return fd;
}

static unsigned free_port(void)
{
	struct sockaddr_in a;
	socklen_t n = sizeof(a);
	AUTO_CLOSE int fd = bound_socket(0, &a);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	return ntohs(a.sin_port);
}

static void await_registry(void)
{
	int64_t until = time_monotonic() + 20 * NSEC_PER_SEC;

	while (time_monotonic() < until) {
		struct sockaddr_in a;
		AUTO_CLOSE int fd = bound_socket(registry.port, &a);
		if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
			return;
		poll(NULL, 0, 10);
	}
	fail_msg("docker-registry does not answer");
}

static void need_registry(void)
{
	struct error err = { 0 };
	AUTO_FREE char *config = xasprintf("%s/registry.yml", unit_scratch());
	char program[] = "/usr/bin/docker-registry", serve[] = "serve";

	if (registry.pid)
		return;
	if (access(program, X_OK) < 0)
		skip();
	registry.port = free_port();
	AUTO_FREE char *text =
		xasprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
	                  "storage: {filesystem: {rootdirectory: %s/registry}}\n"
	                  "http: {addr: \"127.0.0.1:%u\"}\n",
	                  unit_scratch(), registry.port);
	expect_ok(write_file(AT_FDCWD, config, text, strlen(text), 0600, &err), &err);
	char *argv[] = { program, serve, config, NULL };
	struct spawn_options o = { .path = program, .argv = argv, .stdio = { -1, -1, -1 } };
	expect_ok(process_spawn(&o, &registry.pid, NULL, &err), &err);
	atexit(stop_registry);
	await_registry();
}

/* "127.0.0.1:<port>/<rest>" */
static struct reference there(const char *rest)
{
	AUTO_FREE char *name = xasprintf("127.0.0.1:%u/%s", registry.port, rest);
	return parse_ref(name);
}

static void tag_there(struct world *w, const char *name, const char *rest)
{
	AUTO_REFERENCE ref = there(rest);
	struct error err = { 0 };
	expect_ok(image_tag(w->images, name, &ref, &err), &err);
}

static void push(struct world *w, const char *rest)
{
	AUTO_REFERENCE ref = there(rest);
	struct error err = { 0 };
	strbuf_clear(&w->log);
	expect_ok(image_push(w->images, &ref, false, NULL, &w->job, &err), &err);
}

static void pull(struct world *w, const char *rest)
{
	AUTO_REFERENCE ref = there(rest);
	struct error err = { 0 };
	strbuf_clear(&w->log);
	expect_ok(image_pull(w->images, &ref, NULL, NULL, &w->job, &err), &err);
}

static struct image *get_there(struct world *w, const char *rest)
{
	AUTO_REFERENCE ref = there(rest);
	AUTO_FREE char *name = reference_familiar(&ref);
	struct image *i = NULL;
	struct error err = { 0 };
	expect_ok(image_get(w->images, name, &i, &err), &err);
	return i;
}

TEST(pushes_and_pulls_back)
{
	AUTO_WORLD a, b;
	char text[512];

	need_registry();
	world_open(&a);
	world_open(&b);
	struct digest id = import_image(&a, "app:1", "one");
	tag_there(&a, "app:1", "team/app:1");
	push(&a, "team/app:1");
	snprintf(text, sizeof(text), "|The push refers to repository [127.0.0.1:%u/team/app]|",
	         registry.port);
	assert_true(log_has(&a, text));
	assert_true(log_has(&a, "|Preparing|"));
	assert_true(log_has(&a, "|Pushed|"));
	assert_true(log_has(&a, "|1: digest: sha256:"));
	assert_true(log_has(&a, "{\"Tag\":\"1\",\"Digest\":\"sha256:"));
	push(&a, "team/app:1");
	assert_true(log_has(&a, "|Layer already exists|"));

	pull(&b, "team/app:1");
	assert_true(log_has(&b, "1|Pulling from team/app|"));
	assert_true(log_has(&b, "|Pulling fs layer|"));
	assert_true(log_has(&b, "|Download complete|"));
	assert_true(log_has(&b, "|Pull complete|"));
	snprintf(text, sizeof(text), "|Status: Downloaded newer image for 127.0.0.1:%u/team/app:1|",
	         registry.port);
	assert_true(log_has(&b, text));
	CLEANUP(image_free_ptr) struct image *i = get_there(&b, "team/app:1");
	CLEANUP(image_free_ptr) struct image *mine = get_there(&a, "team/app:1");
	assert_true(digest_equal(&i->id, &id));
	assert_int_equal(i->repo_digests.len, 1);
	assert_string_equal(i->repo_digests.ptr[0], mine->repo_digests.ptr[0]);
	pull(&b, "team/app:1");
	assert_true(log_has(&b, "|Status: Image is up to date for"));
}

/* What that place on the registry is called here; owned. */
static char *name_there(const char *rest)
{
	AUTO_REFERENCE ref = there(rest);
	return reference_familiar(&ref);
}

TEST(a_pulled_image_is_pushed_on_as_it_came)
{
	AUTO_WORLD a, b;

	need_registry();
	world_open(&a);
	world_open(&b);
	import_image(&a, "app:1", "two");
	tag_there(&a, "app:1", "first/app:1");
	push(&a, "first/app:1");
	pull(&b, "first/app:1");
	AUTO_FREE char *name = name_there("first/app:1");
	tag_there(&b, name, "second/app:2");
	push(&b, "second/app:2");
	assert_true(log_has(&b, "|Mounted from first/app|"));
	CLEANUP(image_free_ptr) struct image *mine = get_there(&a, "first/app:1");
	CLEANUP(image_free_ptr) struct image *i = get_there(&b, "second/app:2");
	assert_int_equal(i->repo_digests.len, 2);
	assert_string_equal(strchr(i->repo_digests.ptr[1], '@'),
	                    strchr(mine->repo_digests.ptr[0], '@'));
}

TEST(layers_that_are_here_are_not_fetched)
{
	AUTO_WORLD a, b;

	need_registry();
	world_open(&a);
	world_open(&b);
	import_image(&a, "app:1", "three");
	import_image(&b, "other", "three");
	tag_there(&a, "app:1", "third:1");
	push(&a, "third:1");
	pull(&b, "third:1");
	assert_true(log_has(&b, "|Already exists|"));
	assert_false(log_has(&b, "|Downloading|"));
}

TEST(pulls_by_digest_and_all_tags)
{
	AUTO_WORLD a, b;
	struct error err = { 0 };

	need_registry();
	world_open(&a);
	world_open(&b);
	import_image(&a, "app:1", "four");
	import_image(&a, "app:2", "five");
	tag_there(&a, "app:1", "fourth:x");
	tag_there(&a, "app:2", "fourth:y");
	AUTO_REFERENCE all = there("fourth");
	expect_ok(image_push(a.images, &all, true, NULL, &a.job, &err), &err);
	pull(&b, "fourth");
	CLEANUP(image_free_ptr) struct image *x = get_there(&b, "fourth:x");
	CLEANUP(image_free_ptr) struct image *y = get_there(&b, "fourth:y");
	assert_false(digest_equal(&x->id, &y->id));

	AUTO_WORLD c;
	world_open(&c);
	AUTO_FREE char *by_digest = xasprintf("fourth%s", strchr(x->repo_digests.ptr[0], '@'));
	pull(&c, by_digest);
	CLEANUP(image_free_ptr) struct image *z = get_there(&c, by_digest);
	assert_true(digest_equal(&x->id, &z->id));
	assert_int_equal(z->repo_tags.len, 0);
}

TEST(errors_say_what_docker_says)
{
	AUTO_WORLD w;
	struct error err = { 0 };
	char text[256];

	need_registry();
	world_open(&w);
	AUTO_REFERENCE absent = there("absent:1");
	assert_true(image_pull(w.images, &absent, NULL, NULL, &w.job, &err) < 0);
	snprintf(text, sizeof(text),
	         "manifest for 127.0.0.1:%u/absent:1 not found: manifest unknown: manifest unknown",
	         registry.port);
	assert_string_equal(err.message, text);
	assert_true(image_push(w.images, &absent, false, NULL, &w.job, &err) < 0);
	snprintf(text, sizeof(text),
	         "An image does not exist locally with the tag: 127.0.0.1:%u/absent",
	         registry.port);
	assert_string_equal(err.message, text);
}

struct puller {
	struct world *world;
	struct reference ref;
	struct error err;
	int result;
};

static void *pull_quietly(void *ctx)
{
	struct puller *p = ctx;
	p->result = image_pull(p->world->images, &p->ref, NULL, NULL, NULL, &p->err);
	return NULL;
}

TEST(many_pulls_of_one_image_at_once)
{
	enum { PULLERS = 12 };
	AUTO_WORLD a, b;
	struct puller pullers[PULLERS];
	pthread_t threads[PULLERS];
	struct error err = { 0 };

	need_registry();
	world_open(&a);
	world_open(&b);
	import_image(&a, "app:1", "six");
	tag_there(&a, "app:1", "sixth:1");
	push(&a, "sixth:1");
	for (size_t i = 0; i < PULLERS; i++) {
		pullers[i] = (struct puller){ .world = &b, .ref = there("sixth:1") };
		expect_ok(thread_start(&threads[i], pull_quietly, &pullers[i], &err), &err);
	}
	for (size_t i = 0; i < PULLERS; i++) {
		pthread_join(threads[i], NULL);
		expect_ok(pullers[i].result, &pullers[i].err);
		reference_done(&pullers[i].ref);
	}
	struct content_collected usage;
	expect_ok(content_usage(b.content, &usage, &err), &err);
	assert_int_equal(usage.blobs, 1);
}

TEST(a_cancelled_pull_leaves_no_image)
{
	AUTO_WORLD a, b;
	CLEANUP(image_list_done) struct image_ptr_vec v = { 0 };
	struct error err = { 0 };

	need_registry();
	world_open(&a);
	world_open(&b);
	import_image(&a, "app:1", "seven");
	tag_there(&a, "app:1", "seventh:1");
	push(&a, "seventh:1");
	b.cancel = true;
	AUTO_REFERENCE ref = there("seventh:1");
	assert_true(image_pull(b.images, &ref, NULL, NULL, &b.job, &err) < 0);
	assert_int_equal(err.kind, ERROR_CANCELLED);
	expect_ok(image_list(b.images, &v, &err), &err);
	assert_int_equal(v.len, 0);
}
