// SPDX-License-Identifier: BSD-3-Clause
#include "handler/auth/token.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "core/fail.h"
#include "handler/crypto/hmac.h"
#include "stack/bytes.h"

enum {
	MAC_BYTES = 16,
	STAMP_BYTES = 16,
	LINE_BYTES = 512,
	MESSAGE_MAX = 65535,
	FIRST_PEERS = 64,
};

static const uint8_t magic[4] = {'v', 'a', '1', 0};

struct stamp {
	uint64_t made_ns;
	uint64_t nonce;
};

struct peer {
	struct vly_hmac hmac;
	struct stamp stamps[VLY_TOKEN_STAMPS]; // that were accepted last
	uint32_t next;                         // free-running
	uint64_t floor_ns;                     // later ones only
	uint8_t name_len;
	char name[VLY_TOKEN_NAME_MAX + 1];
};

struct vly_token_peers {
	struct peer *peers;
	uint32_t count;
	uint32_t room;
	struct vly_index by_name;
	struct vly_siphash_key key;
	uint8_t message[MESSAGE_MAX]; // without the mac in its midst
};

// --- the file -----------------------------------------------------------------------------------

static int digit_of(char c)
{
	return c >= '0' && c <= '9'                 ? c - '0'
	       : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
						    : -1;
}

// Returns how many bytes, or 0 if it is no secret.
static size_t read_secret(uint8_t *secret, const char *text)
{
	size_t digits = strlen(text);

	if (digits % 2 || digits / 2 < VLY_TOKEN_SECRET_MIN || digits / 2 > VLY_TOKEN_SECRET_MAX)
		return 0;
	for (size_t i = 0; i < digits; i += 2) {
		int high = digit_of(text[i]);
		int low = digit_of(text[i + 1]);

		if (high < 0 || low < 0)
			return 0;
		secret[i / 2] = (uint8_t)(high << 4 | low);
	}
	return digits / 2;
}

static struct peer *add_peer(struct vly_token_peers *peers)
{
	uint32_t room = peers->room ? 2 * peers->room : FIRST_PEERS;
	struct peer *larger;

	if (peers->count == peers->room) {
		// Not realloc(): it would leave secrets behind.
		larger = calloc(room, sizeof(larger[0]));
		if (!larger)
			return NULL;
		if (peers->count > 0)
			memcpy(larger, peers->peers, peers->count * sizeof(larger[0]));
		if (peers->peers)
			OPENSSL_cleanse(peers->peers, peers->count * sizeof(larger[0]));
		free(peers->peers);
		peers->peers = larger;
		peers->room = room;
	}
	return &peers->peers[peers->count++];
}

static bool is_known(const struct vly_token_peers *peers, const char *name)
{
	for (uint32_t i = 0; i < peers->count; i++) {
		if (strcmp(peers->peers[i].name, name) == 0)
			return true;
	}
	return false;
}

static int take_line(struct vly_token_peers *peers, char *line, uint32_t number, uint64_t now_ns,
		     struct vly_error *error)
{
	static const char blanks[] = " \t\r\n";
	uint8_t secret[VLY_TOKEN_SECRET_MAX];
	struct peer *peer;
	char *rest = NULL;
	const char *name;
	const char *text;
	size_t secret_len;

	line[strcspn(line, "#")] = '\0';
	name = strtok_r(line, blanks, &rest);
	text = strtok_r(NULL, blanks, &rest);
	if (!name)
		return 0;
	if (strlen(name) > VLY_TOKEN_NAME_MAX || is_known(peers, name))
		return vly_fail(error, -EINVAL, "line %u: an identity of up to 32 bytes, each once",
				number);
	secret_len = text && !strtok_r(NULL, blanks, &rest) ? read_secret(secret, text) : 0;
	if (secret_len == 0)
		return vly_fail(error, -EINVAL,
				"line %u: it has to be an identity and a secret of 16 to 64 bytes "
				"in hexadecimal; make one with: openssl rand -hex 32",
				number);
	if (peers->count == VLY_TOKEN_PEERS_MAX)
		return vly_fail(error, -EINVAL, "more than %d identities", VLY_TOKEN_PEERS_MAX);
	peer = add_peer(peers);
	if (peer) {
		peer->name_len = (uint8_t)strlen(name);
		memcpy(peer->name, name, peer->name_len);
		peer->floor_ns = now_ns;
		vly_hmac_init(&peer->hmac, secret, secret_len);
	}
	OPENSSL_cleanse(secret, sizeof(secret));
	return peer ? 0 : vly_fail(error, -ENOMEM, "no memory for so many identities");
}

static int read_lines(struct vly_token_peers *peers, FILE *file, uint64_t now_ns,
		      struct vly_error *error)
{
	char line[LINE_BYTES];
	uint32_t number = 0;
	int rc = 0;

	while (rc == 0 && fgets(line, sizeof(line), file)) {
		number++;
		if (strlen(line) == sizeof(line) - 1)
			rc = vly_fail(error, -EINVAL, "line %u is too long", number);
		else
			rc = take_line(peers, line, number, now_ns, error);
	}
	OPENSSL_cleanse(line, sizeof(line));
	if (rc == 0 && peers->count == 0)
		rc = vly_fail(error, -EINVAL, "it has no identity; a line is: alice HEXADECIMAL");
	return rc;
}

static int index_names(struct vly_token_peers *peers)
{
	int rc = vly_index_open(&peers->by_name, peers->count);

	for (uint32_t i = 0; i < peers->count && rc == 0; i++)
		vly_index_add(
			&peers->by_name,
			vly_siphash(&peers->key, peers->peers[i].name, peers->peers[i].name_len),
			i);
	return rc;
}

int vly_token_peers_open(struct vly_token_peers **peers, const char *path, uint64_t now_ns,
			 struct vly_error *error)
{
	struct vly_token_peers *made = calloc(1, sizeof(*made));
	struct vly_error inner = {""};
	FILE *file = fopen(path, "re");
	int rc;

	if (!file || !made) {
		rc = file ? -ENOMEM : -errno;
		if (file)
			fclose(file);
		free(made);
		return vly_fail(error, rc, "keys=%.100s: %s", path, strerror(-rc));
	}
	setvbuf(file, NULL, _IONBF, 0); // stdio's buffer would keep secrets
	rc = vly_siphash_key_make(&made->key);
	if (rc == 0)
		rc = read_lines(made, file, now_ns, &inner);
	if (rc == 0)
		rc = index_names(made);
	fclose(file);
	if (rc < 0) {
		vly_token_peers_close(made);
		return vly_fail(error, rc, "keys=%.100s: %.200s", path,
				inner.text[0] ? inner.text : strerror(-rc));
	}
	*peers = made;
	return 0;
}

void vly_token_peers_close(struct vly_token_peers *peers)
{
	if (!peers)
		return;
	if (peers->peers)
		OPENSSL_cleanse(peers->peers, peers->count * sizeof(peers->peers[0]));
	free(peers->peers);
	vly_index_close(&peers->by_name);
	free(peers);
}

uint32_t vly_token_peers_count(const struct vly_token_peers *peers)
{
	return peers->count;
}

// --- a token ------------------------------------------------------------------------------------

static struct peer *find_peer(const struct vly_token_peers *peers, const uint8_t *name, uint8_t len)
{
	uint32_t i = vly_index_first(&peers->by_name, vly_siphash(&peers->key, name, len));

	for (; i != VLY_INDEX_END; i = vly_index_next(&peers->by_name, i)) {
		struct peer *peer = &peers->peers[i];

		if (peer->name_len == len && memcmp(peer->name, name, len) == 0)
			return peer;
	}
	return NULL;
}

static bool has_mac(struct vly_token_peers *peers, const struct peer *peer, const uint8_t *bytes,
		    uint32_t len, uint32_t mac_at)
{
	uint8_t mac[VLY_HMAC_BYTES];

	memcpy(peers->message, bytes, mac_at);
	memcpy(peers->message + mac_at, bytes + mac_at + MAC_BYTES, len - mac_at - MAC_BYTES);
	vly_hmac_sign(&peer->hmac, peers->message, len - MAC_BYTES, mac);
	return CRYPTO_memcmp(mac, bytes + mac_at, MAC_BYTES) == 0;
}

static enum vly_token_verdict check_stamp(struct peer *peer, struct stamp stamp, uint64_t now_ns,
					  uint64_t skew_ns)
{
	struct stamp *place = &peer->stamps[peer->next % VLY_TOKEN_STAMPS];

	if (stamp.made_ns + skew_ns < now_ns || stamp.made_ns > now_ns + skew_ns)
		return VLY_TOKEN_STALE;
	for (uint32_t i = 0; i < VLY_TOKEN_STAMPS; i++) {
		if (peer->stamps[i].made_ns == stamp.made_ns &&
		    peer->stamps[i].nonce == stamp.nonce)
			return VLY_TOKEN_REPLAYED;
	}
	if (stamp.made_ns <= peer->floor_ns)
		return VLY_TOKEN_STALE;
	if (place->made_ns > peer->floor_ns)
		peer->floor_ns = place->made_ns;
	*place = stamp;
	peer->next++;
	return VLY_TOKEN_GOOD;
}

enum vly_token_verdict vly_token_check(struct vly_token_peers *peers, const uint8_t *bytes,
				       uint32_t len, uint64_t now_ns, uint64_t skew_ns,
				       const char **name, uint32_t *token_len)
{
	uint32_t stamp_at;
	struct peer *peer;
	struct stamp stamp;

	if (len < VLY_TOKEN_FIXED_BYTES + 1 || len > MESSAGE_MAX ||
	    memcmp(bytes, magic, sizeof(magic)) != 0 || bytes[4] == 0 ||
	    bytes[4] > VLY_TOKEN_NAME_MAX || len < (uint32_t)VLY_TOKEN_FIXED_BYTES + bytes[4])
		return VLY_TOKEN_BAD;
	stamp_at = 5u + bytes[4];
	peer = find_peer(peers, bytes + 5, bytes[4]);
	if (!peer)
		return VLY_TOKEN_UNKNOWN;
	if (!has_mac(peers, peer, bytes, len, stamp_at + STAMP_BYTES))
		return VLY_TOKEN_BAD_MAC;
	stamp.made_ns = be64toh(vly_raw64(bytes + stamp_at));
	stamp.nonce = vly_raw64(bytes + stamp_at + 8);
	*name = peer->name;
	*token_len = stamp_at + STAMP_BYTES + MAC_BYTES;
	return check_stamp(peer, stamp, now_ns, skew_ns);
}
