#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""deny.py SYSCALL ERROR [ARGUMENT=VALUE] COMMAND...: runs a command for which a system call fails
with an error (all of them, or those with this value in this argument), as under the seccomp filter
of a container engine. deny.py io_uring_register EINVAL 1=22 volley backends"""
import ctypes
import errno
import os
import platform
import struct
import sys

NUMBERS = {'io_uring_setup': 425, 'io_uring_enter': 426, 'io_uring_register': 427,
           'socket': 41 if platform.machine() == 'x86_64' else 198,
           'setsockopt': 54 if platform.machine() == 'x86_64' else 208}
PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
RET_ERRNO = 0x00050000
RET_ALLOW = 0x7FFF0000
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
NR_OFFSET, ARGS_OFFSET = 0, 16  # of struct seccomp_data


class Program(ctypes.Structure):
    _fields_ = [('len', ctypes.c_ushort), ('filter', ctypes.c_void_p)]


def install(number, error, argument):
    code = [(LOAD, 0, 0, NR_OFFSET), (JUMP_EQUAL, 0, 3 if argument else 1, number)]
    if argument:
        index, value = argument
        code += [(LOAD, 0, 0, ARGS_OFFSET + 8 * index), (JUMP_EQUAL, 0, 1, value)]
    code += [(RETURN, 0, 0, RET_ERRNO | error), (RETURN, 0, 0, RET_ALLOW)]
    text = b''.join(struct.pack('HBBI', *row) for row in code)
    memory = ctypes.create_string_buffer(text, len(text))
    program = Program(len(code), ctypes.addressof(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        sys.exit('deny: no_new_privs: ' + os.strerror(ctypes.get_errno()))
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
        sys.exit('deny: seccomp: ' + os.strerror(ctypes.get_errno()))


def main():
    number, error, command = NUMBERS[sys.argv[1]], getattr(errno, sys.argv[2]), sys.argv[3:]
    argument = None
    if '=' in command[0]:
        argument = [int(word) for word in command.pop(0).split('=')]
    install(number, error, argument)
    os.execvp(command[0], command)


if __name__ == '__main__':
    main()
