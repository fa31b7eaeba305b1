internal import WebSocketNovaTesting

extension HostileServer {
    package static let answersTLSWithHTTP = HostileServer(secure: "speaks HTTP in the clear on the port for TLS") { _ in
        [.receive(5), .send("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"), .close]
    }
    package static let answersTLSWithSSH = HostileServer(secure: "speaks SSH on the port for TLS") { _ in
        [.send("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), .waitForEndOfStream]
    }
}
