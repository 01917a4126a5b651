/*
 * A CPU as the native engine compiles it: checked volatile accesses to one RAM, an optional shadow.
 *
 * layout.h is written by benchmarks/image.py from the package's own constants, so that both sides walk the
 * same bytes. The bound is read again at each access, as power-off needs it.
 */
#ifndef CPU_H
#define CPU_H

#include <sched.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "layout.h"

#define ALWAYS static inline __attribute__((always_inline))
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define WORD_AT(address) (*(volatile int64_t *)(cpu.base + (address)))
#define OCTET_AT(address) (*(volatile uint8_t *)(cpu.base + (address)))

enum outcome { UNJUDGED, WILD, ENDLESS, POISONED, WRONG, FREED, MISSED, ABSENT, FOUND, OUTCOMES };

/* What one thread counts and notes for itself, on lines of its own. */
struct notes {
	jmp_buf oops;
	volatile int64_t hit;
	volatile int64_t edges, next;
	int64_t edges_before, windows, random, operations, away, unloads, stops, begun;
	int64_t outcomes[OUTCOMES];
	double *latencies;
} __attribute__((aligned(64)));

struct cpu {
	char *base;
	int64_t number, area;
	struct notes *notes;
};

/* The machine's settings, before any thread starts. */
struct settings {
	int64_t cpus, yield_mask;
	struct notes *writer;
};

extern struct settings settings;

static __attribute__((noinline, noreturn)) void oops(struct cpu cpu)
{
	longjmp(cpu.notes->oops, 1);
}

ALWAYS void check(struct cpu cpu, int64_t address, int64_t alignment)
{
	if (UNLIKELY((uint64_t)(address - LOW) >= (uint64_t)WORD_AT(BOUND) || (address & alignment)))
		oops(cpu);
}

/* Comes after the access itself. */
ALWAYS void look_at_shadow(struct cpu cpu, int64_t address)
{
#ifdef SHADOW
	if (UNLIKELY(OCTET_AT(address >> 3)) && cpu.notes->hit == 0)
		cpu.notes->hit = address;
#else
	(void)cpu, (void)address;
#endif
}

ALWAYS int64_t load(struct cpu cpu, int64_t address)
{
	check(cpu, address, 7);
	int64_t value = WORD_AT(address);
	look_at_shadow(cpu, address);
	return value;
}

ALWAYS int64_t load8(struct cpu cpu, int64_t address)
{
	check(cpu, address, 0);
	int64_t value = OCTET_AT(address);
	look_at_shadow(cpu, address);
	return value;
}

ALWAYS void store(struct cpu cpu, int64_t address, int64_t value)
{
	check(cpu, address, 7);
	WORD_AT(address) = value;
	look_at_shadow(cpu, address);
}

ALWAYS void store8(struct cpu cpu, int64_t address, int64_t value)
{
	check(cpu, address, 0);
	OCTET_AT(address) = (uint8_t)value;
	look_at_shadow(cpu, address);
}

ALWAYS int64_t cmpxchg(struct cpu cpu, int64_t address, int64_t old, int64_t new)
{
	check(cpu, address, 7);
	__atomic_compare_exchange_n(&WORD_AT(address), &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	look_at_shadow(cpu, address);
	return old;
}

ALWAYS void barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* One turn of a spin: gives up the core when there are more CPUs than cores. */
static inline void cpu_relax(struct cpu cpu)
{
	static __thread int64_t spins;
	if (UNLIKELY(WORD_AT(BOUND) == 0))
		oops(cpu);
	if (settings.yield_mask >= 0 || ++spins % 256 == 0)
		sched_yield();
}

ALWAYS int64_t now_ns(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000L + time.tv_nsec;
}

/* Park and Miller's generator, as stress.machine.random draws. */
ALWAYS int64_t prandom(struct cpu cpu, int64_t below)
{
	cpu.notes->random = cpu.notes->random * 48271 % 2147483647;
	return cpu.notes->random * below / 2147483647;
}

#endif
