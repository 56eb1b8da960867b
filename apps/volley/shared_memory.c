// SPDX-License-Identifier: BSD-3-Clause
#include "shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	SHARED_AT = 3, // "rw-s": after the addresses in /proc/self/maps, proc(5)
	HEX = 16,
};

// A line of /proc/self/maps as far as it is read, "first-last rwxs ...".
struct mapping {
	uintptr_t first;
	uintptr_t last;
	enum {
		FIRST,
		LAST,
		RIGHTS,
		REST
	} field;
	int index; // in the rights
	bool is_shared;
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Takes one character more; true at the end of a line.
static bool take(struct mapping *line, char c)
{
	if (line->field == FIRST && hex_digit(c) >= 0)
		line->first = line->first * HEX + (uintptr_t)hex_digit(c);
	else if (line->field == LAST && hex_digit(c) >= 0)
		line->last = line->last * HEX + (uintptr_t)hex_digit(c);
	else if (line->field == RIGHTS && line->index++ == SHARED_AT)
		line->is_shared = c == 's';
	if (c == (line->field == FIRST ? '-' : ' ') && line->field != REST)
		line->field++;
	return c == '\n';
}

// Whether others may have that memory, too. In a signal handler: it has no more than system calls.
static bool is_shared(uintptr_t address)
{
	struct mapping line = {0};
	char text[1024];
	bool found = false;
	ssize_t n;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && !found && (n = read(fd, text, sizeof(text))) > 0) {
		for (ssize_t i = 0; i < n && !found; i++) {
			if (!take(&line, text[i]))
				continue;
			found = line.is_shared && address >= line.first && address < line.last;
			line = (struct mapping){0};
		}
	}
	if (fd >= 0)
		close(fd);
	return found;
}

// Zeros in the place of the page that is gone: one of 4 KiB, or where it was a huge one, of that.
static bool replace(uintptr_t address)
{
	static const uintptr_t sizes[] = {1u << 12, 1u << 21, 1u << 30};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (mmap((void *)(address & ~(sizes[i] - 1)), sizes[i], PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
			 0) != MAP_FAILED)
			return true;
	}
	return false;
}

static void on_bus_error(int number, siginfo_t *info, void *context)
{
	static const char line[] = "volley: the other side has taken back memory that it shares; "
				   "it reads as zeros, and its datagrams are lost\n";
	static atomic_bool has_told;
	uintptr_t address = (uintptr_t)info->si_addr;
	int error = errno;

	(void)context;
	if (info->si_code != BUS_ADRERR || !is_shared(address) || !replace(address)) {
		signal(number, SIG_DFL);
		raise(number); // as soon as this returns
	} else if (!atomic_exchange(&has_told, true) &&
		   write(STDERR_FILENO, line, strlen(line)) < 0) {
		atomic_store(&has_told, false);
	}
	errno = error;
}

void guard_shared_memory(void)
{
	struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};

	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, NULL);
}
