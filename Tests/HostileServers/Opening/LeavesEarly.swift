internal import WebSocketNovaTesting

extension HostileServer {
    package static let closesAtAccept = HostileServer("closes at accept", [.close])
    package static let resetsAtAccept = HostileServer("resets at accept", [.reset])
    package static let closesAfterRequest = HostileServer("closes behind the request", [.expectUpgrade, .close])
    package static let resetsAfterRequest = HostileServer("resets behind the request", [.expectUpgrade, .reset])

    package static let dropsInStatusLine = HostileServer(
        "ends the stream in the middle of the status line",
        [.expectUpgrade, .send("HTTP/1.1 101 Swi"), .close]
    )
    package static let dropsInField = HostileServer(
        "ends the stream in the middle of a header field",
        [.expectUpgrade, .send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: webso"), .close]
    )
    package static let resetsInField = HostileServer(
        "resets in the middle of a header field",
        [.expectUpgrade, .send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: webso"), .reset]
    )
}
