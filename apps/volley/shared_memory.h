// SPDX-License-Identifier: BSD-3-Clause
//
// Memory that another process shares with us, and can take back. The peer of a virtio pair makes a
// file in memory and we map it; where it has shrunk the file since, or named more than there is,
// the kernel answers an access with SIGBUS, which would end us.
#pragma once

// From now on such a place reads as zeros instead, which no ring of virtio's means anything by, and
// the first time is told on standard error. Any other SIGBUS ends the process as ever.
void guard_shared_memory(void);
