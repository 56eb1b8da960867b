// SPDX-License-Identifier: BSD-3-Clause
//
// capture: writes what passes at its place in the chain to pcapng files, inwards and outwards, and
// what those behind it drop with the reason; changes nothing of it. What it sees is what it stands
// between: behind `fernet` the clear text, before it the tokens.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/fail.h"
#include "handler/builtin.h"
#include "handler/capture/writer.h"
#include "tap/filter.h"
#include "tap/seen.h"

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
	struct vly_filter filter;
	uint32_t snap_bytes;
	uint32_t missed; // since the last record
	uint64_t lost;   // of which has been warned
	uint64_t captured;
};

// --- what is captured ---------------------------------------------------------------------------

enum place {
	PLACE_IN,    // on its way to the handlers behind
	PLACE_OUT,   // on its way back from them
	PLACE_ENDED, // dropped by them
};

static void fill(const struct capture *capture, struct vly_capture_record *record,
		 const struct vly_dgram *dgram, enum place place, uint64_t now_ns)
{
	bool is_outbound = place == PLACE_OUT || (place == PLACE_ENDED && !dgram->rx_ns);
	bool has_class = !is_outbound || dgram->fate == VLY_FATE_SEND; // a reply has the presets
	bool is_cut = dgram->len > capture->snap_bytes;

	record->packet = (struct vly_pcapng_packet){
		.source = is_outbound ? vly_seen_local(dgram) : dgram->peer,
		.target = is_outbound ? dgram->peer : vly_seen_local(dgram),
		.time_ns = place == PLACE_IN && dgram->rx_ns ? dgram->rx_ns : now_ns,
		.id = place == PLACE_OUT ? 0 : vly_seen_id(dgram),
		.direction = is_outbound ? VLY_PCAPNG_OUTBOUND : VLY_PCAPNG_INBOUND,
		.queue = dgram->queue,
		.missed = capture->missed,
		.drop = place == PLACE_ENDED ? dgram->fate : (uint8_t)VLY_DROP_COUNT,
		.ttl = has_class ? dgram->ttl : 0,
		.tos = has_class ? dgram->tos : 0,
		.len = dgram->len,
		.captured = is_cut ? (uint16_t)capture->snap_bytes : dgram->len,
	};
	record->link = dgram->link;
	memcpy(record->payload, vly_dgram_data(dgram), record->packet.captured);
}

static void take(struct capture *capture, struct vly_burst *burst, enum place place)
{
	uint64_t captured = 0, missed = 0, filtered = 0;

	for (uint32_t i = 0; i < burst->count; i++) {
		const struct vly_dgram *dgram = burst->in[i];
		struct vly_capture_record *record;

		if (place == PLACE_ENDED && dgram->fate >= VLY_DROP_COUNT)
			continue; // handled
		if (!vly_filter_takes(&capture->filter, &dgram->peer, &dgram->local)) {
			filtered++;
			continue;
		}
		record = vly_capture_take(capture->writer);
		if (!record) {
			capture->missed++;
			missed++;
			continue;
		}
		fill(capture, record, dgram, place, burst->now_ns);
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
	take(state, burst, PLACE_IN);
	for (uint32_t i = 0; i < burst->count; i++)
		vly_pass(burst->in[i]);
}

// What the handlers behind answer, as they leave it.
static void on_answer(void *state, struct vly_burst *burst)
{
	take(state, burst, PLACE_OUT);
}

// What they drop, once more, with the reason.
static void on_ended(void *state, struct vly_burst *burst)
{
	take(state, burst, PLACE_ENDED);
}

// --- what became of it --------------------------------------------------------------------------

static void warn_of_loss(struct capture *capture, struct vly_burst *burst, uint64_t lost,
			 uint32_t error)
{
	char text[VLY_ERROR_BYTES];

	if (lost == capture->lost)
		return;
	snprintf(text, sizeof(text),
		 "%s: %s; %llu datagrams were not written, it is tried again each second: make "
		 "room, or give another file= and reload",
		 vly_capture_stem(capture->writer), strerror((int)error),
		 (unsigned long long)(lost - capture->lost));
	vly_warn(burst, text);
	capture->lost = lost;
}

static void report(struct capture *capture, struct vly_burst *burst)
{
	const struct vly_capture_progress *progress = vly_capture_progress(capture->writer);
	uint64_t lost = atomic_load_explicit(&progress->lost, memory_order_relaxed);
	uint32_t error = atomic_load_explicit(&progress->error, memory_order_relaxed);

	vly_metric_set(burst, METRIC_WRITTEN,
		       atomic_load_explicit(&progress->written, memory_order_relaxed));
	vly_metric_set(burst, METRIC_LOST, lost);
	vly_metric_set(burst, METRIC_FILES,
		       atomic_load_explicit(&progress->begun, memory_order_relaxed));
	vly_metric_set(burst, METRIC_ERROR, error);
	warn_of_loss(capture, burst, lost, error);
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
		.wires = env->wires,
		.wire_count = env->wire_count,
	};
	struct capture *capture = calloc(1, sizeof(*capture));
	int rc = 0;

	if (!capture)
		return vly_fail(error, -ENOMEM, "out of memory");
	capture->snap_bytes = config.snap_bytes;
	capture->filter.port = (uint16_t)values[KEY_PORT].number;
	if (values[KEY_PREFIX].text[0])
		rc = vly_prefix_parse(&capture->filter.prefix, values[KEY_PREFIX].text, error);
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
	.on_ended = on_ended,
	.on_drain = on_drain,
	.close = capture_close,
};
