// SPDX-License-Identifier: BSD-3-Clause
//
// The ring of engine/ring/spsc.h, for spin: push and pop in bursts of any size, checked in every
// interleaving of their loads and stores. check_ring.py runs it.
//
// The machine is weaker than any that the engine runs on. A thread's stores wait in a buffer of
// its own and reach the memory in any order, but for those to one location, and but for a release
// store, which waits for all before it. A thread's loads see a copy of its own of each location,
// which may be old; an acquire load brings all copies up to date after it. (A load is never later
// than it stands in the program: what the C test beside this file leaves open, this one does too.)
//
// Checked, with assertions: items come out in the order they went in, none twice, none stale; what
// an item points to (here: one cell for each slot) is seen as the producer wrote it, and by the
// producer as the consumer left it; at each moment at rest the ring holds exactly what it should.
//
// Parameters: CAPACITY (1, 2 or 4), ITEMS, BURST, START (the first index); indices wrap at WRAP.
// Broken on purpose: WEAK_R1, WEAK_A1, WEAK_R2, WEAK_A2 make that access plain; FREE_FIRST frees
// the slots before they are read; ONE_TOO_MANY finds one slot more than there is; NO_WRAP wraps
// the index where the slots do not.
#ifndef CAPACITY
#define CAPACITY 2
#endif
#ifndef ITEMS
#define ITEMS 5
#endif
#ifndef BURST
#define BURST 2
#endif
#ifndef START
#define START 7
#endif
#define WRAP 8 // the indices are of three bits; more than twice the capacity is not needed

#define FREE 0
#define WIPED 0
#define SLOT(index) ((index) & (CAPACITY - 1))
#define CELL(index) (CAPACITY + SLOT(index))
#define LOCATIONS (2 * CAPACITY)
#define PENDING 4 // stores that a buffer holds; a thread waits when it is full

#define PRODUCER 0
#define CONSUMER 1

#ifdef WEAK_R1
#define R1 false
#else
#define R1 true
#endif
#ifdef WEAK_A1
#define A1 false
#else
#define A1 true
#endif
#ifdef WEAK_R2
#define R2 false
#else
#define R2 true
#endif
#ifdef WEAK_A2
#define A2 false
#else
#define A2 true
#endif

byte memory[LOCATIONS]; // the slots, then the cells that the items point to

typedef thread {
	byte copy[LOCATIONS];
	byte pending; // stores that wait, oldest first
	byte location[PENDING];
	byte value[PENDING];
	bool is_release[PENDING];
	bool is_at_rest;
};
thread threads[2];

// What the sides have promised so far, for the assertions: counts, not indices.
byte pushed, popped;

inline store(t, where, what, release) {
	atomic {
		threads[t].pending < PENDING ->
		d_step {
			threads[t].location[threads[t].pending] = where;
			threads[t].value[threads[t].pending] = what;
			threads[t].is_release[threads[t].pending] = release;
			threads[t].pending++;
		}
	}
}

// Own stores are seen at once; else the copy, brought up to date or not.
inline load(t, where, acquire, result) {
	atomic {
		if
		:: threads[t].copy[where] != memory[where] -> threads[t].copy[where] = memory[where]
		:: true
		fi;
		k = 0;
		d_step {
			result = threads[t].copy[where];
			do
			:: k < threads[t].pending ->
				if
				:: threads[t].location[k] == where -> result = threads[t].value[k]
				:: else
				fi;
				k++
			:: else -> break
			od;
			if
			:: acquire ->
				k = 0;
				do
				:: k < LOCATIONS -> threads[t].copy[k] = memory[k]; k++
				:: else -> break
				od
			:: else
			fi;
			k = 0
		}
	}
}

// Whether the pending store number `which` may reach the memory now.
inline may_drain(t, which, result) {
	result = true;
	j = 0;
	do
	:: j < which ->
		if
		:: threads[t].is_release[which] ||
		   threads[t].location[j] == threads[t].location[which] ->
			result = false
		:: else
		fi;
		j++
	:: else -> break
	od
}

inline drain(t, which) {
	memory[threads[t].location[which]] = threads[t].value[which];
	threads[t].copy[threads[t].location[which]] = threads[t].value[which];
	j = which + 1;
	do
	:: j < threads[t].pending ->
		threads[t].location[j - 1] = threads[t].location[j];
		threads[t].value[j - 1] = threads[t].value[j];
		threads[t].is_release[j - 1] = threads[t].is_release[j];
		j++
	:: else -> break
	od;
	threads[t].pending--;
	// What is beyond the end takes no part in the state.
	threads[t].location[threads[t].pending] = 0;
	threads[t].value[threads[t].pending] = 0;
	threads[t].is_release[threads[t].pending] = false;
	j = 0
}

// The wires between the buffers and the memory: any store that may go, at any time.
active proctype wires() {
	byte t, which, j;
	bool may;
end:
	do
	:: atomic {
		threads[0].pending + threads[1].pending > 0 ->
		if
		:: threads[0].pending > 0 -> t = 0
		:: threads[1].pending > 0 -> t = 1
		fi;
		which = 0;
		do
		:: which + 1 < threads[t].pending -> which++
		:: break
		od;
		j = 0;
		d_step {
			may_drain(t, which, may);
			if
			:: may -> drain(t, which)
			:: else
			fi;
			t = 0; which = 0; j = 0; may = false
		}
	}
	od
}

// vly_ring_invariants(): when nothing is under way, the slots from head to tail - 1 hold what was
// pushed and not popped, and the others are free.
inline check_rest() {
	if
	:: threads[0].is_at_rest && threads[1].is_at_rest && threads[0].pending == 0 &&
	   threads[1].pending == 0 ->
		assert(pushed - popped <= CAPACITY);
		k = 0;
		do
		:: k < CAPACITY ->
			assert(memory[SLOT(START + popped + k)] ==
			       (k < pushed - popped -> popped + k + 1 : FREE));
			k++
		:: else -> break
		od;
		k = 0
	:: else
	fi
}

// vly_ring_run_from(): how many of `asked` slots from `index` on are free, or are not.
inline count_from(t, index, asked, want_free, acquire, moved) {
	load(t, SLOT(index + asked - 1), acquire, found);
	if
	:: (found == FREE) == want_free -> moved = asked
	:: else ->
		moved = 0;
		do
		:: moved + 1 < asked ->
			load(t, SLOT(index + moved), acquire, found);
			if
			:: (found == FREE) == want_free -> moved++
			:: else -> break
			fi
		:: else -> break
		od
	fi;
	found = 0
}

inline choose_burst(asked, most) {
	asked = 1;
	do
	:: asked < BURST && asked < CAPACITY && asked < most -> asked++
	:: break
	od
}

active proctype producer() {
	byte tail = START % WRAP;
	byte asked, moved, i, found, k;

	do
	:: pushed < ITEMS ->
		atomic {
			threads[PRODUCER].is_at_rest = true;
			d_step { check_rest() };
			choose_burst(asked, ITEMS - pushed)
		}
		threads[PRODUCER].is_at_rest = false;
		count_from(PRODUCER, tail, asked, true, A2, moved);
#ifdef ONE_TOO_MANY
		if
		:: moved < asked -> moved++
		:: else
		fi;
#endif
		// Through the items: the consumer has wiped what they point to.
		i = 0;
		do
		:: i < moved ->
			load(PRODUCER, CELL(tail + i), false, found);
			assert(found == WIPED);
			store(PRODUCER, CELL(tail + i), pushed + i + 1, false);
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < moved ->
			store(PRODUCER, SLOT(tail + i), pushed + i + 1, R1);
			i++
		:: else -> break
		od;
		found = 0;
		d_step {
			pushed = pushed + moved;
#ifdef NO_WRAP
			tail = (tail + moved) % (WRAP - 1);
#else
			tail = (tail + moved) % WRAP;
#endif
			moved = 0; i = 0; asked = 0
		}
	:: else -> break
	od;
	threads[PRODUCER].is_at_rest = true
}

inline free_slots() {
	i = 0;
	do
	:: i < moved ->
		store(CONSUMER, SLOT(head + i), FREE, R2);
		i++
	:: else -> break
	od
}

active proctype consumer() {
	byte head = START % WRAP;
	byte asked, moved, i, found, k;

	do
	:: popped < ITEMS ->
		atomic {
			threads[CONSUMER].is_at_rest = true;
			d_step { check_rest() };
			choose_burst(asked, ITEMS)
		}
		threads[CONSUMER].is_at_rest = false;
		count_from(CONSUMER, head, asked, false, A1, moved);
#ifdef FREE_FIRST
		free_slots();
#endif
		i = 0;
		do
		:: i < moved ->
			load(CONSUMER, SLOT(head + i), false, found);
			assert(found == popped + i + 1);
			load(CONSUMER, CELL(head + i), false, found);
			assert(found == popped + i + 1);
			store(CONSUMER, CELL(head + i), WIPED, false);
			i++
		:: else -> break
		od;
#ifndef FREE_FIRST
		free_slots();
#endif
		found = 0;
		d_step {
			popped = popped + moved;
			head = (head + moved) % WRAP;
			moved = 0; i = 0; asked = 0
		}
	:: else -> break
	od;
	threads[CONSUMER].is_at_rest = true
}
