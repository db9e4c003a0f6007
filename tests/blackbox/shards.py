"""`--shard N/OF`: this run takes its share of the modules, so that several runs go on at a time. Each has a PostgreSQL
and services of its own, and no port of another (service.py)."""

import collections

import pytest


def pytest_addoption(parser):
    parser.addoption("--shard", type=_parse, default=(1, 1), metavar="N/OF", help="only this share of the modules")


def _parse(text):
    number, _, of = text.partition("/")
    if not 1 <= int(number) <= int(of):
        raise ValueError(f"--shard takes 1/3, 2/3 or 3/3, not {text}")
    return int(number), int(of)


def shares(counts, of):
    """The modules of each share, given their numbers of tests: the largest first, each to the smallest share so far."""
    made = [[] for _ in range(of)]
    for module in sorted(counts, key=lambda each: (-counts[each], each)):
        min(made, key=lambda share: sum(counts[each] for each in share)).append(module)
    return made


@pytest.hookimpl(trylast=True)  # after -k and -m have chosen
def pytest_collection_modifyitems(config, items):
    number, of = config.option.shard
    if of == 1:
        return
    mine = set(shares(collections.Counter(_module(item) for item in items), of)[number - 1])
    config.hook.pytest_deselected(items=[item for item in items if _module(item) not in mine])
    items[:] = [item for item in items if _module(item) in mine]


def _module(item):
    return item.nodeid.partition("::")[0]
