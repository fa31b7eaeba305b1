"""What a Python contestant needs beside its library: the arguments, the payload, the measuring, and the line of JSON.

The same for all contestants is told in Benchmarks/README.md.
"""

import argparse
import asyncio
import dataclasses
import json
import resource
import signal
import ssl
import sys
import time
import urllib.parse
from collections.abc import Awaitable, Callable
from typing import Self

import uvloop

MAXIMUM_SIZE = 64 << 20


@dataclasses.dataclass
class Outcome:
    """What a contestant did: counted by itself, measured by its process."""

    messages: int = 0
    # Of text, characters.
    bytes: int = 0
    round_trips_ns: list[int] = dataclasses.field(default_factory=list)

    def add(self, other: Self) -> None:
        """Adds what another connection did."""
        self.messages += other.messages
        self.bytes += other.bytes
        self.round_trips_ns += other.round_trips_ns


@dataclasses.dataclass
class Assignment:
    """What has to be done; `count` is of all connections together."""

    mode: str
    server: urllib.parse.SplitResult
    size: int
    count: int
    text: bool
    deflate: bool
    connections: int
    ca: str | None

    @property
    def has_resource(self) -> bool:
        """Whether the URL has a path of its own, which is then used as it is."""
        return self.server.path not in ("", "/") or self.server.query != ""

    @property
    def share(self) -> Self:
        """What one of the connections has to do."""
        return dataclasses.replace(self, count=self.count // self.connections, connections=1)

    @property
    def warm_up(self) -> Self:
        """A short run of the same work, unless a URL's own path may name a number of messages."""
        if self.has_resource:
            return self
        return dataclasses.replace(self, count=max(self.connections, self.count // 20))

    @property
    def url(self) -> str:
        """The address for one connection of this assignment."""
        if self.has_resource:
            return self.server.geturl()
        query = {
            "flood": f"/flood?size={self.size}&count={self.count}{'&text=1' if self.text else ''}",
            "echo": "/echo",
            "sink": f"/sink?count={self.count}",
        }
        return f"{self.server.scheme}://{self.server.netloc}{query[self.mode]}"

    @property
    def ssl_context(self) -> ssl.SSLContext | None:
        """Trusts the given authority, or else the system's."""
        return ssl.create_default_context(cafile=self.ca) if self.server.scheme == "wss" else None

    @property
    def payload(self) -> bytes:
        """What is sent, of an echo or to a sink."""
        if self.deflate:
            return _json_payload(self.size)
        return _text_payload(self.size) if self.text else b"x" * self.size


def _text_payload(size: int) -> bytes:
    """Text of exactly `size` bytes, with a character of 2 to 4 bytes every sixteen."""
    wide = ["\u00e9".encode(), "\u20ac".encode(), "\U0001f600".encode()]
    text = bytearray()
    characters = 0
    while len(text) < size:
        characters += 1
        character = wide[characters // 16 % 3]
        if characters % 16 == 0 and len(text) + len(character) <= size:
            text += character
        else:
            text.append(ord("a") + characters % 26)
    return bytes(text)


def _json_payload(size: int) -> bytes:
    """Records with names that repeat and numbers that do not, which deflate to about a third."""
    state = 42

    def below(bound: int) -> int:
        nonlocal state
        state ^= state << 13 & 0xFFFF_FFFF_FFFF_FFFF
        state ^= state >> 7
        state ^= state << 17 & 0xFFFF_FFFF_FFFF_FFFF
        return state % bound

    text = bytearray()
    while len(text) < size:
        order, moment = below(1 << 48), 1_590_484_100_000 + below(900_000)
        text += (
            f'{{"id":{below(1_000_000_000_000)},"order":"{order:x}","time":{moment},'
            f'"price":{8000 + below(2000)}.{below(10)},"amount":{below(100_000)},'
            f'"side":"{["buy", "sell"][below(2)]}","index":{8000 + below(2000)}.{10 + below(90)}}},'
        ).encode()
    return bytes(text[:size])


def percentile_us(ordered: list[int], per_mille: int) -> float | None:
    """The smallest value that at least `per_mille` of all do not exceed."""
    if not ordered:
        return None
    return round(ordered[max(1, -(-len(ordered) * per_mille // 1000)) - 1] / 1000, 2)


def _cpu_ns() -> int:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return round((usage.ru_utime + usage.ru_stime) * 1e9)


def _peak_resident_kb() -> int:
    # Not ru_maxrss, which after vfork and exec still counts the process that started this one.
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def _parse(name: str, features: set[str]) -> Assignment:
    parser = argparse.ArgumentParser(prog=name, allow_abbrev=False)
    parser.add_argument("mode", choices=["flood", "echo", "sink"])
    parser.add_argument("--url", required=True, type=urllib.parse.urlsplit)
    parser.add_argument("--size", required=True, type=int)
    parser.add_argument("--count", required=True, type=int)
    parser.add_argument("--text", action="store_true")
    parser.add_argument("--deflate", action="store_true")
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--ca", metavar="FILE")
    parser.add_argument("--timeout", type=int, default=120, metavar="SECONDS")
    options = parser.parse_args()
    if options.url.scheme not in ("ws", "wss") or min(options.count, options.connections) < 1:
        parser.error("not a ws: or wss: URL, or not a positive number")
    if options.deflate and "deflate" not in features:
        parser.error("the library has no permessage-deflate")
    signal.alarm(options.timeout)
    return Assignment(
        options.mode,
        options.url,
        options.size,
        options.count,
        options.text,
        options.deflate,
        options.connections,
        options.ca,
    )


async def _perform(assignment: Assignment, work: Callable[[Assignment], Awaitable[Outcome]]) -> Outcome:
    outcome = Outcome()
    share = assignment.share
    for done in await asyncio.gather(*(work(share) for _ in range(assignment.connections))):
        outcome.add(done)
    return outcome


def _line(name: str, assignment: Assignment, outcome: Outcome, seconds: float, cpu: int) -> str:
    ordered = sorted(outcome.round_trips_ns)
    line = {
        "name": name,
        "mode": assignment.mode,
        "size": assignment.size,
        "n": outcome.messages,
        "seconds": round(seconds, 4),
        "cpu_ns_per_msg": round(cpu / outcome.messages, 1),
        "p50_us": percentile_us(ordered, 500),
        "p99_us": percentile_us(ordered, 990),
        "p999_us": percentile_us(ordered, 999),
        "max_rss_kb": _peak_resident_kb(),
    }
    variants = {"text": assignment.text, "tls": assignment.server.scheme == "wss", "deflate": assignment.deflate}
    line |= {key: True for key, value in variants.items() if value}
    if assignment.connections > 1:
        line["connections"] = assignment.connections
    return json.dumps(line, separators=(",", ":"))


async def _measure(name: str, assignment: Assignment, work: Callable[[Assignment], Awaitable[Outcome]]) -> str:
    await _perform(assignment.warm_up, work)
    cpu, start = _cpu_ns(), time.monotonic_ns()
    outcome = await _perform(assignment, work)
    seconds, cpu = (time.monotonic_ns() - start) / 1e9, _cpu_ns() - cpu
    expected = assignment.share.count * assignment.connections
    if outcome.messages != expected:
        sys.exit(f"{name}: {outcome.messages} messages of {expected}")
    if not assignment.has_resource and not assignment.text and outcome.bytes != expected * assignment.size:
        sys.exit(f"{name}: messages of other sizes")
    return _line(name, assignment, outcome, seconds, cpu)


def run(name: str, features: set[str], work: Callable[[Assignment], Awaitable[Outcome]]) -> None:
    """Measures `work`, which does one connection's share from connecting to the closing handshake, and prints the line."""
    assignment = _parse(name, features)
    print(uvloop.run(_measure(name, assignment, work)))
