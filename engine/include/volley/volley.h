// SPDX-License-Identifier: BSD-3-Clause
//
// Everything public, in reading order.
#pragma once

#include "addr.h"
#include "client.h"
#include "dgram.h"
#include "engine.h"
#include "error.h"
#include "handler.h"
#include "key.h"
#include "kit.h"
#include "ledger.h"
#include "port.h"
#include "tap.h"
