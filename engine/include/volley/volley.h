// SPDX-License-Identifier: BSD-3-Clause
//
// Everything public, in reading order.
#pragma once

#include "error.h"
#include "addr.h"
#include "dgram.h"
#include "ledger.h"
#include "key.h"
#include "handler.h"
#include "port.h"
#include "engine.h"
