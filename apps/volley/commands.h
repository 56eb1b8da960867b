// SPDX-License-Identifier: BSD-3-Clause
//
// The sub-commands: each in the file of its name, each listed in the table of main.c.
#pragma once

// Runs with argv[0] = "volley NAME". Returns the exit status.
int command_serve(int argc, char **argv);
int command_reload(int argc, char **argv);
int command_tap(int argc, char **argv);
int command_load(int argc, char **argv);
int command_call(int argc, char **argv);
int command_chat(int argc, char **argv);
int command_ping(int argc, char **argv);
int command_backends(int argc, char **argv);
int command_handlers(int argc, char **argv);
int command_new_handler(int argc, char **argv);
int command_bench(int argc, char **argv);
