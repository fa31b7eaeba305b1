internal import WebSocketNovaTesting

extension HostileServer {
    package static let redirectsToItself = HostileServer(
        "redirects to itself",
        [.expectUpgrade, .send("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")]
    )
}
