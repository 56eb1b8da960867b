// SPDX-License-Identifier: BSD-3-Clause
//
// The messages of IGMP (RFC 2236, RFC 3376) and MLD (RFC 2710, RFC 3810).
#pragma once

enum vly_igmp_layout {
	VLY_IGMP_BYTES = 8,
	VLY_IGMP_QUERY3_BYTES = 12,
	VLY_MLD_BYTES = 24,
	VLY_MLD_QUERY2_BYTES = 28,
};

enum vly_igmp_type {
	VLY_IGMP_QUERY = 0x11,
	VLY_IGMP_REPORT1 = 0x12,
	VLY_IGMP_REPORT2 = 0x16,
	VLY_IGMP_LEAVE2 = 0x17,
	VLY_IGMP_REPORT3 = 0x22,
	VLY_MLD_QUERY = 130,
	VLY_MLD_REPORT1 = 131,
	VLY_MLD_DONE1 = 132,
	VLY_MLD_REPORT2 = 143,
};

enum vly_igmp_record {
	VLY_IGMP_IS_INCLUDE = 1,
	VLY_IGMP_IS_EXCLUDE = 2,
	VLY_IGMP_TO_INCLUDE = 3,
	VLY_IGMP_TO_EXCLUDE = 4,
	VLY_IGMP_ALLOW = 5,
	VLY_IGMP_BLOCK = 6,
	VLY_IGMP_RECORD_BYTES = 4, // and the group, and the sources
};
