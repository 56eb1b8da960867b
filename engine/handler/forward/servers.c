// SPDX-License-Identifier: BSD-3-Clause
#include "handler/forward/servers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"

enum {
	LINE_BYTES = 512,
	DECIMAL = 10,
};

static const char blank[] = " \t\r\n";
static const char weight_key[] = "weight=";

static int read_word(struct vly_forward_server *server, const char *word, uint32_t number,
		     struct vly_error *error)
{
	unsigned long weight;
	char *end;

	if (strcmp(word, "drain") == 0) {
		server->drains = true;
		return 0;
	}
	if (strncmp(word, weight_key, strlen(weight_key)) != 0)
		return vly_fail(error, -EINVAL,
				"line %u: '%.100s' is not known; what follows an address is "
				"weight=N or drain",
				number, word);
	weight = strtoul(word + strlen(weight_key), &end, DECIMAL);
	if (*end || weight < 1 || weight > VLY_MAGLEV_WEIGHT_MAX)
		return vly_fail(error, -EINVAL, "line %u: '%.100s' is no weight; give 1 to %d",
				number, word, VLY_MAGLEV_WEIGHT_MAX);
	server->weight = (uint32_t)weight;
	return 0;
}

static int read_address(struct vly_forward_server *server, const char *word, uint32_t number,
			struct vly_error *error)
{
	struct vly_endpoint endpoint;
	struct vly_error inner = {""};

	if (vly_endpoint_resolve(&endpoint, 1, word, false, &inner) < 1)
		return vly_fail(error, -EINVAL, "line %u: %.200s", number, inner.text);
	if (!endpoint.addr.port || vly_addr_is_wildcard(&endpoint.addr) ||
	    vly_addr_is_multicast(&endpoint.addr))
		return vly_fail(error, -EINVAL,
				"line %u: '%.100s' is no server's address; give a host's, with a "
				"port from 1 on",
				number, word);
	*server = (struct vly_forward_server){.addr = endpoint.addr, .weight = 1};
	return 0;
}

static bool is_known(const struct vly_forward_servers *servers, const struct vly_addr *addr)
{
	for (uint32_t i = 0; i < servers->count; i++) {
		if (memcmp(&servers->list[i].addr, addr, sizeof(*addr)) == 0)
			return true;
	}
	return false;
}

int vly_forward_servers_add(struct vly_forward_servers *servers, char *line, uint32_t number,
			    struct vly_error *error)
{
	struct vly_forward_server server;
	char *rest = NULL;
	char *word;
	int rc;

	line[strcspn(line, "#")] = 0;
	word = strtok_r(line, blank, &rest);
	if (!word)
		return 0;
	rc = read_address(&server, word, number, error);
	while (!rc && (word = strtok_r(NULL, blank, &rest)))
		rc = read_word(&server, word, number, error);
	if (rc)
		return rc;
	if (is_known(servers, &server.addr))
		return vly_fail(error, -EINVAL,
				"line %u: this server stands there twice; give it a weight instead",
				number);
	if (servers->count == VLY_MAGLEV_SERVERS_MAX)
		return vly_fail(error, -EINVAL, "line %u: more than %d servers", number,
				VLY_MAGLEV_SERVERS_MAX);
	servers->list[servers->count++] = server;
	return 0;
}

static int read_lines(struct vly_forward_servers *servers, FILE *file, struct vly_error *error)
{
	char line[LINE_BYTES];

	for (uint32_t number = 1; fgets(line, sizeof(line), file); number++) {
		int rc;

		if (!strchr(line, '\n') && !feof(file))
			return vly_fail(error, -EINVAL, "line %u is longer than %d characters",
					number, LINE_BYTES - 2);
		rc = vly_forward_servers_add(servers, line, number, error);
		if (rc)
			return rc;
	}
	if (ferror(file))
		return vly_fail(error, -EIO, "cannot be read to its end");
	return servers->count
		       ? 0
		       : vly_fail(error, -EINVAL, "names no server; write one HOST:PORT a line");
}

int vly_forward_servers_read(struct vly_forward_servers *servers, const char *path,
			     struct vly_error *error)
{
	struct vly_error inner = {""};
	FILE *file = fopen(path, "re");
	int rc;

	servers->count = 0;
	if (!file)
		return vly_fail(error, -errno,
				"servers=%.200s: %s; name a file with a server a line", path,
				strerror(errno));
	rc = read_lines(servers, file, &inner);
	fclose(file);
	return rc ? vly_fail(error, rc, "servers=%.200s: %.200s", path, inner.text) : 0;
}
