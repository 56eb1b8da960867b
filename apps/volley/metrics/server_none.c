// SPDX-License-Identifier: BSD-3-Clause
//
// What stands in for the server where there is no libmicrohttpd: nothing is ever opened.
#include <errno.h>

#include "metrics/server.h"

int metrics_open(struct metrics_server **server, const struct vly_endpoint *at,
		 const struct metrics_page *page, struct vly_error *error)
{
	(void)at;
	(void)page;
	*server = NULL;
	snprintf(error->text, sizeof(error->text),
		 "--metrics: built without libmicrohttpd; install libmicrohttpd-dev and build "
		 "again");
	return -ENOTSUP;
}

void metrics_close(struct metrics_server *server)
{
	(void)server;
}

const char *metrics_address(const struct metrics_server *server)
{
	(void)server;
	return "";
}

int metrics_fd(const struct metrics_server *server)
{
	(void)server;
	return -1;
}

uint64_t metrics_wait_ns(const struct metrics_server *server, uint64_t most_ns)
{
	(void)server;
	return most_ns;
}

void metrics_run(struct metrics_server *server)
{
	(void)server;
}
