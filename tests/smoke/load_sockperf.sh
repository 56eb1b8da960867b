#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# `volley load` and sockperf find the same median round trip on the same path.
. "$(dirname "$0")/lib.sh"

needs_tool sockperf
"$python" -B "$here/load_sockperf.py" "$volley" "$tmp" || fail "another median than sockperf's"
