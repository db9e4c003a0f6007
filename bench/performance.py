"""What is told of a run: tables, docs/performance.md, plots."""

import os

import common
import plots
import sections
from aims import number_text
from loads import COLUMNS, print_table, spread

DOCUMENT = common.ROOT / "docs/performance.md"
AIM_COLUMNS = ("what", "Portcullis", "beside", "its number", "ratio (of the rounds)", "aim", "")


def aim_row(aim):
    return (aim.what, f"{number_text(aim.ours)} {aim.unit}", aim.beside,
            f"{number_text(aim.theirs)} {aim.unit}" if aim.theirs else "–", aim.ratio_text, aim.bound_text,
            "reached" if aim.is_reached else "**missed**")


def print_section(section):
    for title, played in section.contests.items():
        print_table(list(played.items()), title)
    if not section.aims:
        return
    rows = [AIM_COLUMNS, *map(aim_row, section.aims)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(AIM_COLUMNS))]
    print()
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip().replace("**", ""))


def markdown_table(head, rows):
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows))


INTRODUCTION = """# Performance

Written by `./dev bench` and not by hand: the service beside what its users would pick instead, all in one run on one machine.
Compare numbers only within one run, and look at ratios first.

{machine}

The contenders played in turns, {rounds} rounds of {seconds} s each{mode}. A number is the median of the rounds, in brackets
are the lowest and the highest. CPU is user and system time of the server's processes for one operation, so it counts
no client and no PostgreSQL. Latencies are those of clients that wait for an answer before they ask again;
where the rate is given, each runs from when its request was due, so a stall counts for all who came meanwhile.

Beside the service are: nginx, `return 200` with a body of the same size, over TLS with the same certificate; Redis, GET of values of that size; the Go
service's shape ({go}: gin, a map under a read-write mutex, SHA-256, encoding/json, pgx); pgbench and a program on libpq,
which make a transaction of the same three inserts for each log-in and speak to PostgreSQL themselves, without HTTP, JSON
or a cache. Their sources are in `bench/peers`.

## Aims
"""


def document(arguments, contests, aims, load):
    machine = common.machine()
    versions = ", ".join(f"{name} {number}" for name, number in tool_versions().items())
    about = (f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}, Linux {machine['kernel']};"
             f" {versions}. Load average {load:.2f} at the start and {os.getloadavg()[0]:.2f} at the end, this bench included.")
    text = INTRODUCTION.format(machine=about, rounds=arguments.rounds, seconds=arguments.seconds, go="go " + tool_versions()["go"],
                               mode=" (`--quick`: fewer where time was short)" if arguments.quick else "")
    missed = [aim for aim in aims if not aim.is_reached]
    text += f"\n{len(aims) - len(missed)} of {len(aims)} are reached" + (", " + str(len(missed)) + " missed" if missed else "") + ".\n\n"
    text += markdown_table([*AIM_COLUMNS[:-1], "outcome", "command"],
                           [[*aim_row(aim), f"`{aim.command}`"] for aim in aims]) + "\n"
    for title, played in contests.items():
        text += f"\n## {title[0].upper()}{title[1:]}\n\n" + markdown_table(
            ["", *(column for column, _, _ in COLUMNS)],
            [[name, *(spread(one, key, digits) for _, key, digits in COLUMNS)] for name, one in played.items()]) + "\n"
    return text


def tool_versions():
    return {"PostgreSQL": common.version_of("psql", "--version"), "nginx": common.version_of("/usr/sbin/nginx", "-v"),
            "Redis": common.version_of("redis-server", "--version"), "go": common.version_of("go", "version")}


def save(arguments, contests, aims, load):
    common.save("table", arguments, {
        "versions": tool_versions(), "load_average_at_start": load, "aims": [aim.as_json() for aim in aims],
        "rounds": {title: {name: one.rounds for name, one in played.items()} for title, played in contests.items()},
    })
    for title, played in contests.items():
        plots.write(common.RESULTS, title, played)
    if set(arguments.only) == set(sections.ALL):
        DOCUMENT.write_text(document(arguments, contests, aims, load))
        print(f"and to {DOCUMENT.relative_to(common.ROOT)}")
