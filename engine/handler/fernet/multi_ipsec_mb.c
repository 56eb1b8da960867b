// SPDX-License-Identifier: BSD-3-Clause
//
// By libipsec-mb's calls that take a burst of jobs and return when all are done
// (intel-ipsec-mb.h, IMB_SUBMIT_CIPHER_BURST and IMB_SUBMIT_HASH_BURST: from 1.3 on). They check
// every job before they begin the first, so that a refusal leaves the messages as they were.
#include "handler/fernet/multi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

// Its names from before 1.0 are OpenSSL's, too.
#define NO_COMPAT_IMB_API_053
#include <intel-ipsec-mb.h>

enum {
	// Fewer take longer than by OpenSSL, one after the other: measured with AVX-512, where a
	// message alone in sixteen lanes takes a third longer to encrypt and five times as long to
	// hash.
	ENCRYPT_MIN = 2,
	SIGN_MIN = 8,
	IV_BYTES = 16,
	MANAGER_ALIGNMENT = 64,
	SCHEDULE_ALIGNMENT = 16,
};

struct vly_multi {
	IMB_MGR *manager;
	size_t manager_bytes;
	IMB_JOB jobs[VLY_MULTI_MESSAGES_MAX];
};

// Without AES instructions it counts on tables, which take their time by the key: OpenSSL does not.
static bool is_usable(IMB_MGR *manager)
{
	const uint64_t wanted = IMB_FEATURE_AESNI | IMB_FEATURE_SELF_TEST_PASS;

	return imb_get_errno(manager) == 0 && (manager->features & wanted) == wanted;
}

// What never changes of a job: each is for one thing at a time, and the calls look at that.
static void fill_in(IMB_JOB *job)
{
	job->key_len_in_bytes = IMB_KEY_128_BYTES;
	job->iv_len_in_bytes = IV_BYTES;
	job->auth_tag_output_len_in_bytes = VLY_HMAC_BYTES;
	job->cipher_mode = IMB_CIPHER_CBC;
	job->cipher_direction = IMB_DIR_ENCRYPT;
	job->hash_alg = IMB_AUTH_HMAC_SHA_256;
	job->chain_order = IMB_ORDER_CIPHER_HASH;
}

int vly_multi_open(struct vly_multi **multi)
{
	struct vly_multi *made = calloc(1, sizeof(*made));
	size_t bytes = imb_get_mb_mgr_size(); // no multiple of its alignment, as it should be

	*multi = NULL;
	if (!made)
		return -ENOMEM;
	bytes = (bytes + MANAGER_ALIGNMENT - 1) / MANAGER_ALIGNMENT * MANAGER_ALIGNMENT;
	// In memory of our own, so that it can be wiped.
	made->manager = aligned_alloc(MANAGER_ALIGNMENT, bytes);
	made->manager_bytes = bytes;
	if (!made->manager) {
		free(made);
		return -ENOMEM;
	}
	imb_set_pointers_mb_mgr(made->manager, 0, 1);
	init_mb_mgr_auto(made->manager, NULL);
	if (!is_usable(made->manager)) {
		vly_multi_close(made);
		return -ENOSYS;
	}
	for (uint32_t i = 0; i < VLY_MULTI_MESSAGES_MAX; i++)
		fill_in(&made->jobs[i]);
	*multi = made;
	return 0;
}

void vly_multi_close(struct vly_multi *multi)
{
	if (!multi)
		return;
	OPENSSL_cleanse(multi->manager, multi->manager_bytes);
	free(multi->manager);
	free(multi);
}

void vly_multi_key_init(const struct vly_multi *multi, struct vly_multi_key *key,
			const uint8_t *cipher, const struct vly_hmac *hmac)
{
	// It is asked for both directions, and wants them aligned.
	VLY_ALIGNED(SCHEDULE_ALIGNMENT) uint8_t decrypting[VLY_MULTI_SCHEDULE_BYTES];

	if (!multi)
		return;
	IMB_AES_KEYEXP_128(multi->manager, cipher, key->schedule, decrypting);
	OPENSSL_cleanse(decrypting, sizeof(decrypting));
	// Both libraries keep SHA-256's eight words in the processor's order.
	memcpy(key->inner, hmac->inner.h, sizeof(key->inner));
	memcpy(key->outer, hmac->outer.h, sizeof(key->outer));
}

bool vly_multi_encrypt(struct vly_multi *multi, const struct vly_multi_key *key,
		       const struct vly_multi_message *messages, uint32_t count, size_t clear)
{
	if (!multi || count < ENCRYPT_MIN || count > VLY_MULTI_MESSAGES_MAX)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		IMB_JOB *job = &multi->jobs[i];

		job->enc_keys = key->schedule;
		job->src = messages[i].bytes;
		job->dst = messages[i].bytes + clear;
		job->cipher_start_src_offset_in_bytes = clear;
		job->msg_len_to_cipher_in_bytes = messages[i].len - clear;
		job->iv = messages[i].bytes + clear - IV_BYTES;
	}
	return IMB_SUBMIT_CIPHER_BURST(multi->manager, multi->jobs, count, IMB_CIPHER_CBC,
				       IMB_DIR_ENCRYPT, IMB_KEY_128_BYTES) == count;
}

bool vly_multi_sign(struct vly_multi *multi, const struct vly_multi_key *key,
		    const struct vly_multi_message *messages, uint32_t count)
{
	if (!multi || count < SIGN_MIN || count > VLY_MULTI_MESSAGES_MAX)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		IMB_JOB *job = &multi->jobs[i];

		job->src = messages[i].bytes;
		job->msg_len_to_hash_in_bytes = messages[i].len;
		job->auth_tag_output = messages[i].mac;
		job->u.HMAC._hashed_auth_key_xor_ipad = key->inner;
		job->u.HMAC._hashed_auth_key_xor_opad = key->outer;
	}
	return IMB_SUBMIT_HASH_BURST(multi->manager, multi->jobs, count, IMB_AUTH_HMAC_SHA_256) ==
	       count;
}
