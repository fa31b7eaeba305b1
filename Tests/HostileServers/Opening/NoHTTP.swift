internal import WebSocketNovaTesting

extension HostileServer {
    /// What a server of 1991 answers: the document, and nothing before it.
    package static let speaksHTTP09 = HostileServer(
        "speaks HTTP/0.9",
        [.expectUpgrade, .send("<html><body>It works!</body></html>\r\n"), .close]
    )
    /// It waits for our banner then, and would for long.
    package static let speaksSSH = HostileServer(
        "speaks SSH",
        [.send("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), .waitForEndOfStream]
    )
    package static let sendsBinary = HostileServer(
        "sends bytes that are no text",
        [.expectUpgrade, .send([0, 1, 2, 3, 0xFF, 0xFE, 13, 10, 13, 10]), .waitForEndOfStream]
    )
    package static let statusIsNoNumber = HostileServer(
        "has words for a status",
        [.expectUpgrade, .send("HTTP/1.1 yes Switching\r\n\r\n"), .waitForEndOfStream]
    )
    /// The alert with which a TLS server answers what is no TLS: fatal, unexpected_message.
    package static let speaksTLSToPlain = HostileServer(
        "speaks TLS where nobody expects it",
        [.expectUpgrade, .send([21, 3, 3, 0, 2, 2, 10]), .close]
    )
}
