/*
 * The peer of the native engine: the same lookups over the same bytes, in C with pthreads.
 *
 *     walk IMAGE read|churn|stop CPUS SECONDS SEED YIELD_MASK
 *
 * read: every CPU looks symbols up. churn: CPU 0 unloads and loads modules without pause under the pre-patch
 * spinlock. stop: CPU 0 stops and restarts the machine without pause. -DSHADOW looks at the shadow at each
 * access. Prints one JSON object.
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kallsyms.h"
#include "module.h"

#define MOST_CPUS 64

enum mode { READ, CHURN, STOP };

struct settings settings;
static struct notes notes[MOST_CPUS];
static char *ram;
static enum mode mode;
static pthread_barrier_t gate;

/* Run one kind of operation until power-off. An oops comes back here through setjmp, with its outcome. */
static void run_program(struct cpu cpu, enum outcome (*operation)(struct cpu))
{
	struct notes *own = cpu.notes;
	while (WORD_AT(BOUND) != 0) {
		enum outcome outcome = setjmp(own->oops);
		if (outcome == UNJUDGED) {
			if ((own->operations & settings.yield_mask) == 0)
				sched_yield();
			cond_resched(cpu);
			own->hit = 0;
			own->edges_before = settings.writer->edges;
			outcome = operation(cpu);
		}
		if (WORD_AT(BOUND) == 0)
			return;
		own->operations++;
		own->outcomes[outcome]++;
		own->windows += settings.writer->edges != own->edges_before;
	}
}

static enum outcome read_operation(struct cpu cpu)
{
	return read_symbol(cpu);
}

static void *play(void *argument)
{
	int64_t number = (int64_t)argument;
	struct cpu cpu = {ram, number, AREAS + number * AREA_BYTES, &notes[number]};
	pthread_barrier_wait(&gate);
	if (number == 0 && mode == CHURN)
		run_program(cpu, modprobe);
	else if (number == 0 && mode == STOP)
		run_program(cpu, stop_only);
	else
		run_program(cpu, read_operation);
	return NULL;
}

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

/* Anonymous memory with the image's bytes, as the engine has it. */
static void load_image(const char *path)
{
	int file = open(path, O_RDONLY);
	if (file < 0)
		fail(path);
	off_t size = lseek(file, 0, SEEK_END), done = 0;
	ram = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ram == MAP_FAILED)
		fail("mmap");
	lseek(file, 0, SEEK_SET);
	while ((done = lseek(file, done, SEEK_DATA)) >= 0) {
		ssize_t got = read(file, ram + done, size - done);
		if (got <= 0)
			fail("read");
		done += got;
	}
	close(file);
}

static int by_size(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;
	return (a > b) - (a < b);
}

static double percentile(struct notes *of, double share)
{
	int64_t count = of->stops < MOST_LATENCIES ? of->stops : MOST_LATENCIES;
	return count ? of->latencies[(int64_t)(share * (count - 1))] : -1;
}

static void print_counts(double seconds)
{
	static const char *names[] = {"unjudged", "wild", "endless", "poisoned", "wrong", "freed", "missed", "absent", "found"};
	int64_t total[OUTCOMES] = {0}, lookups = 0;
	for (int64_t number = 0; number < settings.cpus; number++)
		for (int outcome = 1; outcome < OUTCOMES; outcome++)
			total[outcome] += notes[number].outcomes[outcome];
	printf("{\"outcomes\": {");
	for (int outcome = 1; outcome < OUTCOMES; outcome++) {
		printf("%s\"%s\": %ld", outcome > 1 ? ", " : "", names[outcome], total[outcome]);
		lookups += total[outcome];
	}
	qsort(notes->latencies, notes->stops < MOST_LATENCIES ? notes->stops : MOST_LATENCIES, sizeof(double), by_size);
	printf("}, \"lookups_per_s\": %.1f, \"unloads_per_s\": %.1f, \"stops_per_s\": %.1f, ", lookups / seconds,
	       notes->unloads / seconds, notes->stops / seconds);
	printf("\"stop_p50_us\": %.3f, \"stop_p99_us\": %.3f}\n", percentile(notes, 0.5), percentile(notes, 0.99));
}

static double run(double seconds)
{
	pthread_t threads[MOST_CPUS];
	pthread_barrier_init(&gate, NULL, settings.cpus + 1);
	for (int64_t number = 0; number < settings.cpus; number++)
		if (pthread_create(&threads[number], NULL, play, (void *)number))
			fail("pthread_create");
	pthread_barrier_wait(&gate);
	int64_t started = now_ns();
	usleep((useconds_t)(seconds * 1e6));
	double ran = (now_ns() - started) / 1e9;
	*(volatile int64_t *)(ram + BOUND) = 0;
	for (int64_t number = 0; number < settings.cpus; number++)
		pthread_join(threads[number], NULL);
	return ran;
}

int main(int count, char **arguments)
{
	if (count != 7) {
		fprintf(stderr, "usage: walk IMAGE read|churn|stop CPUS SECONDS SEED YIELD_MASK\n");
		return 2;
	}
	mode = !strcmp(arguments[2], "read") ? READ : !strcmp(arguments[2], "churn") ? CHURN : STOP;
	settings = (struct settings){atoi(arguments[3]), atoi(arguments[6]), &notes[0]};
	if (settings.cpus < 1 || settings.cpus > MOST_CPUS) {
		fprintf(stderr, "walk: give 1 to %d CPUs\n", MOST_CPUS);
		return 2;
	}
	load_image(arguments[1]);
	for (int64_t number = 0; number < settings.cpus; number++)
		notes[number].random = 1 + (atoll(arguments[5]) * 7919 + number * 104729) % 2147483645;
	notes->latencies = calloc(MOST_LATENCIES, sizeof(double));
	print_counts(run(atof(arguments[4])));
	return 0;
}
