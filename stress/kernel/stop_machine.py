"""stop_machine (kernel/stop_machine.c, 2.6.11): every other CPU spins, interrupts off, while one changes things.

The kernel runs a stopper thread on each CPU; here each CPU runs its own stopper at a safepoint. The state word also
holds the number of the stop, so that the acknowledgement of one stop is never taken for that of another.

What each word relies on: `stopmachine_mutex` changes by compare-exchange, and only its holder stores 0.
`stopmachine_state`, `stopmachine_begun` and `stop_number` are stored only by the mutex's holder. `stopmachine_ack` is a
word of each CPU, which alone stores it.
"""

from stress.kernel.preempt import local_irq_disable, local_irq_enable, preempt_disable, preempt_enable
from stress.machine.blocks import STOPS
from stress.machine.latency import record_latency
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.words import AREA_BYTES, AREAS, CPUS, lock, percpu, static

STOPMACHINE_MUTEX = lock("stopmachine_mutex")
STOPMACHINE_STATE = static("stopmachine_state", stored_by=STOPMACHINE_MUTEX)
STOPMACHINE_BEGUN = static("stopmachine_begun")
ACK = percpu("stopmachine_ack")

STOPMACHINE_WAIT = 0
STOPMACHINE_PREPARE = 1
STOPMACHINE_DISABLE_IRQ = 2
STOPMACHINE_EXIT = 3
STATE_BITS = 2
STOPS_A_FAILURE = 8
SLICE_NANOSECONDS = 50_000
"""About the shortest sleep that Linux gives: its timers have a slack of 50 microseconds."""
STATE_MASK = 3


@kernel
def acknowledge(cpu: Cpu, state: int) -> None:
    """Store that this CPU has reached `state`."""
    cpu.barrier()  # a CPU that sees the acknowledgement sees all that this CPU did before it
    cpu.store(cpu.area + ACK, state)


@kernel
def next_state(cpu: Cpu, state: int) -> int:
    """Spin until the machine leaves `state`; the next state."""
    following = cpu.load(STOPMACHINE_STATE)
    while following == state:
        cpu.relax(STOPMACHINE_STATE)
        following = cpu.load(STOPMACHINE_STATE)
    return following


@kernel
def stopmachine(cpu: Cpu) -> None:
    """This CPU's stopper: follow the states of one stop to its end and acknowledge each.

    The last state is acknowledged before interrupts are on again, and its barrier comes before anything that this CPU
    does next: so the CPU sees all that was changed under the stop.
    """
    preempt_disable(cpu)
    state = cpu.load(STOPMACHINE_STATE)
    while state & STATE_MASK != STOPMACHINE_EXIT:
        # Interrupts are off before the acknowledgement, which promises it.
        if state & STATE_MASK == STOPMACHINE_DISABLE_IRQ:
            local_irq_disable(cpu)
        acknowledge(cpu, state)
        state = next_state(cpu, state)
    acknowledge(cpu, state)
    local_irq_enable(cpu)
    preempt_enable(cpu)


@kernel
def cond_resched(cpu: Cpu) -> None:
    """A safepoint: join a stop that is under way. Only here may a stop hold this CPU."""
    # The acknowledgement is this CPU's own word: it differs from the state only if a stop has begun since.
    if cpu.load(STOPMACHINE_STATE) != cpu.load(cpu.area + ACK):
        stopmachine(cpu)


@kernel
def schedule(cpu: Cpu) -> None:
    """Sleep off the core. Both ends are safepoints: memory that a stop protected may be freed afterwards."""
    cond_resched(cpu)
    cpu.sleep(SLICE_NANOSECONDS)
    cond_resched(cpu)


@kernel
def preempt_schedule(cpu: Cpu) -> None:
    """The interrupt handler: preempt this CPU, for the stopper if there is a stop, then for another thread."""
    cond_resched(cpu)
    cpu.yield_core()


@kernel
def down(cpu: Cpu, semaphore: int) -> None:
    """Take `semaphore`. Waiting for it is a safepoint: else two CPUs that want to stop the machine would deadlock.

    The compare-exchange is a full barrier: what is done under the semaphore stays behind it.
    """
    while cpu.cmpxchg(semaphore, 0, cpu.number + 1) != 0:
        cond_resched(cpu)
        cpu.relax(semaphore)


@kernel
def up(cpu: Cpu, semaphore: int) -> None:
    """Release `semaphore`. Only its holder stores the word, so a plain store does."""
    cpu.barrier()  # the next holder sees all that was done under the semaphore
    cpu.store(semaphore, 0)


@kernel
def publish_state(cpu: Cpu, state: int) -> int:
    """Publish `state` of the present stop; returns the word that acknowledges it. The caller holds the mutex."""
    number = cpu.load(STOPMACHINE_STATE) >> STATE_BITS
    if state == STOPMACHINE_PREPARE:
        number += 1
    word = number << STATE_BITS | state
    # Its own acknowledgement first: this CPU must never find itself behind the state, and join its own stop.
    cpu.store(cpu.area + ACK, word)
    # What was changed under the stop is seen before the state that lets the others go.
    cpu.barrier()
    cpu.store(STOPMACHINE_STATE, word)
    return word


@kernel
def stopmachine_set_state(cpu: Cpu, state: int) -> None:
    """Publish `state` of the present stop and spin until every CPU has acknowledged it; this one already has."""
    word = publish_state(cpu, state)
    for other in range(cpu.peek(CPUS)):
        ack = AREAS + other * AREA_BYTES + ACK
        while cpu.load(ack) != word:
            cpu.relax(ack)
    # The change comes after every acknowledgement.
    cpu.barrier()


@kernel
def stop_machine(cpu: Cpu) -> None:
    """Stop every other CPU; when it returns, all of them spin, and this CPU's interrupts are off."""
    down(cpu, STOPMACHINE_MUTEX)
    cpu.poke(STOPMACHINE_BEGUN, cpu.clock())
    preempt_disable(cpu)
    local_irq_disable(cpu)
    stopmachine_set_state(cpu, STOPMACHINE_PREPARE)
    stopmachine_set_state(cpu, STOPMACHINE_DISABLE_IRQ)


@kernel
def stopper_fails(cpu: Cpu) -> bool:
    """Whether the kernel gets no thread for a stopper this time, so that the stop fails: one time in eight."""
    return prandom(cpu, STOPS_A_FAILURE) == 0


@kernel
def is_stopped(cpu: Cpu) -> bool:
    """Whether this CPU is part of a stop that holds every CPU: it is the one that stops, or one that is stopped."""
    state = cpu.peek(STOPMACHINE_STATE)
    return state & STATE_MASK == STOPMACHINE_DISABLE_IRQ and cpu.peek(cpu.area + ACK) == state


@kernel
def restart_machine(cpu: Cpu) -> None:
    """Let the other CPUs go on; counts the stop, and its time in nanoseconds from its first state to its last."""
    stopmachine_set_state(cpu, STOPMACHINE_EXIT)
    local_irq_enable(cpu)
    preempt_enable(cpu)
    cpu.poke(STOPS, cpu.peek(STOPS) + 1)
    record_latency(cpu, cpu.clock() - cpu.peek(STOPMACHINE_BEGUN))
    up(cpu, STOPMACHINE_MUTEX)
