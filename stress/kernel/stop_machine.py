"""stop_machine (kernel/stop_machine.c, 2.6.11): every other CPU spins, interrupts off, while one changes things.

The kernel runs a stopper thread on each CPU; here each CPU plays its own stopper at a safepoint. The state
word carries the number of the stop as well, so that the acknowledgement of one stop is never taken for
that of another. `stopmachine_state` is stored only by the holder of `stopmachine_mutex`; each CPU
acknowledges in a word of its own.
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
STATE_MASK = 3


@kernel
def acknowledge(cpu: Cpu, state: int) -> None:
    """Say that this CPU has reached `state`; all it did before is seen by whoever sees that."""
    cpu.barrier()
    cpu.store(cpu.area + ACK, state)


@kernel
def next_state(cpu: Cpu, state: int) -> int:
    """Spin until the machine leaves `state`; the state that follows."""
    following = cpu.load(STOPMACHINE_STATE)
    while following == state:
        cpu.relax(STOPMACHINE_STATE)
        following = cpu.load(STOPMACHINE_STATE)
    return following


@kernel
def stopmachine(cpu: Cpu) -> None:
    """This CPU's stopper: follow the states of one stop to its end, acknowledging each, the last before it lets go."""
    preempt_disable(cpu)
    state = cpu.load(STOPMACHINE_STATE)
    while state & STATE_MASK != STOPMACHINE_EXIT:
        if state & STATE_MASK == STOPMACHINE_DISABLE_IRQ:
            local_irq_disable(cpu)
        acknowledge(cpu, state)
        state = next_state(cpu, state)
    acknowledge(cpu, state)
    local_irq_enable(cpu)
    preempt_enable(cpu)


@kernel
def cond_resched(cpu: Cpu) -> None:
    """A safepoint: join a stop that is under way. Here, and nowhere else, the machine may stop this CPU."""
    if cpu.load(STOPMACHINE_STATE) != cpu.load(cpu.area + ACK):
        stopmachine(cpu)


@kernel
def schedule(cpu: Cpu) -> None:
    """Let others run for a while: at both ends a stop may be joined, and what it freed is gone afterwards."""
    cond_resched(cpu)
    cpu.sleep(SLICE_NANOSECONDS)
    cond_resched(cpu)


@kernel
def preempt_schedule(cpu: Cpu) -> None:
    """What an interrupt does to code that may be preempted: the stopper runs first if there is a stop, then others."""
    cond_resched(cpu)
    cpu.yield_core()


@kernel
def down(cpu: Cpu, semaphore: int) -> None:
    """Take `semaphore`; waiting for it is a safepoint, or two CPUs that both want to stop the machine never could."""
    while cpu.cmpxchg(semaphore, 0, cpu.number + 1) != 0:
        cond_resched(cpu)
        cpu.relax(semaphore)


@kernel
def up(cpu: Cpu, semaphore: int) -> None:
    """Release `semaphore`; its holder alone stores the word."""
    cpu.barrier()
    cpu.store(semaphore, 0)


@kernel
def publish_state(cpu: Cpu, state: int) -> int:
    """Publish `state` of the present stop; the word that acknowledges it."""
    number = cpu.load(STOPMACHINE_STATE) >> STATE_BITS
    if state == STOPMACHINE_PREPARE:
        number += 1
    word = number << STATE_BITS | state
    cpu.store(cpu.area + ACK, word)
    cpu.barrier()
    cpu.store(STOPMACHINE_STATE, word)
    return word


@kernel
def stopmachine_set_state(cpu: Cpu, state: int) -> None:
    """Publish `state` of the present stop and spin until every other CPU has acknowledged it."""
    word = publish_state(cpu, state)
    for other in range(cpu.peek(CPUS)):
        ack = AREAS + other * AREA_BYTES + ACK
        while cpu.load(ack) != word:
            cpu.relax(ack)
    cpu.barrier()


@kernel
def stop_machine(cpu: Cpu) -> None:
    """Stop every other CPU; returns with them all spinning and this CPU's interrupts off."""
    down(cpu, STOPMACHINE_MUTEX)
    cpu.poke(STOPMACHINE_BEGUN, cpu.clock())
    preempt_disable(cpu)
    local_irq_disable(cpu)
    stopmachine_set_state(cpu, STOPMACHINE_PREPARE)
    stopmachine_set_state(cpu, STOPMACHINE_DISABLE_IRQ)


@kernel
def stopper_fails(cpu: Cpu) -> bool:
    """Whether a thread for the stop cannot be had this time, so that the stop fails: one time in eight."""
    return prandom(cpu, STOPS_A_FAILURE) == 0


@kernel
def is_stopped(cpu: Cpu) -> bool:
    """Whether this CPU is part of a stop that has come to its last step: it holds the others, or is held."""
    state = cpu.peek(STOPMACHINE_STATE)
    return state & STATE_MASK == STOPMACHINE_DISABLE_IRQ and cpu.peek(cpu.area + ACK) == state


@kernel
def restart_machine(cpu: Cpu) -> None:
    """Let the other CPUs go on; counts the stop and how long it took from its first state to its last."""
    stopmachine_set_state(cpu, STOPMACHINE_EXIT)
    local_irq_enable(cpu)
    preempt_enable(cpu)
    cpu.poke(STOPS, cpu.peek(STOPS) + 1)
    record_latency(cpu, cpu.clock() - cpu.peek(STOPMACHINE_BEGUN))
    up(cpu, STOPMACHINE_MUTEX)
