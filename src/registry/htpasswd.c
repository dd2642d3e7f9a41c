/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/htpasswd.h"

#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/map.h"
#include "base/thread.h"
#include "base/time.h"
#include "oci/digest.h"

enum {
	FILE_MAX = 16 * 1024 * 1024,
	HASHING_MAX = 2,
	REMEMBERED_MAX = 10000,
	REMEMBER_S = 300,
	FAILURES_MAX = 20, /* per peer and minute */
	BCRYPT_COST_MAX = 14,
	PASSWORD_MAX = 512,
};

/* What is hashed for a name that isn't there. */
static const char nobody[] = "$2y$10$abcdefghijklmnopqrstuuBGOuyNJ7AcnC1yFwBW1bHGxqKqYyyvO";

struct htpasswd {
	char *path;
	unsigned char secret[32]; /* keys the memory of right passwords */
	pthread_mutex_t lock;     /* of all below */
	pthread_cond_t less_hashing;
	unsigned hashing;
	struct map *users; /* name -> hash (owned) */
	struct timespec mtime;
	off_t size;
	ino_t inode;
	int64_t looked;         /* monotonic: when the file was last looked at */
	struct map *remembered; /* digest -> time_memory (owned) */
	struct map *failures;   /* peer -> failure_count (owned) */
	int64_t failures_since;
};

static void free_values(struct map *m)
{
	size_t pos = 0;
	const char *key;
	void *value;

	while (map_next(m, &pos, &key, &value))
		free(value);
	map_free(m);
}

static bool is_usable(const char *hash)
{
	if (str_skip_prefix(hash, "$5$") || str_skip_prefix(hash, "$6$"))
		return true;
	if (!str_skip_prefix(hash, "$2y$") && !str_skip_prefix(hash, "$2a$") &&
	    !str_skip_prefix(hash, "$2b$"))
		return false;
	return strlen(hash) == 60 && (hash[4] - '0') * 10 + hash[5] - '0' <= BCRYPT_COST_MAX;
}

static struct map *parse(struct str text, const char *path)
{
	struct map *users = map_new();
	struct str line;
	unsigned number = 0;

	while (str_cut(&text, '\n', &line)) {
		struct str name;

		number++;
		if (line.len && line.ptr[line.len - 1] == '\r')
			line.len--;
		line = str_trim(line);
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		AUTO_FREE char *hash = NULL;
		if (str_cut(&line, ':', &name) && line.ptr)
			hash = xstrndup(line.ptr, line.len);
		if (!hash || name.len == 0 || !is_usable(hash)) {
			log_warning(
				"password ignored file=%s line=%u: bcrypt (htpasswd -B, cost up to %d), $5$ or $6$ is wanted",
				path, number, BCRYPT_COST_MAX);
			continue;
		}
		AUTO_FREE char *user = xstrndup(name.ptr, name.len);
		free(map_set(users, user, TAKE_PTR(hash)));
	}
	return users;
}

/* Reads the file when it is another than before. Locked. */
static int refresh(struct htpasswd *h, struct error *err)
{
	AUTO_STRBUF text = { 0 };
	struct stat st;

	h->looked = time_monotonic();
	if (stat(h->path, &st) < 0)
		return error_set_errno(err, errno, "cannot read the password file %s", h->path);
	if (h->users && st.st_ino == h->inode && st.st_size == h->size &&
	    st.st_mtim.tv_sec == h->mtime.tv_sec && st.st_mtim.tv_nsec == h->mtime.tv_nsec)
		return 0;
	if (read_file(AT_FDCWD, h->path, FILE_MAX, &text, err) < 0)
		return error_errno(err);
	if (h->users)
		free_values(h->users);
	h->users = parse(strbuf_str(&text), h->path);
	h->inode = st.st_ino;
	h->size = st.st_size;
	h->mtime = st.st_mtim;
	free_values(h->remembered);
	h->remembered = map_new();
	return 0;
}

struct htpasswd *htpasswd_open(const char *path, struct error *err)
{
	struct htpasswd *h = NEW(struct htpasswd);

	h->path = xstrdup(path);
	random_bytes(h->secret, sizeof(h->secret));
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->less_hashing, NULL);
	h->remembered = map_new();
	h->failures = map_new();
	if (refresh(h, err) < 0) {
		htpasswd_free(h);
		return NULL;
	}
	return h;
}

void htpasswd_free(struct htpasswd *h)
{
	if (!h)
		return;
	if (h->users)
		free_values(h->users);
	free_values(h->remembered);
	free_values(h->failures);
	free(h->path);
	free(h);
}

/* Keyed, so that a dump of our memory gives no fast hash of passwords. */
static void memory_key(const struct htpasswd *h, const char *user, const char *password, char *out)
{
	struct digester d;
	struct digest sum;

	digester_init(&d, DIGEST_SHA256);
	digester_add(&d, h->secret, sizeof(h->secret));
	digester_add(&d, user, strlen(user) + 1);
	digester_add(&d, password, strlen(password));
	digester_finish(&d, &sum);
	digest_hex(&sum, out);
}

static bool is_remembered(struct htpasswd *h, const char *key)
{
	int64_t *until = map_get(h->remembered, key);

	return until && *until > time_monotonic();
}

static void remember(struct htpasswd *h, const char *key)
{
	int64_t until = time_monotonic() + REMEMBER_S * NSEC_PER_SEC;

	if (map_len(h->remembered) >= REMEMBERED_MAX) {
		free_values(h->remembered);
		h->remembered = map_new();
	}
	free(map_set(h->remembered, key, xmemdup(&until, sizeof(until))));
}

static unsigned *failures_of(struct htpasswd *h, const char *peer)
{
	unsigned *count;

	if (time_monotonic() - h->failures_since > 60 * NSEC_PER_SEC ||
	    map_len(h->failures) > REMEMBERED_MAX) {
		free_values(h->failures);
		h->failures = map_new();
		h->failures_since = time_monotonic();
	}
	count = map_get(h->failures, peer);
	if (!count) {
		count = NEW(unsigned);
		map_set(h->failures, peer, count);
	}
	return count;
}

/* Without the lock: this takes its time. */
static bool hash_matches(const char *password, const char *hash)
{
	AUTO_FREE struct crypt_data *data = NEW(struct crypt_data);
	/* not crypt_r: the address sanitizer puts its own in that place, and then nothing behind it
	 */
	const char *got = crypt_rn(password, hash, data, sizeof(*data));

	return got && strlen(got) == strlen(hash) && CRYPTO_memcmp(got, hash, strlen(hash)) == 0;
}

int htpasswd_check(struct htpasswd *h, const char *user, const char *password, const char *peer,
                   struct error *err)
{
	AUTO_FREE char *hash = NULL;
	struct error reading = { 0 };
	char key[DIGEST_TEXT_MAX];
	bool known, right;

	if (strlen(password) > PASSWORD_MAX)
		return 0;
	memory_key(h, user, password, key);
	WITH_LOCK(&h->lock);
	if (time_monotonic() - h->looked > NSEC_PER_SEC && refresh(h, &reading) < 0)
		log_error("the old passwords stay: %s", reading.message);
	if (is_remembered(h, key))
		return 1;
	if (*failures_of(h, peer) >= FAILURES_MAX)
		return error_set(err, ERROR_TOO_MANY,
		                 "too many wrong passwords from %s: wait a minute", peer);
	known = map_get(h->users, user) != NULL;
	hash = xstrdup(known ? map_get(h->users, user) : nobody);
	while (h->hashing == HASHING_MAX)
		pthread_cond_wait(&h->less_hashing, &h->lock);
	h->hashing++;
	pthread_mutex_unlock(&h->lock);
	right = hash_matches(password, hash);
	pthread_mutex_lock(&h->lock);
	h->hashing--;
	pthread_cond_signal(&h->less_hashing);
	if (!right || !known) {
		(*failures_of(h, peer))++;
		return 0;
	}
	remember(h, key);
	return 1;
}
