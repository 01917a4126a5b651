"""A test with a stress mark, and the options of a pytest run that shows nothing else."""

QUIET = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--strict-markers", "-W", "error")
MARKED = """
    import pytest

    @pytest.mark.stress({marked})
    def test_it(stress):
        stress.reader(lambda cpu: None)
        stress.writer(count=1)(lambda cpu: None)
        stress.run()
"""
