"""picows, its core API: a listener whose on_ws_frame looks at the frame where it was read, on uvloop.

Its way, from https://picows.readthedocs.io/en/stable/guides.html and https://github.com/tarasko/picows#core-api: the core
API with aiofastnet (its default), frames that are not copied, and a producer that stops between pause_writing and
resume_writing ("Dealing with slow peers"). A frame is a message, since the load server does not fragment. Text is validated by
get_payload_as_utf8_text. Each send() is a system call. The core API has no permessage-deflate. In the guides there is one faster
way, a listener written in Cython; that is another language than Python.
"""

import time

import picows
from harness import MAXIMUM_SIZE, Assignment, Outcome, run
from picows import WSFrame, WSListener, WSMsgType, WSTransport


class Listener(WSListener):
    """What all kinds of work share."""

    def __init__(self, assignment: Assignment) -> None:
        super().__init__()
        self.outcome = Outcome()
        self.kind = WSMsgType.TEXT if assignment.text else WSMsgType.BINARY
        self.count = assignment.count

    def close(self, transport: WSTransport) -> None:
        """Begins the closing handshake; the server's Close ends the connection."""
        transport.send_close(picows.WSCloseCode.OK)

    def answer_close(self, transport: WSTransport, frame: WSFrame) -> None:
        """Answers the server's Close; after a Close of our own, picows sends nothing."""
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()


class Flood(Listener):
    """Receives until the server closes."""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.BINARY and self.kind == WSMsgType.BINARY:
            self.outcome.messages += 1
            self.outcome.bytes += frame.payload_size
        elif frame.msg_type == WSMsgType.TEXT and self.kind == WSMsgType.TEXT:
            frame.get_payload_as_utf8_text()
            self.outcome.messages += 1
            self.outcome.bytes += frame.payload_size
        else:
            self.answer_close(transport, frame)


class Echo(Listener):
    """Sends a message when the one before has come back."""

    def __init__(self, assignment: Assignment) -> None:
        super().__init__(assignment)
        self.payload = assignment.payload
        self.start = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.start = time.monotonic_ns()
        transport.send(self.kind, self.payload)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != self.kind:
            self.answer_close(transport, frame)
            return
        if self.kind == WSMsgType.TEXT:
            frame.get_payload_as_utf8_text()
        now = time.monotonic_ns()
        self.outcome.round_trips_ns.append(now - self.start)
        self.outcome.messages += 1
        self.outcome.bytes += frame.payload_size
        if self.outcome.messages == self.count:
            self.close(transport)
        else:
            self.start = now
            transport.send(self.kind, self.payload)


class Sink(Listener):
    """Sends for as long as the transport takes more, and waits for the server's word that it has everything."""

    def __init__(self, assignment: Assignment) -> None:
        super().__init__(assignment)
        self.payload = assignment.payload
        self.transport: WSTransport | None = None
        self.is_paused = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        """Sends until everything is sent or the transport is full."""
        assert self.transport is not None
        send, kind, payload = self.transport.send, self.kind, self.payload
        while not self.is_paused and self.outcome.messages < self.count:
            send(kind, payload)
            self.outcome.messages += 1
            self.outcome.bytes += len(payload)

    def pause_writing(self) -> None:
        self.is_paused = True

    def resume_writing(self) -> None:
        self.is_paused = False
        self.send()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT and frame.get_payload_as_utf8_text() == "ok":
            self.close(transport)
        else:
            self.answer_close(transport, frame)


async def work(assignment: Assignment) -> Outcome:
    """One connection's share."""
    listener = {"flood": Flood, "echo": Echo, "sink": Sink}[assignment.mode](assignment)
    transport, _ = await picows.ws_connect(
        lambda: listener, assignment.url, ssl_context=assignment.ssl_context, max_frame_size=MAXIMUM_SIZE
    )
    await transport.wait_disconnected()
    return listener.outcome


if __name__ == "__main__":
    run("picows", {"text", "tls", "connections"}, work)
