"""The CPU that stops the machine takes interrupts until it holds all others.

The coordinator turns its interrupts off, and then asks every other CPU to come into the stop. One of them is in the
middle of smp_call_function: it has sent an interrupt to the coordinator's CPU and waits until it is answered, and comes
into no stop before. So each waits for the other. The fix turns interrupts off when all others are in the stop, where
none of them sends an interrupt. In the model all CPUs but the coordinator's call functions on that one CPU all the
time, and it answers wherever it waits with interrupts on.

Source: commit 4557398f8cb (2.6.15), fact tagged V.
"""

from stress import Outcome, Program, Protocol, Scenario
from stress.kernel.modlist import STOPPED
from stress.kernel.preempt import local_irq_disable, preempt_disable
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.stop_machine import (
    ACK,
    STOPMACHINE_BEGUN,
    STOPMACHINE_DISABLE_IRQ,
    STOPMACHINE_MUTEX,
    STOPMACHINE_PREPARE,
    cond_resched,
    down,
    publish_state,
    restart_machine,
)
from stress.machine.loop import UNJUDGED, mark_edge
from stress.machine.seam import Cpu, kernel
from stress.machine.words import AREA_BYTES, AREAS, CPUS, IRQS_DISABLED, lock, static

COORDINATOR = 0
CALL_LOCK = lock("call_lock")
# 1 while an interrupt is on its way to the coordinator's CPU: set under the lock, zeroed by that CPU.
CALL = static("call_data")
OUT = Outcome.table(answered=("acceptable", "the other CPU has run the function"))


@kernel
def take_interrupt(cpu: Cpu) -> None:
    """Answer the call that has come to this CPU, if its interrupts are on."""
    if cpu.number == COORDINATOR and cpu.peek(cpu.area + IRQS_DISABLED) == 0 and cpu.load(CALL) != 0:
        cpu.store(CALL, 0)


@kernel
def safepoint(cpu: Cpu) -> None:
    """Take interrupts, and come into a stop."""
    take_interrupt(cpu)
    cond_resched(cpu)


@kernel
def smp_call_function(cpu: Cpu) -> int:
    """Let the coordinator's CPU run a function, and wait until it has. No safepoint: preemption is off."""
    spin_lock(cpu, CALL_LOCK)
    cpu.store(CALL, 1)
    while cpu.load(CALL) != 0:
        cpu.relax(CALL)
    spin_unlock(cpu, CALL_LOCK)
    return OUT.answered


@kernel
def set_state(cpu: Cpu, state: int) -> None:
    """Publish a state of the stop, and wait until every CPU has acknowledged it; interrupts are taken meanwhile."""
    word = publish_state(cpu, state)
    for other in range(cpu.peek(CPUS)):
        ack = AREAS + other * AREA_BYTES + ACK
        while cpu.load(ack) != word:
            take_interrupt(cpu)
            cpu.relax(ack)
    cpu.barrier()  # the change comes after every acknowledgement


@kernel
def begin_stop(cpu: Cpu) -> None:
    """Keep other stops out, and preemption away."""
    mark_edge(cpu)
    down(cpu, STOPMACHINE_MUTEX)
    cpu.poke(STOPMACHINE_BEGUN, cpu.clock())
    preempt_disable(cpu)


@kernel
def end_stop(cpu: Cpu) -> int:
    """Let the other CPUs go on."""
    mark_edge(cpu)
    restart_machine(cpu)
    mark_edge(cpu)
    return UNJUDGED


@kernel
def stop_irqs_off(cpu: Cpu, p: Protocol) -> int:
    """Broken: interrupts off, then hold the others."""
    begin_stop(cpu)
    local_irq_disable(cpu)
    set_state(cpu, STOPMACHINE_PREPARE)
    set_state(cpu, STOPMACHINE_DISABLE_IRQ)
    return end_stop(cpu)


@kernel
def stop_irqs_on(cpu: Cpu, p: Protocol) -> int:
    """Mended: hold the others, then interrupts off."""
    begin_stop(cpu)
    set_state(cpu, STOPMACHINE_PREPARE)
    local_irq_disable(cpu)
    set_state(cpu, STOPMACHINE_DISABLE_IRQ)
    return end_stop(cpu)


CALLED = STOPPED.but("called", safepoint=safepoint)
CALLER = Program("smp_call_function", smp_call_function)
BROKEN = Scenario(
    name="broken",
    claim="the coordinator of a stop may turn its interrupts off at once",
    source="4557398f8cb (2.6.15): before the fix",
    point="cure",
    programs=(Program("stop_machine", stop_irqs_off, cpus=1, writes=True), CALLER),
    expect="stalled",
    outcomes=OUT,
    protocol=CALLED,
    learnt="the coordinator waits for a CPU that waits for the coordinator's interrupts",
)
MENDED = Scenario(
    name="mended",
    claim="the coordinator of a stop may turn its interrupts off when all others are in the stop",
    source="4557398f8cb (2.6.15)",
    point="cure",
    programs=(Program("stop_machine", stop_irqs_on, cpus=1, writes=True), CALLER),
    expect="held",
    twin=BROKEN,
    outcomes=OUT,
    protocol=CALLED,
    learnt="two lines in the other order: calls are answered until nobody is left to call",
)
SCENARIOS = [BROKEN, MENDED]
