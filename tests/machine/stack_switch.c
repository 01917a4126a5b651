// Switches among stacks by the unit under test, thousands of times, and checks what each finds as it was left: all the
// registers that a called function must keep, words on its stack, the arguments that it began with. Prints "kept".

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { FIBERS = 3, MAIN = FIBERS, ROUNDS = 5000, SCHEDULES = 4, STACK = 1 << 16, CONTEXT = 1 << 13 };
enum { ENTRY, BASE, NUMBER, AREA, LOG, OUT, STATUS, THIS, TO_MAIN, LOWEST, SIZE, ROOM, BLOCK_WORDS };

typedef uint64_t word;

void ks_switch(word *this, word *other);
void ks_ready(word *block);

// Gives the registers that a function must keep the words in `given`, switches, and stores those registers in `seen`.
void switch_with(word *this, word *other, const word *given, word *seen);

#if defined __x86_64__
enum { KEPT = 6 };
__asm__(".text\n.globl switch_with\nswitch_with:\n"
        "pushq %rbp\npushq %rbx\npushq %r12\npushq %r13\npushq %r14\npushq %r15\npushq %rcx\n"
        "movq (%rdx), %rbp\nmovq 8(%rdx), %rbx\nmovq 16(%rdx), %r12\n"
        "movq 24(%rdx), %r13\nmovq 32(%rdx), %r14\nmovq 40(%rdx), %r15\n"
        "call ks_switch\npopq %rcx\n"
        "movq %rbp, (%rcx)\nmovq %rbx, 8(%rcx)\nmovq %r12, 16(%rcx)\n"
        "movq %r13, 24(%rcx)\nmovq %r14, 32(%rcx)\nmovq %r15, 40(%rcx)\n"
        "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbx\npopq %rbp\nret\n");
#elif defined __aarch64__
enum { KEPT = 19 };
#define EACH(op, at)                                                                                                   \
    op " x19, x20, [" at ", #0]\n" op " x21, x22, [" at ", #16]\n" op " x23, x24, [" at ", #32]\n"                     \
    op " x25, x26, [" at ", #48]\n" op " x27, x28, [" at ", #64]\n" op " d8, d9, [" at ", #80]\n"                      \
    op " d10, d11, [" at ", #96]\n" op " d12, d13, [" at ", #112]\n" op " d14, d15, [" at ", #128]\n"
__asm__(".text\n.globl switch_with\nswitch_with:\n"
        "sub sp, sp, #176\n" EACH("stp", "sp") "stp x29, x30, [sp, #144]\nstr x3, [sp, #160]\n"
        EACH("ldp", "x2") "ldr x29, [x2, #144]\n"
        "bl ks_switch\n"
        "ldr x3, [sp, #160]\n" EACH("stp", "x3") "str x29, [x3, #144]\n"
        EACH("ldp", "sp") "ldp x29, x30, [sp, #144]\nadd sp, sp, #176\nret\n");
#else
// Here the compiler keeps what it likes in registers, across a call that it cannot look into.
enum { KEPT = 8 };
void switch_with(word *this, word *other, const word *given, word *seen) {
    word a = given[0], b = given[1], c = given[2], d = given[3], e = given[4], f = given[5], g = given[6], h = given[7];
    __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f), "+r"(g), "+r"(h));
    ks_switch(this, other);
    __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f), "+r"(g), "+r"(h));
    const word left[KEPT] = {a, b, c, d, e, f, g, h};
    for (int i = 0; i < KEPT; i++) seen[i] = left[i];
}
#endif

static word words[FIBERS + 1], *blocks[FIBERS];
static char main_room[CONTEXT] __attribute__((aligned(16)));
static int alive[FIBERS + 1];
static word seed = 1, switches;

static word next_word(void) { return seed = seed * 6364136223846793005u + 1442695040888963407u; }

static void expect(int holds, const char *what, word who) {
    if (holds) return;
    printf("stack %d: %s\n", (int)who, what);
    exit(1);
}

// Goes on elsewhere, from a frame that is as deep as `depth` says.
static void hand_over(word who, int depth) {
    volatile word local[16];
    word given[KEPT], seen[KEPT], other;
    for (int i = 0; i < 16; i++) local[i] = who << 32 | i;
    if (depth) {
        hand_over(who, depth - 1);
    } else {
        do other = next_word() >> 40 & 3; while (other == who || !alive[other]);
        for (int i = 0; i < KEPT; i++) given[i] = next_word();
        switches++;
        switch_with(&words[who], &words[other], given, seen);
        for (int i = 0; i < KEPT; i++) expect(seen[i] == given[i], "a register has another value", who);
    }
    for (int i = 0; i < 16; i++) expect(local[i] == (who << 32 | i), "its frame has another word", who);
}

static word program(word base, word number, word area, word log, word out) {
    char *lowest = (char *)blocks[number][LOWEST], *frame = __builtin_frame_address(0);
    expect(base == 11 + number && area == 13 && log == 14 && out == 15, "it began with other arguments", number);
    expect(frame > lowest && frame < (char *)blocks[number], "it does not run on its stack", number);
    expect((uintptr_t)frame % 16 == 0, "it began with a stack that is not aligned", number);
    for (int round = 0; round < ROUNDS + 100 * (int)number; round++) hand_over(number, next_word() >> 40 & 7);
    alive[number] = 0;
    return 1000 + number;
}

static void map_stack(word number) {
    char *start = mmap(0, STACK + CONTEXT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    word *block = blocks[number] = (word *)(start + STACK) - BLOCK_WORDS;
    const word given[BLOCK_WORDS] = {(word)program, 11 + number, number, 13, 14, 15, 7, (word)&words[number],
        (word)&words[MAIN], (word)start, (word)((char *)block - start), (word)(start + STACK)};
    for (int i = 0; i < BLOCK_WORDS; i++) block[i] = given[i];
}

// Every schedule but the last is left when it has come half way: the next one begins its stacks afresh.
static void run_schedule(int is_last) {
    for (int i = 0; i < FIBERS; i++) {
        alive[i] = 1;
        ks_ready(blocks[i]);
        expect(blocks[i][STATUS] == 0, "it begins with a status", i);
    }
    word most = switches + ROUNDS;
    while ((alive[0] || alive[1] || alive[2]) && (is_last || switches < most)) hand_over(MAIN, next_word() >> 40 & 7);
}

int main(void) {
    alive[MAIN] = 1;
    words[MAIN] = (word)main_room;
    for (int i = 0; i < FIBERS; i++) map_stack(i);
    for (int i = 1; i <= SCHEDULES; i++) run_schedule(i == SCHEDULES);
    for (int i = 0; i < FIBERS; i++) expect(blocks[i][STATUS] == 1000 + (word)i, "it has not handed back", i);
    expect(switches > FIBERS * ROUNDS, "there were too few switches", MAIN);
    puts("kept");
    return 0;
}
