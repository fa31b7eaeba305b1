"""websockets, its asyncio client on uvloop.

Its way, from https://websockets.readthedocs.io/en/stable/topics/performance.html (uvloop; the C extension that comes with
the wheel) and https://websockets.readthedocs.io/en/stable/howto/patterns.html (`async for`), with compression off
unless it is wanted, as https://websockets.readthedocs.io/en/stable/topics/compression.html says of what does not gain from it.
The threading client, websockets.sync, was measured too: it took more time for all work but floods of 1 MiB.
"""

import time

from harness import MAXIMUM_SIZE, Assignment, Outcome, run
from websockets.asyncio.client import ClientConnection, connect


async def flood(websocket: ClientConnection, _: Assignment) -> Outcome:
    """Receives until the server closes."""
    messages = size = 0
    async for message in websocket:
        # Text has been decoded, and so validated.
        messages += 1
        size += len(message)
    return Outcome(messages, size)


async def echo(websocket: ClientConnection, assignment: Assignment) -> Outcome:
    """Sends a message when the one before has come back."""
    outcome = Outcome()
    payload = assignment.payload
    message = payload.decode() if assignment.text else payload
    for _ in range(assignment.count):
        start = time.monotonic_ns()
        await websocket.send(message)
        answer = await websocket.recv()
        outcome.round_trips_ns.append(time.monotonic_ns() - start)
        outcome.messages += len(answer) == len(message)
        outcome.bytes += len(payload)
    return outcome


async def sink(websocket: ClientConnection, assignment: Assignment) -> Outcome:
    """Sends, and waits for the server's word that it has everything."""
    payload = assignment.payload
    for _ in range(assignment.count):
        await websocket.send(payload, text=assignment.text)
    if await websocket.recv() != "ok":
        raise ValueError("the sink did not answer")
    return Outcome(assignment.count, assignment.count * len(payload))


async def work(assignment: Assignment) -> Outcome:
    """One connection's share."""
    options = {"ssl": assignment.ssl_context} if assignment.server.scheme == "wss" else {}
    async with connect(
        assignment.url,
        compression="deflate" if assignment.deflate else None,
        max_size=MAXIMUM_SIZE,
        proxy=None,
        **options,
    ) as websocket:
        if assignment.deflate and not websocket.protocol.extensions:
            raise ValueError("the server does not compress")
        return await {"flood": flood, "echo": echo, "sink": sink}[assignment.mode](websocket, assignment)


if __name__ == "__main__":
    run("websockets", {"text", "tls", "deflate", "connections"}, work)
