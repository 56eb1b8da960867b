#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""multicast_query.py INTERFACE WHAT: asks as a router does which groups there are: igmp2, igmp3,
mld1 or mld2; or sends something malformed."""
import sys

from scapy.contrib.igmp import IGMP
from scapy.contrib.igmpv3 import IGMPv3, IGMPv3mq
from scapy.layers.inet import IP, IPOption_Router_Alert
from scapy.layers.inet6 import (ICMPv6MLQuery, ICMPv6MLQuery2, IPv6, IPv6ExtHdrHopByHop,
                                RouterAlert)
from scapy.layers.l2 import Ether
from scapy.sendrecv import sendp

ROUTER4 = Ether(dst='01:00:5e:00:00:01') / IP(src='10.77.0.1', dst='224.0.0.1', ttl=1,
                                              options=[IPOption_Router_Alert()])
ROUTER6 = Ether(dst='33:33:00:00:00:01') / IPv6(src='fe80::9', dst='ff02::1', hlim=1)
ALERT6 = IPv6ExtHdrHopByHop(options=[RouterAlert()])

# Answers are due within half a second.
FRAMES = {
    'igmp2': ROUTER4 / IGMP(type=0x11, mrcode=5),
    'igmp3': ROUTER4 / IGMPv3(type=0x11, mrcode=5) / IGMPv3mq(),
    'mld1': ROUTER6 / ALERT6 / ICMPv6MLQuery(mrd=500),
    'mld2': ROUTER6 / ALERT6 / ICMPv6MLQuery2(mrd=500),
    'malformed': ROUTER4 / IGMPv3(type=0x11, mrcode=5) / IGMPv3mq(numsrc=9),
}

sendp(FRAMES[sys.argv[2]], iface=sys.argv[1], verbose=False)
