// SPDX-License-Identifier: BSD-3-Clause
//
// The dpdk backend as far as it goes without starting DPDK: DEVICE texts, driver arguments,
// options, and the lines that a user reads when something is wrong.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/backends.h"
#include "backend/dpdk_private.h"

static struct vly_dpdk_device parse(const char *text)
{
	struct vly_dpdk_device device;
	struct vly_error error = {""};

	assert_int_equal(vly_dpdk_device_parse(&device, text, &error), 0);
	assert_string_equal(error.text, "");
	return device;
}

static void test_device_texts(void **state)
{
	struct vly_dpdk_device device = parse("virtio-user:/tmp/a.sock");

	(void)state;
	assert_int_equal(device.id, VLY_DPDK_VIRTIO_USER);
	assert_string_equal(device.target, "/tmp/a.sock");
	assert_string_equal(device.extra, "");
	device = parse("vdev:net_null0,size=64,copy=1");
	assert_int_equal(device.id, VLY_DPDK_VDEV);
	assert_string_equal(device.target, "net_null0");
	assert_string_equal(device.extra, "size=64,copy=1");
	device = parse("pci:0000:01:00.0");
	assert_int_equal(device.id, VLY_DPDK_PCI);
	assert_string_equal(device.target, "0000:01:00.0");
	assert_int_equal(parse("vhost-user:s").id, VLY_DPDK_VHOST_USER);
	assert_int_equal(parse("memif:s").id, VLY_DPDK_MEMIF);
	assert_int_equal(parse("af_xdp:eth9").id, VLY_DPDK_AF_XDP);
	assert_int_equal(parse("af_packet:eth9").id, VLY_DPDK_AF_PACKET);
	assert_int_equal(parse("pcap:f").id, VLY_DPDK_PCAP);
}

static void test_bad_device_texts(void **state)
{
	static const char *const bad[] = {"",      "eth0", "virtio", "virtio-user",
					  "tap:x", ":x",   "pci"};
	char longer[400] = "pcap:";
	struct vly_dpdk_device device;
	struct vly_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		error.text[0] = 0;
		assert_int_equal(vly_dpdk_device_parse(&device, bad[i], &error), -EINVAL);
		assert_non_null(strstr(error.text, "virtio-user:PATH"));
		assert_non_null(strstr(error.text, "vdev:"));
	}
	assert_int_equal(vly_dpdk_device_parse(&device, NULL, &error), -EINVAL);
	assert_non_null(strstr(error.text, "no device given"));
	assert_int_equal(vly_dpdk_device_parse(&device, "pcap:", &error), -EINVAL);
	assert_non_null(strstr(error.text, "give pcap:FILE"));
	memset(longer + 5, 'x', sizeof(longer) - 6);
	assert_int_equal(vly_dpdk_device_parse(&device, longer, &error), -EINVAL);
	assert_non_null(strstr(error.text, "too long"));
}

static void test_driver_arguments(void **state)
{
	struct vly_dpdk_plan plan = {
		.device = parse("virtio-user:/tmp/s,queue_size=256"),
		.options = {.descriptors = 1024, .mac = {2, 0, 0, 0, 0, 1}},
		.queues = 3,
	};
	struct vly_error error = {""};
	char args[VLY_DPDK_ARGS_BYTES];
	char few[24];

	(void)state;
	assert_int_equal(vly_dpdk_devargs(args, sizeof(args), &plan, &error), 0);
	assert_non_null(strstr(args, "path=/tmp/s"));
	assert_non_null(strstr(args, "queues=3"));
	assert_non_null(strstr(args, "mac=02:00:00:00:00:01"));
	// What the user gave is there once, and wins.
	assert_non_null(strstr(args, "queue_size=256"));
	assert_null(strstr(args, "queue_size=1024"));
	assert_int_equal(vly_dpdk_devargs(few, sizeof(few), &plan, &error), -EINVAL);
	assert_non_null(strstr(error.text, "too many driver arguments"));
}

static void driver_arguments(const char *device, bool serves, const char *has, const char *lacks)
{
	struct vly_dpdk_plan plan = {.device = parse(device), .queues = 1};
	struct vly_error error = {""};
	char args[VLY_DPDK_ARGS_BYTES];

	plan.device.serves = serves;
	assert_int_equal(vly_dpdk_devargs(args, sizeof(args), &plan, &error), 0);
	assert_non_null(strstr(args, has));
	assert_null(strstr(args, lacks));
}

// Either end of a virtio pair may own the socket.
static void test_who_owns_the_socket(void **state)
{
	(void)state;
	driver_arguments("virtio-user:/tmp/s", true, "server=1", "client=1");
	driver_arguments("virtio-user:/tmp/s", false, "path=/tmp/s", "server=1");
	driver_arguments("vhost-user:/tmp/s", true, "iface=/tmp/s", "client=1");
	driver_arguments("vhost-user:/tmp/s", false, "client=1", "server=1");
}

static void test_macs_are_stable(void **state)
{
	struct vly_dpdk_device client = parse("virtio-user:/tmp/s");
	struct vly_dpdk_device server = parse("vhost-user:/tmp/s");
	uint8_t one[6];
	uint8_t two[6];

	(void)state;
	server.serves = true;
	vly_dpdk_device_mac(&client, one);
	vly_dpdk_device_mac(&client, two);
	assert_memory_equal(one, two, sizeof(one));
	assert_int_equal(one[0] & 3, 2); // locally administered, one station
	vly_dpdk_device_mac(&server, two);
	assert_memory_not_equal(one, two, sizeof(one));
}

static void read_options(const char *word, int rc, const char *line)
{
	struct vly_dpdk_options options;
	union vly_value values[VLY_KEYS_MAX];
	struct vly_error error = {""};
	int got = vly_keys_parse(vly_dpdk_keys, &word, 1, values, &error);

	if (!got)
		got = vly_dpdk_options_read(&options, values, &error);
	assert_int_equal(got, rc);
	assert_non_null(strstr(error.text, line));
	assert_int_equal(rc == 0, error.text[0] == '\0');
}

static void test_options(void **state)
{
	(void)state;
	read_options("packed=off", 0, "");
	read_options("packed=perhaps", -EINVAL, "give auto, on or off");
	read_options("descriptors=512", 0, "");
	read_options("descriptors=1000", -EINVAL, "power of two");
	read_options("mac=02:00:00:00:00:01", 0, "");
	read_options("mac=ff:ff:ff:ff:ff:ff", -EINVAL, "no station's address");
	read_options("log=loud", -EINVAL, "warning");
	read_options("role=both", -EINVAL, "server");
	read_options("server=on", 0, "");
	read_options("share=off", 0, "");
	read_options("share=ssh", -EINVAL, "give auto, on or off");
	read_options("server=1", -EINVAL, "give auto, on or off");
	read_options("colour=red", -EINVAL, "colour");
}

// Opens and expects failure with that line.
static void fails(const char *device, int rc, const char *line)
{
	const struct vly_port_config config = {.device = device, .queues = 1};
	union vly_value values[VLY_KEYS_MAX];
	struct vly_backend_port *port;
	struct vly_error error = {""};
	int got;

	assert_int_equal(vly_keys_parse(vly_dpdk_keys, NULL, 0, values, &error), 0);
	got = vly_backend_dpdk.open(&port, &config, values, NULL, &error);
	if (got != rc || !strstr(error.text, line))
		print_error("%s: %d, \"%s\"\n", device ? device : "(none)", got, error.text);
	assert_int_equal(got, rc);
	assert_non_null(strstr(error.text, line));
}

static void leave_dead_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
}

// What can be said of sharing without an interface of our own to share.
static void test_sharing_refused(void **state)
{
	const struct vly_endpoint listen = {.addr = {.port = 9000}};
	struct vly_port_config config = {.listens = &listen, .listen_count = 1};
	struct vly_dpdk_plan plan = {.device = parse("af_packet:lo")};
	struct vly_dpdk_share *share = &plan.share;
	struct vly_error error = {""};

	(void)state;
	assert_int_equal(vly_dpdk_share_open(share, &plan, &config, &error), 0);
	assert_false(share->is_on);
	vly_dpdk_share_close(share);
	plan.options.share = VLY_DPDK_ON;
	assert_int_equal(vly_dpdk_share_open(share, &plan, &config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "af_xdp:INTERFACE"));
	vly_dpdk_share_close(share);
	plan.device = parse("af_xdp:lo");
	config.vlan = 5;
	assert_int_equal(vly_dpdk_share_open(share, &plan, &config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "are the kernel's"));
	vly_dpdk_share_close(share);
}

// A client's port is nobody else's, as long as it is open. Nothing is attached to the interface.
static void test_client_port_is_kept(void **state)
{
	const struct vly_port_config config = {.queues = 1};
	struct vly_dpdk_plan plan = {.device = parse("af_xdp:lo")};
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct vly_error error = {""};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int rc = vly_dpdk_share_open(&plan.share, &plan, &config, &error);

	(void)state;
	assert_int_equal(rc, 0);
	if (!plan.share.is_on) {
		print_message("skipped: built without libbpf, libxdp or clang\n");
		skip();
	}
	address.sin_port = htons(plan.share.client_port);
	assert_int_not_equal(plan.share.client_port, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), -1);
	assert_int_equal(errno, EADDRINUSE);
	vly_dpdk_share_close(&plan.share);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
}

static void test_missing_devices(void **state)
{
	char folder[] = "/tmp/volley-dpdk-XXXXXX";
	char dead[64];
	char device[96];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(dead, sizeof(dead), "%s/dead", folder);
	leave_dead_socket(dead);
	fails(NULL, -EINVAL, "no device given");
	fails("af_packet:nosuchif0", -ENODEV, "no such interface");
	fails("af_xdp:nosuchif0", -ENODEV, "no such interface");
	fails("pci:ffff:ff:1f.7", -ENODEV, "lspci");
	fails("virtio-user:/nosuch/socket", -ENODEV, "serves it first");
	snprintf(device, sizeof(device), "virtio-user:%s", dead);
	fails(device, -ENODEV, "nobody serves");
	fails("vhost-user:/nosuch/socket", -ENODEV, "/nosuch/");
	snprintf(device, sizeof(device), "vhost-user:%s", folder);
	fails(device, -EADDRINUSE, "is not a socket");
	fails("pcap:/nosuch/file", -ENODEV, "cannot be read");
	unlink(dead);
	rmdir(folder);
}

static void test_socket_in_use(void **state)
{
	char folder[] = "/tmp/volley-dpdk-XXXXXX";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char device[160];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/live", folder);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	snprintf(device, sizeof(device), "vhost-user:%s", address.sun_path);
	fails(device, -EADDRINUSE, "served by another process");
	// The owner has noticed nothing.
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(accept(fd, NULL, NULL), -1);
	close(fd);
	unlink(address.sun_path);
	rmdir(folder);
}

static void test_probe_says_what_works(void **state)
{
	struct vly_error error = {""};

	(void)state;
	assert_int_equal(vly_backend_dpdk.probe(&error), 0);
	assert_non_null(strstr(error.text, "virtio-user"));
	assert_non_null(strstr(error.text, "vhost-user"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_device_texts),
		cmocka_unit_test(test_bad_device_texts),
		cmocka_unit_test(test_driver_arguments),
		cmocka_unit_test(test_who_owns_the_socket),
		cmocka_unit_test(test_macs_are_stable),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_sharing_refused),
		cmocka_unit_test(test_client_port_is_kept),
		cmocka_unit_test(test_missing_devices),
		cmocka_unit_test(test_socket_in_use),
		cmocka_unit_test(test_probe_says_what_works),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
