// SPDX-License-Identifier: BSD-3-Clause
#include "handler/capture/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fail.h"
#include "core/thread.h"
#include "ring/spsc.h"

enum {
	BATCH = 64,            // records looked at together
	NAP_NS = 1000000,      // of the thread, with nothing to write
	RETRY_NS = 1000000000, // after an error, before the file is tried again
	NAME_BYTES = 512,
	FILES_LAST = 99999,
	BUFFER_BYTES = 1 << 18,
	RECORD_ALIGN = 16,
};

struct vly_capture_writer {
	struct vly_capture_config config;
	struct vly_ring *empty; // thread to capturer
	struct vly_ring *full;  // capturer to thread
	uint8_t *records;
	struct vly_capture_progress progress;
	pthread_t thread;
	atomic_bool is_ending;
	// the thread's own, from here on
	int fd;
	uint64_t file_used;
	struct vly_interfaces interfaces; // of the file, and how many of these stand in it
	uint32_t interfaces_written;
	uint64_t retry_ns;     // 0: the file is well
	uint32_t number;       // of the file
	uint32_t *numbers;     // of the files kept, in a circle of config.files
	uint64_t epoch_ns;     // to add to CLOCK_MONOTONIC
	uint32_t buffer_count; // records in it
	uint32_t buffer_used;
	uint8_t *buffer;
	char stem[NAME_BYTES]; // of the file, without its ending
};

// --- files --------------------------------------------------------------------------------------

static void name_file(const struct vly_capture_writer *writer, uint32_t number, char *name)
{
	if (writer->config.worker_count > 1)
		snprintf(name, NAME_BYTES + 32, "%s-%u_%05u.pcapng", writer->stem,
			 writer->config.worker, number);
	else
		snprintf(name, NAME_BYTES + 32, "%s_%05u.pcapng", writer->stem, number);
}

static uint64_t find_epoch_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec - vly_clock_ns();
}

static bool write_all(int fd, const uint8_t *bytes, size_t count)
{
	while (count) {
		ssize_t n = write(fd, bytes, count);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		count -= (size_t)n;
	}
	return true;
}

// The oldest of the files that are kept makes room.
static void keep_number(struct vly_capture_writer *writer)
{
	uint64_t begun = atomic_load_explicit(&writer->progress.begun, memory_order_relaxed);
	uint32_t *slot = &writer->numbers[begun % writer->config.files];
	char name[NAME_BYTES + 32];

	if (begun >= writer->config.files) {
		name_file(writer, *slot, name);
		unlink(name);
	}
	*slot = writer->number;
	atomic_store_explicit(&writer->progress.begun, begun + 1, memory_order_relaxed);
}

// Begins the next file that is not there yet. Returns 0 or a negative errno.
static int begin_file(struct vly_capture_writer *writer)
{
	uint8_t bytes[VLY_PCAPNG_SECTION_BYTES];
	uint32_t len = vly_pcapng_section(bytes);
	char name[NAME_BYTES + 32];

	do {
		if (++writer->number > FILES_LAST)
			return -EEXIST;
		name_file(writer, writer->number, name);
		writer->fd = open(name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	} while (writer->fd < 0 && errno == EEXIST);
	if (writer->fd < 0) {
		writer->number--;
		return -errno;
	}
	if (!write_all(writer->fd, bytes, len)) {
		int error = errno;

		close(writer->fd);
		writer->fd = -1;
		unlink(name);
		writer->number--;
		return -error;
	}
	keep_number(writer);
	writer->file_used = len;
	writer->interfaces.count = 0;
	writer->interfaces_written = 0;
	writer->epoch_ns = find_epoch_ns();
	return 0;
}

static void note_error(struct vly_capture_writer *writer, int error)
{
	atomic_store_explicit(&writer->progress.error, (uint32_t)error, memory_order_relaxed);
	writer->retry_ns = vly_clock_ns() + RETRY_NS;
}

static void end_file(struct vly_capture_writer *writer)
{
	if (writer->fd >= 0)
		close(writer->fd);
	writer->fd = -1;
}

// What could not be written as a whole is cut off again, so that the file stays one.
static void flush(struct vly_capture_writer *writer)
{
	bool is_written = !writer->retry_ns && writer->fd >= 0 &&
			  write_all(writer->fd, writer->buffer, writer->buffer_used);

	if (is_written) {
		writer->file_used += writer->buffer_used;
		writer->interfaces_written = writer->interfaces.count;
		atomic_fetch_add_explicit(&writer->progress.written, writer->buffer_count,
					  memory_order_relaxed);
	} else {
		writer->interfaces.count = writer->interfaces_written; // to be written again
		if (!writer->retry_ns) {
			note_error(writer, errno);
			if (ftruncate(writer->fd, (off_t)writer->file_used) < 0)
				end_file(writer);
		}
		atomic_fetch_add_explicit(&writer->progress.lost, writer->buffer_count,
					  memory_order_relaxed);
	}
	writer->buffer_used = 0;
	writer->buffer_count = 0;
}

// Before records are put into the buffer: the file may be full, or worth another try.
static void care_for_file(struct vly_capture_writer *writer)
{
	int rc;

	if (writer->retry_ns && vly_clock_ns() >= writer->retry_ns)
		writer->retry_ns = 0;
	if (writer->retry_ns || (writer->fd >= 0 && writer->file_used < writer->config.file_bytes))
		return;
	end_file(writer);
	rc = begin_file(writer);
	if (rc)
		note_error(writer, -rc);
}

// --- the thread ---------------------------------------------------------------------------------

static void put_record(struct vly_capture_writer *writer, struct vly_capture_record *record)
{
	struct vly_pcapng_packet *packet = &record->packet;

	uint32_t block;

	if (writer->buffer_used + packet->captured + VLY_PCAPNG_AROUND_BYTES +
		    VLY_PCAPNG_INTERFACE_BYTES >
	    BUFFER_BYTES)
		flush(writer);
	packet->interface = vly_interfaces_find(&writer->interfaces, writer->config.wires,
						writer->config.wire_count, (uint8_t)packet->queue,
						record->link, writer->config.snap_bytes,
						writer->buffer + writer->buffer_used, &block);
	writer->buffer_used += block;
	packet->time_ns += writer->epoch_ns;
	writer->buffer_used +=
		vly_pcapng_packet(writer->buffer + writer->buffer_used, packet, record->payload);
	writer->buffer_count++;
}

static uint32_t write_some(struct vly_capture_writer *writer)
{
	void *records[BATCH];
	uint32_t n = vly_ring_pop(writer->full, records, BATCH);

	if (!n)
		return 0;
	care_for_file(writer);
	for (uint32_t i = 0; i < n; i++) {
		if (writer->file_used + writer->buffer_used >= writer->config.file_bytes) {
			flush(writer);
			care_for_file(writer);
		}
		put_record(writer, records[i]);
	}
	flush(writer);
	vly_ring_push(writer->empty, records, n); // as large as there are records
	return n;
}

static void *run(void *arg)
{
	struct vly_capture_writer *writer = arg;
	const struct timespec nap = {.tv_nsec = NAP_NS};

	for (;;) {
		// Looked at first: what was given before the end is then seen.
		bool is_ending = atomic_load_explicit(&writer->is_ending, memory_order_acquire);

		if (write_some(writer))
			continue;
		if (is_ending)
			return NULL;
		nanosleep(&nap, NULL);
	}
}

static int start_thread(struct vly_capture_writer *writer, struct vly_error *error)
{
	int rc = vly_thread_start(&writer->thread, run, writer);

	return rc ? vly_fail(error, rc, "capture: no thread (%s); see ulimit -u", strerror(-rc))
		  : 0;
}

// --- opening and closing ------------------------------------------------------------------------

static void free_writer(struct vly_capture_writer *writer)
{
	end_file(writer);
	vly_ring_close(writer->empty);
	vly_ring_close(writer->full);
	free(writer->records);
	free(writer->numbers);
	free(writer->buffer);
	free(writer);
}

static int make_records(struct vly_capture_writer *writer, struct vly_error *error)
{
	size_t bytes = sizeof(struct vly_capture_record) + writer->config.snap_bytes;
	int rc = vly_ring_open(&writer->empty, writer->config.records, error);

	if (!rc)
		rc = vly_ring_open(&writer->full, writer->config.records, error);
	if (rc)
		return rc;
	bytes = (bytes + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
	writer->records = calloc(writer->config.records, bytes);
	writer->numbers = calloc(writer->config.files, sizeof(*writer->numbers));
	writer->buffer = malloc(BUFFER_BYTES);
	if (!writer->records || !writer->numbers || !writer->buffer)
		return vly_fail(error, -ENOMEM, "capture: out of memory; give fewer records");
	for (uint32_t i = 0; i < writer->config.records; i++) {
		void *record = writer->records + i * bytes;

		vly_ring_push(writer->empty, &record, 1);
	}
	return 0;
}

static int set_stem(struct vly_capture_writer *writer, struct vly_error *error)
{
	size_t len = strlen(writer->config.file);

	if (len >= 7 && strcmp(writer->config.file + len - 7, ".pcapng") == 0)
		len -= 7;
	if (!len || len >= NAME_BYTES)
		return vly_fail(error, -EINVAL, "capture: file=%s: give a name of up to %d bytes",
				writer->config.file, NAME_BYTES - 1);
	memcpy(writer->stem, writer->config.file, len);
	return 0;
}

int vly_capture_open(struct vly_capture_writer **writer, const struct vly_capture_config *config,
		     struct vly_error *error)
{
	struct vly_capture_writer *opened = calloc(1, sizeof(*opened));
	int rc;

	if (!opened)
		return vly_fail(error, -ENOMEM, "out of memory");
	opened->config = *config;
	opened->fd = -1;
	rc = set_stem(opened, error);
	if (!rc)
		rc = make_records(opened, error);
	if (!rc) {
		rc = begin_file(opened);
		if (rc)
			vly_fail(error, rc,
				 "capture: no file %s_00001.pcapng can be begun (%s); give a "
				 "folder that can be written, with file=",
				 opened->stem, strerror(-rc));
	}
	if (!rc)
		rc = start_thread(opened, error);
	if (rc) {
		free_writer(opened);
		return rc;
	}
	*writer = opened;
	return 0;
}

void vly_capture_close(struct vly_capture_writer *writer)
{
	if (!writer)
		return;
	atomic_store_explicit(&writer->is_ending, true, memory_order_release);
	pthread_join(writer->thread, NULL);
	free_writer(writer);
}

struct vly_capture_record *vly_capture_take(struct vly_capture_writer *writer)
{
	void *record;

	return vly_ring_pop(writer->empty, &record, 1) ? record : NULL;
}

void vly_capture_give(struct vly_capture_writer *writer, struct vly_capture_record *record)
{
	void *item = record;

	vly_ring_push(writer->full, &item, 1);
}

const struct vly_capture_progress *vly_capture_progress(const struct vly_capture_writer *writer)
{
	return &writer->progress;
}

const char *vly_capture_stem(const struct vly_capture_writer *writer)
{
	return writer->stem;
}
