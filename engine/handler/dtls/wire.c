// SPDX-License-Identifier: BSD-3-Clause
#include "handler/dtls/wire.h"

#include <string.h>

#include "handler/dtls/hello.h"

static int wire_read(BIO *bio, char *bytes, int size)
{
	struct vly_dtls_wire *wire = BIO_get_data(bio);
	size_t len = wire->in_len;

	BIO_clear_retry_flags(bio);
	if (!wire->in) {
		BIO_set_retry_read(bio);
		return -1;
	}
	if (len > (size_t)size) // as a socket does: the rest is lost
		len = (size_t)size;
	memcpy(bytes, wire->in, len);
	wire->in = NULL;
	return (int)len;
}

static int wire_write(BIO *bio, const char *text, int size)
{
	struct vly_dtls_wire *wire = BIO_get_data(bio);
	const uint8_t *bytes = (const uint8_t *)text;
	size_t len = (size_t)size;

	BIO_clear_retry_flags(bio);
	if (wire->is_mute && bytes[0] == VLY_DTLS_ALERT)
		return size;
	if (wire->out && !wire->in && wire->out_len == 0) {
		if (len > wire->out_capacity) {
			wire->too_large++;
			return size;
		}
		memcpy(wire->out, bytes, len);
		wire->out_len = len;
		return size;
	}
	wire->send(wire->arg, bytes, len);
	return size;
}

// What is not known is answered 0, as BIOs do. The MTU is set by SSL_set_mtu(), and the timer is
// asked for by DTLSv1_get_timeout(): neither is the BIO's business.
static long wire_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

static int wire_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

BIO_METHOD *vly_dtls_wire_method(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagram");

	if (!method)
		return NULL;
	BIO_meth_set_read(method, wire_read);
	BIO_meth_set_write(method, wire_write);
	BIO_meth_set_ctrl(method, wire_ctrl);
	BIO_meth_set_create(method, wire_create);
	return method;
}

BIO *vly_dtls_wire_bio(const BIO_METHOD *method, struct vly_dtls_wire *wire)
{
	BIO *bio = BIO_new(method);

	if (bio)
		BIO_set_data(bio, wire);
	return bio;
}

void vly_dtls_wire_set(struct vly_dtls_wire *wire, const uint8_t *in, size_t in_len, uint8_t *out,
		       size_t out_capacity)
{
	wire->in = in;
	wire->in_len = in_len;
	wire->out = out;
	wire->out_capacity = out_capacity;
	wire->out_len = 0;
	wire->too_large = 0;
}
