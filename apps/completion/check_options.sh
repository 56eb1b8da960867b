#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# check_options.sh VOLLEY MANPAGE COMPLETION: every option that --help shows is in the manual page's
# section of that sub-command and in the completion, and neither has any other.
set -u
volley=$1 manual=$2 completion=$3
failures=0

# Before an option in --help stands a blank or an opening bracket; an option of a synopsis in
# running text is not one of the list, hence the two columns.
help_options()
{
	"$volley" "$@" --help | sed -n 's/^ \{2,6\}\(-.*\)$/\1/p' | sed 's/   *[^-].*$//' |
		grep -oE '(^|[ ,])(--[a-z][a-z-]*|-[A-Za-z?])' | tr -d ' ,' | sort -u
}

# manual_options NAME [PAGE]: those described under ".SS NAME" (or ".SH OPTIONS": of every command,
# or of the one that the page is about).
manual_options()
{
	local manual=${2:-$manual}

	awk -v name="$1" '
		/^\.S[HS] / { title = $0; sub(/^\.S[HS] */, "", title); inside = title == name }
		inside && /^\.(B|BR|BI|IR) .*\\-/ && tagged { print }
		{ tagged = /^\.T[PQ]/ }' "$manual" | sed 's/\\-/-/g; s/\\fR//g' |
		grep -oE '(^|[ ,"])(--[a-z][a-z-]*|-[A-Za-z?])' | tr -d ' ,"' | sort -u
}

complete_options()
{
	bash -c '
		source "$1"; shift
		COMP_WORDS=(volley "$@" -) COMP_CWORD=$(($# + 1))
		_volley
		printf "%s\n" "${COMPREPLY[@]}"' - "$completion" "$@" | sort -u
}

# compare WHAT LEFT RIGHT: both lists are the same, and not empty.
compare()
{
	local difference

	[ -n "$2" ] || { echo "$1: no option found"; failures=$((failures + 1)); return; }
	difference=$(diff <(echo "$2") <(echo "$3") | grep '^[<>]') || return 0
	echo "$1 (<: only in --help, >: only there):"
	echo "$difference"
	failures=$((failures + 1))
}

common=$(manual_options OPTIONS)
commands=$("$volley" --help | sed -n '/^Sub-commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p')
compare "volley, manual" "$(help_options)" "$common"
compare "volley, completion" "$(help_options)" "$(complete_options)"
for command in $commands; do
	shown=$(help_options "$command")
	described=$(manual_options "$command")
	own=${manual%.1}-$command.1
	[ ! -f "$own" ] || described=$(manual_options OPTIONS "$own")
	if grep -qx -- --backend <<<"$shown"; then
		described+=$'\n'$(manual_options "Port options")
	fi
	compare "$command, manual" "$shown" "$(sort -u <<<"$described"$'\n'"$common" | sed '/^$/d')"
	compare "$command, completion" "$shown" "$(complete_options "$command")"
done
[ -n "$commands" ] || { echo "no sub-command found"; failures=$((failures + 1)); }
exit $((failures > 0))
