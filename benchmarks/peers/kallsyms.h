/* The lookup under test, as stress.kernel.kallsyms has it, and the judge of what it copied. */
#ifndef KALLSYMS_H
#define KALLSYMS_H

#include "cpu.h"

ALWAYS bool within(int64_t address, int64_t start, int64_t size)
{
	return start <= address && address < start + size;
}

ALWAYS bool is_named(struct cpu cpu, int64_t name)
{
	int64_t first = load8(cpu, name);
	if (first == 0)
		return false;
	if (load8(cpu, name) != '$')
		return true;
	int64_t second = load8(cpu, name + 1);
	if (second != 'a' && second != 't' && second != 'd')
		return true;
	int64_t third = load8(cpu, name + 2);
	return third != 0 && third != '.';
}

ALWAYS int64_t end_of_text(struct cpu cpu, int64_t mod, int64_t address)
{
	int64_t init = load(cpu, mod + MODULE_INIT);
	if (within(address, init, load(cpu, mod + INIT_SIZE)))
		return init + load(cpu, mod + INIT_TEXT_SIZE);
	return load(cpu, mod + MODULE_CORE) + load(cpu, mod + CORE_TEXT_SIZE);
}

ALWAYS int64_t get_ksymbol(struct cpu cpu, int64_t mod, int64_t address, int64_t symbol)
{
	int64_t following = end_of_text(cpu, mod, address);
	int64_t symtab = load(cpu, mod + SYMTAB), strtab = load(cpu, mod + STRTAB);
	int64_t best = 0, best_value = load(cpu, symtab + ST_VALUE);
	int64_t count = load(cpu, mod + NUM_SYMTAB);
	for (int64_t index = 1; index < count; index++) {
		int64_t entry = symtab + index * SYM_BYTES, packed = load(cpu, entry);
		if ((packed >> 48 & 0xFFFF) == 0)
			continue;
		int64_t value = load(cpu, entry + ST_VALUE);
		if (best_value < value && value <= address) {
			if (is_named(cpu, strtab + (packed & 0xFFFFFFFF))) {
				best = index;
				best_value = value;
			}
		} else if (address < value && value < following && is_named(cpu, strtab + (packed & 0xFFFFFFFF))) {
			following = value;
		}
	}
	if (best == 0)
		return 0;
	store(cpu, symbol + SYMBOL_SIZE, following - best_value);
	store(cpu, symbol + SYMBOL_OFFSET, address - best_value);
	return strtab + (load(cpu, symtab + best * SYM_BYTES) & 0xFFFFFFFF);
}

ALWAYS bool covers(struct cpu cpu, int64_t mod, int64_t address)
{
	if (within(address, load(cpu, mod + MODULE_INIT), load(cpu, mod + INIT_SIZE)))
		return true;
	return within(address, load(cpu, mod + MODULE_CORE), load(cpu, mod + CORE_SIZE));
}

ALWAYS int64_t module_address_lookup(struct cpu cpu, int64_t address, int64_t symbol)
{
	int64_t entry = load(cpu, MODULES + NEXT), walked = 0;
	while (entry != MODULES) {
		if (covers(cpu, entry, address)) {
			store(cpu, symbol + SYMBOL_MODNAME, entry + NAME);
			return get_ksymbol(cpu, entry, address, symbol);
		}
		entry = load(cpu, entry + NEXT);
		if (++walked > LONGEST_WALK)
			longjmp(cpu.notes->oops, ENDLESS);
	}
	return 0;
}

/* The kernel's own symbols; the bundled corpus has none, so the binary search is not taken. */
ALWAYS int64_t kernel_lookup(struct cpu cpu, int64_t address)
{
	int64_t count = load(cpu, KALLSYMS_NUM), addresses = load(cpu, KALLSYMS_ADDRESSES);
	if (count != 0 && address >= load(cpu, addresses) && address < load(cpu, KALLSYMS_END))
		oops(cpu);
	return 0;
}

/* Writes exactly `count` bytes: the name, then zeros. */
ALWAYS void copy_name(struct cpu cpu, int64_t target, int64_t source, int64_t count)
{
	int64_t copied = 0;
	while (copied < count) {
		int64_t byte = load8(cpu, source + copied);
		store8(cpu, target + copied, byte);
		copied++;
		if (byte == 0)
			break;
	}
	for (; copied < count; copied++)
		store8(cpu, target + copied, 0);
}

ALWAYS bool kallsyms_lookup(struct cpu cpu, int64_t address, int64_t symbol)
{
	store8(cpu, symbol + KSYM_NAME_LEN, 0);
	store8(cpu, symbol, 0);
	int64_t name = kernel_lookup(cpu, address);
	if (name == 0)
		name = module_address_lookup(cpu, address, symbol);
	if (name == 0)
		return false;
	copy_name(cpu, symbol, name, KSYM_NAME_LEN);
	return true;
}

ALWAYS bool same_name(struct cpu cpu, int64_t left, int64_t right)
{
	for (int offset = 0; offset < NAME_BYTES; offset += 8)
		if (WORD_AT(left + offset) != WORD_AT(right + offset))
			return false;
	return true;
}

static enum outcome judge_wrong_name(struct cpu cpu, int64_t name)
{
	for (int offset = 0; offset < KSYM_NAME_LEN; offset++)
		if (OCTET_AT(name + offset) == POISON_END)
			return POISONED;
	return WRONG;
}

/* A target at random: of all or, where the package's readers aim, of the module that the writer unloads next. */
ALWAYS int64_t draw_target(struct cpu cpu)
{
#ifdef SLOT_TARGETS
	int64_t slot = settings.writer->next;
	if ((prandom(cpu, 2) & 1) && slot && WORD_AT(slot + SLOT_TARGETS + 8))
		return WORD_AT(slot + SLOT_TARGETS) + prandom(cpu, WORD_AT(slot + SLOT_TARGETS + 8)) * TARGET_BYTES;
#endif
	return WORD_AT(TARGETS) + prandom(cpu, WORD_AT(NUM_TARGETS)) * TARGET_BYTES;
}

/* One operation of a reader: draw a target, look it up, judge the copy. */
ALWAYS enum outcome read_symbol(struct cpu cpu)
{
	int64_t target = draw_target(cpu);
	int64_t listed_word = WORD_AT(target + TARGET_LISTED), listed = WORD_AT(listed_word);
	int64_t namebuf = cpu.area + NAMEBUF;
	barrier();
	if (kallsyms_lookup(cpu, WORD_AT(target + TARGET_ADDRESS), namebuf)) {
		if (!same_name(cpu, namebuf, target))
			return judge_wrong_name(cpu, namebuf);
		return cpu.notes->hit ? FREED : FOUND;
	}
	if (cpu.notes->hit)
		return FREED;
	barrier();
	return (listed & 1) && WORD_AT(listed_word) == listed ? MISSED : ABSENT;
}

#endif
