// SPDX-License-Identifier: BSD-3-Clause
//
// capture: writes what passes at its place in the chain to pcapng files, inwards and outwards, and
// changes nothing of it. What it sees is what it stands between: behind `fernet` the clear text,
// before it the tokens.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/fail.h"
#include "handler/builtin.h"
#include "handler/capture/writer.h"

enum {
	KEY_FILE,
	KEY_PREFIX,
	KEY_PORT,
	KEY_SNAP,
	KEY_FILE_BYTES,
	KEY_FILES,
	KEY_RECORDS,
};

enum {
	METRIC_CAPTURED,
	METRIC_MISSED,
	METRIC_FILTERED,
	METRIC_WRITTEN,
	METRIC_LOST,
	METRIC_FILES,
	METRIC_ERROR,
};

enum {
	REPORT_NS = 100000000,  // between two looks at what the writer has done
	DRAIN_NAP_NS = 1000000, // at the end, while it finishes
	DRAIN_NAPS = 500,
};

static const struct vly_key keys[] = {
	[KEY_FILE] = {"file", VLY_KEY_TEXT, NULL, 0, 0,
		      "NAME.pcapng: NAME_00001.pcapng is written, and so on"},
	[KEY_PREFIX] = {"prefix", VLY_KEY_TEXT, "", 0, 0,
			"only what comes from there or goes there, as 10.0.0.0/8"},
	[KEY_PORT] = {"port", VLY_KEY_NUMBER, "0", 0, 65535,
		      "only what has this port at either end; 0: any"},
	[KEY_SNAP] = {"snap", VLY_KEY_BYTES, "2k", 1, VLY_DGRAM_BYTES_MAX,
		      "bytes of each payload that are kept"},
	[KEY_FILE_BYTES] = {"file-bytes", VLY_KEY_BYTES, "100M", 4096, 1ULL << 40,
			    "after which the next file is begun"},
	[KEY_FILES] = {"files", VLY_KEY_NUMBER, "10", 1, 10000,
		       "files that are kept, the oldest is deleted"},
	[KEY_RECORDS] = {"records", VLY_KEY_NUMBER, "4096", 64, 1 << 20,
			 "datagrams that may wait to be written; memory is records times snap"},
	{NULL, VLY_KEY_TEXT, NULL, 0, 0, NULL},
};

static const struct vly_metric metrics[] = {
	[METRIC_CAPTURED] = {"captured", VLY_METRIC_COUNTER, "datagrams given to the writer"},
	[METRIC_MISSED] = {"missed", VLY_METRIC_COUNTER,
			   "datagrams that passed while all records were waiting"},
	[METRIC_FILTERED] = {"filtered", VLY_METRIC_COUNTER, "not of the prefix or port"},
	[METRIC_WRITTEN] = {"written", VLY_METRIC_GAUGE, "datagrams in files"},
	[METRIC_LOST] = {"lost", VLY_METRIC_GAUGE, "captured, but the system took no more"},
	[METRIC_FILES] = {"files", VLY_METRIC_GAUGE, "files begun"},
	[METRIC_ERROR] = {"write_error", VLY_METRIC_GAUGE,
			  "the errno of the last that was lost; 28: no space left"},
	{NULL, VLY_METRIC_COUNTER, NULL},
};

struct capture {
	struct vly_capture_writer *writer;
	struct vly_timer report;
	struct vly_prefix prefix; // bits 0: any
	uint16_t port;            // 0: any
	uint32_t snap_bytes;
	uint32_t missed; // since the last record
	uint64_t captured;
};

// --- what is captured ---------------------------------------------------------------------------

static bool is_within(const struct vly_prefix *prefix, const uint8_t *ip)
{
	uint32_t bytes = prefix->bits / 8, bits = prefix->bits % 8;

	return memcmp(prefix->ip, ip, bytes) == 0 &&
	       (!bits || ((prefix->ip[bytes] ^ ip[bytes]) & 0xff00 >> bits & 0xff) == 0);
}

static bool is_wanted(const struct capture *capture, const struct vly_dgram *dgram)
{
	if (capture->port && dgram->peer.port != capture->port &&
	    dgram->local.port != capture->port)
		return false;
	return !capture->prefix.bits || is_within(&capture->prefix, dgram->peer.ip) ||
	       is_within(&capture->prefix, dgram->local.ip);
}

// The local address, also where it is left open: of the family that the datagram travels by.
static struct vly_addr local_of(const struct vly_dgram *dgram)
{
	struct vly_addr local = dgram->local;

	if (vly_addr_is_wildcard(&local) && vly_addr_is_ipv4(&dgram->peer))
		memcpy(local.ip, dgram->peer.ip, 12);
	return local;
}

static void fill(const struct capture *capture, struct vly_capture_record *record,
		 const struct vly_dgram *dgram, enum vly_pcapng_direction direction,
		 uint64_t time_ns)
{
	bool is_inbound = direction == VLY_PCAPNG_INBOUND;
	bool has_class = is_inbound || dgram->fate == VLY_FATE_SEND; // a reply has the presets

	record->packet = (struct vly_pcapng_packet){
		.source = is_inbound ? dgram->peer : local_of(dgram),
		.target = is_inbound ? local_of(dgram) : dgram->peer,
		.time_ns = time_ns,
		.direction = direction,
		.missed = capture->missed,
		.ttl = has_class ? dgram->ttl : 0,
		.tos = has_class ? dgram->tos : 0,
		.len = dgram->len,
		.captured = dgram->len < capture->snap_bytes ? dgram->len
							     : (uint16_t)capture->snap_bytes,
	};
	memcpy(record->payload, vly_dgram_data(dgram), record->packet.captured);
}

static void take(struct capture *capture, struct vly_burst *burst,
		 enum vly_pcapng_direction direction)
{
	uint64_t captured = 0, missed = 0, filtered = 0;

	for (uint32_t i = 0; i < burst->count; i++) {
		const struct vly_dgram *dgram = burst->in[i];
		struct vly_capture_record *record;
		bool is_inbound = direction == VLY_PCAPNG_INBOUND;

		if (!is_wanted(capture, dgram)) {
			filtered++;
			continue;
		}
		record = vly_capture_take(capture->writer);
		if (!record) {
			capture->missed++;
			missed++;
			continue;
		}
		fill(capture, record, dgram, direction,
		     is_inbound && dgram->rx_ns ? dgram->rx_ns : burst->now_ns);
		capture->missed = 0;
		vly_capture_give(capture->writer, record);
		captured++;
	}
	capture->captured += captured;
	vly_metric_add(burst, METRIC_CAPTURED, captured);
	vly_metric_add(burst, METRIC_MISSED, missed);
	vly_metric_add(burst, METRIC_FILTERED, filtered);
}

static void on_burst(void *state, struct vly_burst *burst)
{
	take(state, burst, VLY_PCAPNG_INBOUND);
	for (uint32_t i = 0; i < burst->count; i++)
		vly_pass(burst->in[i]);
}

// What the handlers behind answer, as they leave it.
static void on_answer(void *state, struct vly_burst *burst)
{
	take(state, burst, VLY_PCAPNG_OUTBOUND);
}

// --- what became of it --------------------------------------------------------------------------

static void report(const struct capture *capture, struct vly_burst *burst)
{
	const struct vly_capture_progress *progress = vly_capture_progress(capture->writer);

	vly_metric_set(burst, METRIC_WRITTEN,
		       atomic_load_explicit(&progress->written, memory_order_relaxed));
	vly_metric_set(burst, METRIC_LOST,
		       atomic_load_explicit(&progress->lost, memory_order_relaxed));
	vly_metric_set(burst, METRIC_FILES,
		       atomic_load_explicit(&progress->begun, memory_order_relaxed));
	vly_metric_set(burst, METRIC_ERROR,
		       atomic_load_explicit(&progress->error, memory_order_relaxed));
}

static void on_report(void *state, struct vly_burst *burst, struct vly_timer *timer)
{
	(void)timer;
	report(state, burst);
}

static void on_start(void *state, struct vly_burst *burst)
{
	struct capture *capture = state;

	capture->report.fire = on_report;
	vly_timer_start(burst, &capture->report, REPORT_NS, REPORT_NS);
	report(capture, burst);
}

// So that the last figures are those of the files: half a second at most.
static void on_drain(void *state, struct vly_burst *burst)
{
	const struct timespec nap = {.tv_nsec = DRAIN_NAP_NS};
	struct capture *capture = state;
	const struct vly_capture_progress *progress = vly_capture_progress(capture->writer);

	for (uint32_t i = 0; i < DRAIN_NAPS; i++) {
		uint64_t done = atomic_load_explicit(&progress->written, memory_order_relaxed) +
				atomic_load_explicit(&progress->lost, memory_order_relaxed);

		if (done == capture->captured)
			break;
		nanosleep(&nap, NULL);
	}
	report(capture, burst);
}

// --- life ---------------------------------------------------------------------------------------

static int capture_open(void **state, const struct vly_handler_env *env, struct vly_error *error)
{
	const union vly_value *values = env->values;
	const struct vly_capture_config config = {
		.file = values[KEY_FILE].text,
		.worker = env->worker,
		.worker_count = env->worker_count,
		.records = (uint32_t)values[KEY_RECORDS].number,
		.snap_bytes = (uint32_t)values[KEY_SNAP].number,
		.file_bytes = values[KEY_FILE_BYTES].number,
		.files = (uint32_t)values[KEY_FILES].number,
	};
	struct capture *capture = calloc(1, sizeof(*capture));
	int rc = 0;

	if (!capture)
		return vly_fail(error, -ENOMEM, "out of memory");
	capture->snap_bytes = config.snap_bytes;
	capture->port = (uint16_t)values[KEY_PORT].number;
	if (values[KEY_PREFIX].text[0])
		rc = vly_prefix_parse(&capture->prefix, values[KEY_PREFIX].text, error);
	if (!rc)
		rc = vly_capture_open(&capture->writer, &config, error);
	if (rc) {
		free(capture);
		return rc;
	}
	*state = capture;
	return 0;
}

static void capture_close(void *state)
{
	struct capture *capture = state;

	vly_capture_close(capture->writer);
	free(capture);
}

const struct vly_handler_ops vly_handler_capture = {
	.abi = VLY_HANDLER_ABI,
	.name = "capture",
	.summary = "writes what passes to pcapng files",
	.keys = keys,
	.metrics = metrics,
	.open = capture_open,
	.on_start = on_start,
	.on_burst = on_burst,
	.on_answer = on_answer,
	.on_drain = on_drain,
	.close = capture_close,
};
