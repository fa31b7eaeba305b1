"""aiohttp, its WebSocket client with the C extensions of its wheel, on uvloop.

Its way, from https://docs.aiohttp.org/en/stable/client_quickstart.html#websockets (`async for` over the messages) and
https://docs.aiohttp.org/en/stable/client_reference.html (ws_connect, where compress is off by default).
"""

import time

import aiohttp
from aiohttp import ClientWebSocketResponse, WSMsgType
from harness import MAXIMUM_SIZE, Assignment, Outcome, run


async def flood(websocket: ClientWebSocketResponse, assignment: Assignment) -> Outcome:
    """Receives until the server closes."""
    messages = size = 0
    kind = WSMsgType.TEXT if assignment.text else WSMsgType.BINARY
    async for message in websocket:
        if message.type is not kind:
            raise ValueError(f"a message of another kind: {message}")
        messages += 1
        # Text has been decoded, and so validated.
        size += len(message.data)
    return Outcome(messages, size)


async def echo(websocket: ClientWebSocketResponse, assignment: Assignment) -> Outcome:
    """Sends a message when the one before has come back."""
    outcome = Outcome()
    payload = assignment.payload
    message = payload.decode() if assignment.text else payload
    send = websocket.send_str if assignment.text else websocket.send_bytes
    for _ in range(assignment.count):
        start = time.monotonic_ns()
        await send(message)
        answer = await websocket.receive()
        outcome.round_trips_ns.append(time.monotonic_ns() - start)
        outcome.messages += len(answer.data) == len(message)
        outcome.bytes += len(payload)
    return outcome


async def sink(websocket: ClientWebSocketResponse, assignment: Assignment) -> Outcome:
    """Sends, and waits for the server's word that it has everything."""
    payload = assignment.payload
    kind = WSMsgType.TEXT if assignment.text else WSMsgType.BINARY
    for _ in range(assignment.count):
        await websocket.send_frame(payload, kind)
    if await websocket.receive_str() != "ok":
        raise ValueError("the sink did not answer")
    return Outcome(assignment.count, assignment.count * len(payload))


async def work(assignment: Assignment) -> Outcome:
    """One connection's share."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(
            assignment.url,
            compress=15 if assignment.deflate else 0,
            max_msg_size=MAXIMUM_SIZE,
            ssl=assignment.ssl_context or True,
        ) as websocket,
    ):
        if assignment.deflate and not websocket.compress:
            raise ValueError("the server does not compress")
        return await {"flood": flood, "echo": echo, "sink": sink}[assignment.mode](websocket, assignment)


if __name__ == "__main__":
    run("aiohttp", {"text", "tls", "deflate", "connections"}, work)
