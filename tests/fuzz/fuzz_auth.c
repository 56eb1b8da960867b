// SPDX-License-Identifier: BSD-3-Clause
//
// Tokens of any shape, and prefixes. The first byte says which:
//
//     't'   what follows is a datagram, up to each line's end; a line that begins with a bar is an
//           identity, and becomes a good token of it with the rest as payload: |alice|hello, and
//           once more (a replay), and with its last byte changed
//     'p'   records of 18 bytes: prefix, bits, value; then each prefix's own address is looked up,
//           and the answer compared with that of a search through all
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "endings.h"
#include "handler/auth/prefixes.h"
#include "handler/auth/token.h"
#include "handler/crypto/hmac.h"

enum {
	RECORD_BYTES = 18,
	RECORDS_MAX = 64,
	TOKEN_MAX = 4096,
	MAC_BYTES = 16,
	SECRET_BYTES = 16,
};

struct endings fuzz_endings = {
	.verdict_names = {"good", "bad", "unknown", "bad_mac", "stale", "replayed", "found",
			  "not found"},
	.first_drop = 1, // none
	.last_drop = 0,
};

static const uint64_t now_ns = 1000000000000;

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_auth: not so: %s\n", what);
	abort();
}

// --- tokens -------------------------------------------------------------------------------------

static enum vly_token_verdict take(struct vly_token_peers *peers, const uint8_t *bytes, size_t len,
				   uint64_t when_ns)
{
	uint8_t *exact = malloc(len ? len : 1); // so that a sanitizer sees who reads beyond
	const char *name = NULL;
	uint32_t token_len = 0;
	enum vly_token_verdict verdict;

	check(exact != NULL, "there is memory");
	memcpy(exact, bytes, len);
	verdict = vly_token_check(peers, exact, (uint32_t)len, when_ns, 1000000000, &name,
				  &token_len);
	if (verdict == VLY_TOKEN_GOOD)
		check(name != NULL && token_len <= len, "a good token lies in the datagram");
	fuzz_endings.verdicts[verdict]++;
	free(exact);
	return verdict;
}

// "|alice|payload"
static size_t make(uint8_t *token, const uint8_t *line, size_t len, uint64_t made_ns)
{
	static const uint8_t secret[SECRET_BYTES] = {0xaa};
	uint8_t mac[VLY_HMAC_BYTES];
	const uint8_t *end = memchr(line + 1, '|', len - 1);
	size_t name_len = end ? (size_t)(end - line - 1) : len - 1;
	size_t payload_len = end ? len - name_len - 2 : 0;
	size_t at = 5;
	struct vly_hmac hmac;

	if (name_len > VLY_TOKEN_NAME_MAX || payload_len > TOKEN_MAX - 100)
		return 0;
	memcpy(token, "va1\0", 4);
	token[4] = (uint8_t)name_len;
	memcpy(token + at, line + 1, name_len);
	at += name_len;
	for (int i = 0; i < 8; i++)
		token[at++] = (uint8_t)(made_ns >> (56 - 8 * i));
	memset(token + at, 7, 8);
	at += 8;
	memcpy(token + at, line + len - payload_len, payload_len);
	vly_hmac_init(&hmac, secret, sizeof(secret));
	vly_hmac_sign(&hmac, token, at + payload_len, mac);
	memcpy(token + at, mac, MAC_BYTES);
	memcpy(token + at + MAC_BYTES, line + len - payload_len, payload_len);
	return at + MAC_BYTES + payload_len;
}

static void one_line(struct vly_token_peers *peers, const uint8_t *line, size_t len,
		     uint64_t number)
{
	uint8_t token[TOKEN_MAX];
	size_t token_len;

	take(peers, line, len, now_ns);
	if (len == 0 || line[0] != '|')
		return;
	token_len = make(token, line, len, now_ns + number);
	if (token_len == 0)
		return;
	token[token_len - 1] ^= 1;
	check(take(peers, token, token_len, now_ns) != VLY_TOKEN_GOOD, "a changed one is refused");
	token[token_len - 1] ^= 1;
	check(take(peers, token, token_len, now_ns + 5000000000) != VLY_TOKEN_GOOD,
	      "a late one is refused");
	take(peers, token, token_len, now_ns);
	check(take(peers, token, token_len, now_ns) != VLY_TOKEN_GOOD, "none is good twice");
}

static void run_tokens(const uint8_t *data, size_t size)
{
	static const char file[] = "alice aa000000000000000000000000000000\n"
				   "bob aa000000000000000000000000000000\n";
	char path[] = "/tmp/volley-fuzz-XXXXXX";
	struct vly_token_peers *peers = NULL;
	struct vly_error error = {""};
	int fd = mkstemp(path);

	check(fd >= 0 && write(fd, file, sizeof(file) - 1) == sizeof(file) - 1, "a file is there");
	close(fd);
	check(vly_token_peers_open(&peers, path, now_ns - 1, &error) == 0, error.text);
	unlink(path);
	for (uint64_t number = 0; size > 0; number++) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end ? (size_t)(end - data) : size;

		one_line(peers, data, len, number);
		len += end != NULL;
		data += len;
		size -= len;
	}
	vly_token_peers_close(peers);
}

// --- prefixes -----------------------------------------------------------------------------------

static bool lies_in(const uint8_t *ip, const struct vly_prefix *prefix)
{
	for (uint32_t bit = 0; bit < prefix->bits; bit++) {
		if ((ip[bit / 8] ^ prefix->ip[bit / 8]) >> (7 - bit % 8) & 1)
			return false;
	}
	return true;
}

static uint8_t search(const struct vly_prefix_value *list, uint32_t count, const uint8_t *ip)
{
	struct vly_addr addr = {.port = 0};
	int longest = -1;
	uint8_t value = 0;

	memcpy(addr.ip, ip, 16);
	for (uint32_t i = 0; i < count; i++) {
		if ((vly_addr_is_ipv4(&addr) && list[i].prefix.bits < VLY_PREFIX_IPV4_OFFSET) ||
		    !lies_in(ip, &list[i].prefix) || list[i].prefix.bits < longest)
			continue;
		if (list[i].prefix.bits > longest || list[i].value > value)
			value = list[i].value;
		longest = list[i].prefix.bits;
	}
	return value;
}

static void run_prefixes(const uint8_t *data, size_t size)
{
	struct vly_prefix_value list[RECORDS_MAX] = {{.value = 0}};
	struct vly_prefixes *prefixes;
	uint32_t count = 0;

	for (; size >= RECORD_BYTES && count < RECORDS_MAX; data += RECORD_BYTES, count++) {
		memcpy(list[count].prefix.ip, data, 16);
		list[count].prefix.bits = data[16] % 129;
		list[count].value = (uint8_t)(1 + data[17] % VLY_PREFIX_VALUE_MAX);
		size -= RECORD_BYTES;
	}
	check(vly_prefixes_open(&prefixes, list, count) == 0, "there is memory");
	for (uint32_t i = 0; i < 2 * count; i++) {
		uint8_t ip[16];
		const uint8_t *ips = ip;
		uint8_t value;

		memcpy(ip, list[i / 2].prefix.ip, 16);
		ip[15] ^= (uint8_t)(i % 2);
		vly_prefixes_find(prefixes, &ips, 1, &value);
		check(value == search(list, count, ip), "the longest prefix is found");
		fuzz_endings.verdicts[value ? 6 : 7]++;
	}
	vly_prefixes_close(prefixes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] == 't')
		run_tokens(data + 1, size - 1);
	else if (size > 0 && data[0] == 'p')
		run_prefixes(data + 1, size - 1);
	return 0;
}
