/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Descriptors, manifests and indexes, OCI and Docker schema 2 (image-spec manifest.md,
 * image-index.md; registry/manifest-v2-2.md). Strict: layers beside manifests, a mediaType that
 * disagrees, negative sizes and duplicate keys are refused.
 */
#include "base/strmap.h"
#include "json/fields.h"
#include "oci/digest.h"

#define MEDIA_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define MEDIA_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define MEDIA_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define MEDIA_OCI_LAYER_GZIP MEDIA_OCI_LAYER "+gzip"
#define MEDIA_OCI_LAYER_ZSTD MEDIA_OCI_LAYER "+zstd"
#define MEDIA_OCI_EMPTY "application/vnd.oci.empty.v1+json"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define MEDIA_DOCKER_LAYER_GZIP "application/vnd.docker.image.rootfs.diff.tar.gzip"
#define MEDIA_DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar"

enum { MANIFEST_SIZE_MAX = 4 * 1024 * 1024, MANIFEST_LAYERS_MAX = 1000, INDEX_MANIFESTS_MAX = 10000 };

struct platform {
	char *os;
	char *architecture;
	char *variant;
	char *os_version;
};

struct descriptor {
	char *media_type;
	struct digest digest;
	int64_t size;
	struct strv urls;
	struct strmap annotations;
	struct platform platform; /* all NULL when absent */
	char *artifact_type;
};

DEFINE_VEC(descriptor_vec, struct descriptor);

enum manifest_kind { MANIFEST_IMAGE, MANIFEST_INDEX };

struct manifest {
	enum manifest_kind kind;
	char *media_type; /* as declared, or by the body's shape when not */
	char *artifact_type;
	struct descriptor config; /* IMAGE */
	struct descriptor_vec layers;
	struct descriptor_vec manifests; /* INDEX */
	struct descriptor subject;       /* media_type NULL when absent */
	struct strmap annotations;
};

#define AUTO_MANIFEST CLEANUP(manifest_done) struct manifest

void descriptor_done(struct descriptor *d);
void descriptor_copy(const struct descriptor *from, struct descriptor *ret);
void descriptor_encode(struct json_writer *w, const struct descriptor *d);
void manifest_done(struct manifest *m);
/* media_type is what the transport said, or NULL. */
int manifest_parse(struct str json, const char *media_type, struct manifest *ret, struct error *err) MUST_USE;
void manifest_encode(struct json_writer *w, const struct manifest *m);
bool media_type_is_index(const char *t);
bool media_type_is_manifest(const char *t); /* image manifests and indexes, OCI and Docker */
/* Foreign layers, which registries need not hold. */
bool media_type_is_nondistributable(const char *t);

/* "linux/arm64/v8"; parse normalises (aarch64 -> arm64, x86_64 -> amd64, arm -> v7). */
int platform_parse(const char *s, struct platform *ret, struct error *err) MUST_USE;
void platform_host(struct platform *ret); /* owned strings */
void platform_done(struct platform *p);
char *platform_format(const struct platform *p) MUST_USE;
/* The best entry of an index for the platform, or NULL. Borrowed. */
const struct descriptor *manifest_select(const struct manifest *index, const struct platform *want);
