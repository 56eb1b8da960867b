// SPDX-License-Identifier: BSD-3-Clause
#include "backend/kernel_steer.h"

#include <errno.h>
#include <linux/filter.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "core/fail.h"

// Offsets from the IP header on, as classic BPF has them.
enum steer_offset {
	NET = SKF_NET_OFF,
	IP4_SOURCE = 12,
	IP6_SOURCE = 8,
	IP6_BYTES = 40,
};

enum steer_code {
	LOAD_BYTE = BPF_LD | BPF_B | BPF_ABS,
	LOAD_HALF = BPF_LD | BPF_H | BPF_ABS,
	LOAD_HALF_X = BPF_LD | BPF_H | BPF_IND,
	LOAD_WORD = BPF_LD | BPF_W | BPF_ABS,
	TO_X = BPF_MISC | BPF_TAX,
	STORE = BPF_ST,
	LOAD_X = BPF_LDX | BPF_MEM,
	LOAD_X_CONSTANT = BPF_LDX | BPF_IMM,
	XOR_X = BPF_ALU | BPF_XOR | BPF_X,
	ADD_X = BPF_ALU | BPF_ADD | BPF_X,
	SHIFT_RIGHT = BPF_ALU | BPF_RSH | BPF_K,
	SHIFT_LEFT = BPF_ALU | BPF_LSH | BPF_K,
	AND = BPF_ALU | BPF_AND | BPF_K,
	TIMES = BPF_ALU | BPF_MUL | BPF_K,
	MODULO = BPF_ALU | BPF_MOD | BPF_K,
	IF_EQUAL = BPF_JMP | BPF_JEQ | BPF_K,
	SKIP = BPF_JMP | BPF_JA,
	RETURN = BPF_RET | BPF_A,
};

static int attach(int fd, struct sock_filter *code, size_t bytes)
{
	struct sock_fprog program = {
		.len = (unsigned short)(bytes / sizeof(code[0])),
		.filter = code,
	};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program))
		       ? -errno
		       : 0;
}

static int attach_spreading(int fd, uint32_t queues)
{
	struct sock_filter code[] = {
		{LOAD_WORD, 0, 0, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM)},
		{MODULO, 0, 0, queues},
		{RETURN, 0, 0, 0},
	};

	return attach(fd, code, sizeof(code));
}

// The source's address, folded into a word, and port are multiplied with an odd constant, so that
// what differs little in them differs much in the upper half of the product.
static int attach_by_flow(int fd, uint32_t queues)
{
	static const uint32_t factor = 0x9e3779b1;
	struct sock_filter code[] = {
		{LOAD_BYTE, 0, 0, (uint32_t)NET},
		{SHIFT_RIGHT, 0, 0, 4},
		{IF_EQUAL, 7, 0, 6}, // IPv6
		// IPv4: the header is as long as its first byte says
		{LOAD_WORD, 0, 0, (uint32_t)(NET + IP4_SOURCE)},
		{STORE, 0, 0, 0},
		{LOAD_BYTE, 0, 0, (uint32_t)NET},
		{AND, 0, 0, 0xf},
		{SHIFT_LEFT, 0, 0, 2},
		{TO_X, 0, 0, 0},
		{SKIP, 0, 0, 12},
		// IPv6
		{LOAD_WORD, 0, 0, (uint32_t)(NET + IP6_SOURCE)},
		{TO_X, 0, 0, 0},
		{LOAD_WORD, 0, 0, (uint32_t)(NET + IP6_SOURCE + 4)},
		{XOR_X, 0, 0, 0},
		{TO_X, 0, 0, 0},
		{LOAD_WORD, 0, 0, (uint32_t)(NET + IP6_SOURCE + 8)},
		{XOR_X, 0, 0, 0},
		{TO_X, 0, 0, 0},
		{LOAD_WORD, 0, 0, (uint32_t)(NET + IP6_SOURCE + 12)},
		{XOR_X, 0, 0, 0},
		{STORE, 0, 0, 0},
		{LOAD_X_CONSTANT, 0, 0, IP6_BYTES},
		// both: X is where the ports begin
		{LOAD_HALF_X, 0, 0, (uint32_t)NET},
		{TIMES, 0, 0, factor},
		{LOAD_X, 0, 0, 0},
		{ADD_X, 0, 0, 0},
		{TIMES, 0, 0, factor},
		{SHIFT_RIGHT, 0, 0, 16},
		{MODULO, 0, 0, queues},
		{RETURN, 0, 0, 0},
	};

	return attach(fd, code, sizeof(code));
}

void vly_kernel_steer(const struct vly_kernel_sockets *first, const char *name,
		      const struct vly_port_config *config, bool spread)
{
	if (config->queues < 2 || !config->listen_count)
		return;
	for (uint32_t i = 0; i < first->count; i++) {
		int fd = first->list[i].fd;
		int rc = spread ? attach_spreading(fd, config->queues)
				: attach_by_flow(fd, config->queues);

		if (rc) {
			vly_log_line(&config->log,
				     "%s: the kernel chooses queues itself (no program on a shared "
				     "port, Linux 4.5: %s): flows may move, and none is spread",
				     name, strerror(-rc));
			return;
		}
	}
}

bool vly_kernel_has_steering(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int on = 1;
	bool has;

	if (fd < 0)
		return false;
	has = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0 &&
	      attach_by_flow(fd, 2) == 0;
	close(fd);
	return has;
}
