"""Facts of the bundled corpus that scenarios and documents rely on."""

from stress.corpus import bundled, unique_names


def test_it_is_large_enough() -> None:
    corpus = bundled()
    assert len(corpus.modules) >= 24
    assert sum(len(module.findable()) for module in corpus.modules) >= 1500
    assert len(unique_names(corpus)) >= 1500


def test_tables_are_short_enough_to_be_scanned_often() -> None:
    assert max(len(module.symbols) for module in bundled().modules) <= 150


def test_most_modules_have_init_memory_and_all_have_text() -> None:
    modules = bundled().modules
    assert sum(module.init.size > 0 for module in modules) >= 24
    assert all(module.core.text_size > 0 for module in modules)


def test_addresses_are_shown_where_x86_64_maps_modules() -> None:
    corpus = bundled()
    shown = [module.core.base + corpus.bias for module in corpus.modules]
    assert shown[0] == 0xFFFFFFFFA0000000
    assert shown == sorted(shown)


def test_known_symbols_are_there() -> None:
    by_name = {module.name: module for module in bundled().modules}
    assert "bfs_statfs" in {symbol.name for symbol in by_name["bfs"].findable()}
    assert "tcp_vegas_cwnd_event" in {symbol.name for symbol in by_name["tcp_vegas"].findable()}


def test_its_source_is_told() -> None:
    assert "linux-image-6.1.0-56-amd64, version 6.1.192-2" in bundled().source


def test_it_is_read_once() -> None:
    assert bundled() is bundled()
