import pytest


class Span:
    low, high = 0, 1  # high is low + 1, always


@pytest.mark.stress(cpus=[2, 4], duration="500ms")
def test_a_span_is_read_whole(stress):
    span = Span()

    @stress.reader
    def read(cpu):
        return "whole" if span.high == span.low + 1 else "torn"

    @stress.writer(count=1)
    def move(cpu):
        span.low = cpu.random.randrange(100)
        span.high = span.low + 1

    stress.run(acceptable={"whole"})
