// SPDX-License-Identifier: BSD-3-Clause
#include "metrics/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "metrics/listen.h"
#include "monotonic.h"

enum {
	NS_PER_MS = 1000000,
};

struct connection {
	int fd;
	uint64_t since_ns;
};

struct metrics_server {
	struct MHD_Daemon *daemon;
	struct metrics_page page;
	struct connection connections[METRICS_CONNECTIONS_MAX]; // the oldest first
	uint32_t count;
	char address[VLY_ADDR_TEXT_BYTES];
};

static const char content_type[] = "text/plain; version=0.0.4; charset=utf-8";

static void forget(struct metrics_server *server, int fd)
{
	uint32_t i = 0;

	while (i < server->count && server->connections[i].fd != fd)
		i++;
	if (i == server->count)
		return;
	server->count--;
	memmove(&server->connections[i], &server->connections[i + 1],
		(server->count - i) * sizeof(server->connections[0]));
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct metrics_server *server = arg;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	(void)context;
	if (code != MHD_CONNECTION_NOTIFY_STARTED)
		forget(server, info->connect_fd);
	else if (server->count < METRICS_CONNECTIONS_MAX)
		server->connections[server->count++] =
			(struct connection){info->connect_fd, monotonic_ns()};
}

// Whether the other end has nothing more to say. The library is not told when that comes together
// with the last bytes, and would wait for more.
static bool is_half_closed(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLRDHUP};

	return poll(&poll_fd, 1, 0) > 0 && poll_fd.revents & POLLRDHUP;
}

// Ends what has lasted too long: the library then finds the other end closed. It would itself end
// only what is silent, and not who sends a byte now and then.
static void cut_late(struct metrics_server *server)
{
	bool is_full = server->count == METRICS_CONNECTIONS_MAX;
	uint64_t now_ns = monotonic_ns();

	for (uint32_t i = 0; i < server->count; i++) {
		const struct connection *one = &server->connections[i];
		bool is_short = is_full || is_half_closed(one->fd);
		uint64_t patience_s = is_short ? METRICS_PATIENCE_SHORT_S : METRICS_PATIENCE_S;

		if (now_ns - one->since_ns >= patience_s * NS_PER_SECOND)
			shutdown(one->fd, SHUT_RDWR);
	}
}

// Gives the text up, which was allocated.
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned int status, char *text,
			      size_t size)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (!response) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned int status,
			      const char *text)
{
	char *copy = strdup(text);

	return copy ? answer(connection, status, copy, strlen(copy)) : MHD_NO;
}

static enum MHD_Result answer_page(struct MHD_Connection *connection,
				   const struct metrics_page *page)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int rc;

	if (!out)
		return MHD_NO;
	rc = page->write(page->arg, out);
	if (fclose(out) == 0 && rc == 0)
		return answer(connection, MHD_HTTP_OK, text, size);
	free(text);
	return refuse(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **context)
{
	struct metrics_server *server = arg;

	(void)version;
	(void)upload;
	(void)upload_size;
	(void)context;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	if (strcmp(url, "/metrics") != 0)
		return refuse(connection, MHD_HTTP_NOT_FOUND, "nothing here but /metrics\n");
	return answer_page(connection, &server->page);
}

int metrics_open(struct metrics_server **server, const struct vly_endpoint *at,
		 const struct metrics_page *page, struct vly_error *error)
{
	struct metrics_server *new = calloc(1, sizeof(*new));
	int fd;

	*server = NULL;
	if (!new) {
		snprintf(error->text, sizeof(error->text), "metrics: out of memory");
		return -ENOMEM;
	}
	new->page = *page;
	fd = metrics_listen(at, new->address, sizeof(new->address), error);
	if (fd < 0) {
		free(new);
		return fd;
	}
	new->daemon = MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, on_request, new, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)METRICS_CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)METRICS_REQUEST_BYTES,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, new, MHD_OPTION_END);
	if (!new->daemon) {
		snprintf(error->text, sizeof(error->text),
			 "metrics: libmicrohttpd does not start (%s)", strerror(errno));
		close(fd);
		free(new);
		return -EIO;
	}
	*server = new;
	return 0;
}

void metrics_close(struct metrics_server *server)
{
	if (!server)
		return;
	MHD_stop_daemon(server->daemon); // which closes the socket
	free(server);
}

const char *metrics_address(const struct metrics_server *server)
{
	return server ? server->address : "";
}

int metrics_fd(const struct metrics_server *server)
{
	return server ? MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd
		      : -1;
}

uint64_t metrics_wait_ns(const struct metrics_server *server, uint64_t most_ns)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (!server || MHD_get_timeout(server->daemon, &ms) != MHD_YES || ms > most_ns / NS_PER_MS)
		return most_ns;
	return ms * NS_PER_MS;
}

void metrics_run(struct metrics_server *server)
{
	if (!server)
		return;
	cut_late(server);
	MHD_run(server->daemon);
}
