/* stop_machine and the writer's work, as stress.kernel has them: find, stop, unlink, poison; fill, copy, link. */
#ifndef MODULE_H
#define MODULE_H

#include "cpu.h"

#define MOST_LATENCIES 2000000

enum { PREPARE = 1, DISABLE_IRQ = 2, EXIT = 3 };

/* The stopper of one CPU: follow the states of one stop to its end, acknowledging each. */
static void stopmachine(struct cpu cpu)
{
	int64_t state = load(cpu, STOPMACHINE_STATE);
	for (;;) {
		barrier();
		store(cpu, cpu.area + ACK, state);
		if ((state & 3) == EXIT)
			return;
		int64_t following;
		while ((following = load(cpu, STOPMACHINE_STATE)) == state)
			cpu_relax(cpu);
		state = following;
	}
}

ALWAYS void cond_resched(struct cpu cpu)
{
	if (load(cpu, STOPMACHINE_STATE) != load(cpu, cpu.area + ACK))
		stopmachine(cpu);
}

static void take(struct cpu cpu, int64_t lock)
{
	while (cmpxchg(cpu, lock, 0, cpu.number + 1) != 0)
		cpu_relax(cpu);
}

static void release(struct cpu cpu, int64_t lock)
{
	barrier();
	store(cpu, lock, 0);
}

static void set_state(struct cpu cpu, int64_t state)
{
	int64_t word = ((load(cpu, STOPMACHINE_STATE) >> 2) + (state == PREPARE)) << 2 | state;
	store(cpu, cpu.area + ACK, word);
	barrier();
	store(cpu, STOPMACHINE_STATE, word);
	for (int64_t other = 0; other < settings.cpus; other++)
		while (load(cpu, AREAS + other * AREA_BYTES + ACK) != word)
			cpu_relax(cpu);
	barrier();
}

static void stop_machine(struct cpu cpu)
{
	take(cpu, STOPMACHINE_MUTEX);
	cpu.notes->begun = now_ns();
	set_state(cpu, PREPARE);
	set_state(cpu, DISABLE_IRQ);
}

static void restart_machine(struct cpu cpu)
{
	set_state(cpu, EXIT);
	double latency = (now_ns() - cpu.notes->begun) / 1e3;
	if (cpu.notes->latencies && cpu.notes->stops < MOST_LATENCIES)
		cpu.notes->latencies[cpu.notes->stops] = latency;
	cpu.notes->stops++;
	release(cpu, STOPMACHINE_MUTEX);
}

static void mark_edge(struct cpu cpu)
{
	barrier();
	cpu.notes->edges++;
	barrier();
}

static void fill(struct cpu cpu, int64_t address, int64_t size, int64_t byte)
{
	for (int64_t offset = 0; offset < size; offset += 8)
		WORD_AT(address + offset) = byte * 0x0101010101010101;
}

static void fill_shadow(struct cpu cpu, int64_t address, int64_t size, int byte)
{
	for (int64_t granule = address >> 3; granule < (address + size) >> 3; granule++)
		OCTET_AT(granule) = byte;
}

static int64_t record_of(struct cpu cpu, int64_t block)
{
	return WORD_AT(RECORDS) + ((block - WORD_AT(HEAP_START)) >> MIN_SHIFT) * RECORD_BYTES;
}

static void sign_record(struct cpu cpu, int64_t entry)
{
	WORD_AT(entry) = cpu.number;
	WORD_AT(entry + 8) = cpu.notes->operations;
	WORD_AT(entry + 16) = cpu.notes->stops;
	WORD_AT(entry + 24) = now_ns();
}

/* Every module was loaded once, so a block of each size has been freed before one is asked for. */
static int64_t kmalloc(struct cpu cpu, int64_t size)
{
	int64_t shift = MIN_SHIFT;
	while (1L << shift < size)
		shift++;
	take(cpu, SLAB_LOCK);
	int64_t head = FREE_LISTS + shift * 8, block = WORD_AT(head);
	if (block == 0) {
		block = WORD_AT(HEAP_NEXT);
		WORD_AT(HEAP_NEXT) = block + (1L << shift);
	} else {
		WORD_AT(head) = WORD_AT(record_of(cpu, block) + NEXT_FREE);
	}
	int64_t record = record_of(cpu, block);
	WORD_AT(record + SHIFT) = shift;
	WORD_AT(record + REQUESTED) = size;
	WORD_AT(record + GENERATION)++;
	sign_record(cpu, record + ALLOCATED_BY);
	fill(cpu, block, 1L << shift, POISON_INUSE);
	barrier();
	fill_shadow(cpu, block, (size + 7) & -8, SHADOW_ALLOCATED);
	release(cpu, SLAB_LOCK);
	return block;
}

static void kfree(struct cpu cpu, int64_t block)
{
	take(cpu, SLAB_LOCK);
	int64_t record = record_of(cpu, block), shift = WORD_AT(record + SHIFT), size = 1L << shift;
	sign_record(cpu, record + FREED_BY);
	WORD_AT(record + GENERATION)++;
	fill_shadow(cpu, block, (WORD_AT(record + REQUESTED) + 7) & -8, SHADOW_FREED);
	barrier();
	fill(cpu, block, size - 8, POISON_FREE);
	WORD_AT(block + size - 8) = POISON_LAST_WORD;
	WORD_AT(record + NEXT_FREE) = WORD_AT(FREE_LISTS + shift * 8);
	WORD_AT(FREE_LISTS + shift * 8) = block;
	release(cpu, SLAB_LOCK);
}

static bool same_string(struct cpu cpu, int64_t left, int64_t right)
{
	for (;; left++, right++) {
		int64_t byte = load8(cpu, left);
		if (byte != load8(cpu, right))
			return false;
		if (byte == 0)
			return true;
	}
}

static int64_t find_module(struct cpu cpu, int64_t name)
{
	for (int64_t entry = load(cpu, MODULES + NEXT); entry != MODULES; entry = load(cpu, entry + NEXT))
		if (same_string(cpu, entry + NAME, name))
			return entry;
	return 0;
}

static void list_add(struct cpu cpu, int64_t new, int64_t head)
{
	int64_t following = load(cpu, head + NEXT);
	store(cpu, following + PREV, new);
	store(cpu, new + NEXT, following);
	store(cpu, new + PREV, head);
	store(cpu, head + NEXT, new);
}

static void list_del(struct cpu cpu, int64_t entry)
{
	int64_t previous = load(cpu, entry + PREV), following = load(cpu, entry + NEXT);
	store(cpu, following + PREV, previous);
	store(cpu, previous + NEXT, following);
	store(cpu, entry + NEXT, LIST_POISON1);
	store(cpu, entry + PREV, LIST_POISON2);
}

static int64_t load_module(struct cpu cpu, int64_t image)
{
	int64_t size = load(cpu, image), mod = kmalloc(cpu, size);
	for (int64_t offset = 0; offset < size; offset += 8)
		WORD_AT(mod + offset) = WORD_AT(image + IMAGE_MODULE + offset);
	store(cpu, mod + SYMTAB, load(cpu, mod + SYMTAB) + mod);
	store(cpu, mod + STRTAB, load(cpu, mod + STRTAB) + mod);
	store(cpu, mod + STATE, 1);
	barrier();
	return mod;
}

static void link_module(struct cpu cpu, int64_t mod)
{
	mark_edge(cpu);
	take(cpu, MODLIST_LOCK);
	list_add(cpu, mod, MODULES);
	release(cpu, MODLIST_LOCK);
	mark_edge(cpu);
}

static void sys_init_module(struct cpu cpu, int64_t image)
{
	take(cpu, MODULE_MUTEX);
	if (find_module(cpu, image + IMAGE_MODULE + NAME) != 0)
		oops(cpu);
	int64_t mod = load_module(cpu, image);
	link_module(cpu, mod);
	release(cpu, MODULE_MUTEX);
	take(cpu, MODULE_MUTEX);
	store(cpu, mod + STATE, 0);
	store(cpu, mod + MODULE_INIT, 0);
	store(cpu, mod + INIT_SIZE, 0);
	store(cpu, mod + INIT_TEXT_SIZE, 0);
	release(cpu, MODULE_MUTEX);
}

static void free_module(struct cpu cpu, int64_t mod)
{
	mark_edge(cpu);
	take(cpu, MODLIST_LOCK);
	list_del(cpu, mod);
	release(cpu, MODLIST_LOCK);
	mark_edge(cpu);
	mark_edge(cpu);
	kfree(cpu, mod);
	mark_edge(cpu);
}

static void sys_delete_module(struct cpu cpu, int64_t name)
{
	take(cpu, MODULE_MUTEX);
	int64_t mod = find_module(cpu, name);
	if (mod == 0 || load(cpu, mod + STATE) != 0)
		oops(cpu);
	stop_machine(cpu);
	if (load(cpu, mod + REFCOUNT) == 0)
		store(cpu, mod + STATE, 2);
	restart_machine(cpu);
	release(cpu, MODULE_MUTEX);
	take(cpu, MODULE_MUTEX);
	free_module(cpu, mod);
	release(cpu, MODULE_MUTEX);
	cpu.notes->unloads++;
}

static void turn_listed(struct cpu cpu, int64_t slot)
{
	barrier();
	WORD_AT(slot + SLOT_LISTED)++;
	barrier();
}

/* One operation of the writer: unload a module at random, load the one unloaded last time. */
static enum outcome modprobe(struct cpu cpu)
{
	int64_t slot = cpu.notes->next, away = cpu.notes->away;
	cpu.notes->next = WORD_AT(SLOTS) + prandom(cpu, WORD_AT(NUM_SLOTS)) * SLOT_BYTES;
	if (slot == 0 || slot == away)
		return UNJUDGED;
	turn_listed(cpu, slot);
	sys_delete_module(cpu, WORD_AT(slot + SLOT_IMAGE) + IMAGE_MODULE + NAME);
	cpu.notes->away = slot;
	if (away != 0) {
		sys_init_module(cpu, WORD_AT(away + SLOT_IMAGE));
		turn_listed(cpu, away);
	}
	return UNJUDGED;
}

/* One operation of a writer that does nothing but stop the machine. */
static enum outcome stop_only(struct cpu cpu)
{
	stop_machine(cpu);
	restart_machine(cpu);
	return UNJUDGED;
}

#endif
