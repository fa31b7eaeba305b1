internal import WebSocketNovaTesting

extension HostileServer {
    /// Accepts the TCP connection and never says a word.
    package static let saysNothing = HostileServer("accepts and says nothing", [.waitForEndOfStream])

    /// The same behind the first byte, so that a deadline for each read would not help either.
    package static let dripsHeadForEver = HostileServer(
        "sends its response's head so slowly that it never ends",
        [
            .expectUpgrade, .send("HTTP/1.1 101 Switching Protocols\r\nX-Drip: "),
            .untilClientLeaves([.send("x"), .delay(.milliseconds(10))]),
        ]
    )
}
