// SPDX-License-Identifier: BSD-3-Clause
#include "handler/auth/sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	IPV4_AT = 12,
	IPV6_BYTES = 8,
};

int vly_sources_open(struct vly_sources *sources, uint32_t count)
{
	uint64_t sets = 1;

	while (sets * VLY_SOURCES_SET < count)
		sets *= 2;
	*sources = (struct vly_sources){.set_mask = sets - 1};
	sources->slots = calloc(sets * VLY_SOURCES_SET, sizeof(sources->slots[0]));
	return sources->slots ? vly_siphash_key_make(&sources->key) : -ENOMEM;
}

void vly_sources_close(struct vly_sources *sources)
{
	free(sources->slots);
	sources->slots = NULL;
}

static uint64_t hash_of(const struct vly_sources *sources, const uint8_t *ip)
{
	static const uint8_t mapped[IPV4_AT] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	bool is_ipv4 = memcmp(ip, mapped, sizeof(mapped)) == 0;
	uint64_t hash = is_ipv4 ? vly_siphash(&sources->key, ip + IPV4_AT, 16 - IPV4_AT)
				: vly_siphash(&sources->key, ip, IPV6_BYTES);

	return hash ? hash : 1;
}

static struct vly_source *set_of(const struct vly_sources *sources, uint64_t hash)
{
	return &sources->slots[(hash & sources->set_mask) * VLY_SOURCES_SET];
}

static struct vly_source *find(struct vly_source *set, uint64_t hash)
{
	for (uint32_t i = 0; i < VLY_SOURCES_SET; i++) {
		if (set[i].tag == hash)
			return &set[i];
	}
	return NULL;
}

struct vly_source *vly_source_find(const struct vly_sources *sources, const uint8_t *ip)
{
	uint64_t hash = hash_of(sources, ip);

	return find(set_of(sources, hash), hash);
}

struct vly_source *vly_source_at(struct vly_sources *sources, const uint8_t *ip, uint64_t now_ns)
{
	uint64_t hash = hash_of(sources, ip);
	struct vly_source *set = set_of(sources, hash);
	struct vly_source *source = find(set, hash);

	if (source)
		return source;
	source = set;
	for (uint32_t i = 1; i < VLY_SOURCES_SET && source->tag; i++) {
		if (!set[i].tag || set[i].paid_ns < source->paid_ns)
			source = &set[i];
	}
	sources->crowded += source->tag && source->paid_ns > now_ns;
	*source = (struct vly_source){.tag = hash};
	return source;
}

bool vly_source_may(struct vly_source *source, uint64_t now_ns, uint64_t interval_ns,
		    uint32_t burst)
{
	uint64_t paid_ns = source->paid_ns > now_ns ? source->paid_ns : now_ns;

	if (paid_ns + interval_ns > now_ns + burst * interval_ns)
		return false;
	source->paid_ns = paid_ns + interval_ns;
	return true;
}
