internal import WebSocketNovaTesting

extension HostileServer {
    package static let wrongName = Self.showing("shows a certificate for another name") { $0.names = ["example.com"] }
    package static let noName = Self.showing("shows a certificate for no name") { $0.names = [] }
    package static let expired = Self.showing("shows an expired certificate") { $0.validity = .expired }
    package static let notYetValid = Self.showing("shows a certificate of tomorrow") { $0.validity = .notYet }
    package static let selfSigned = Self.showing("shows a certificate that it has signed itself") {
        $0.isSelfSigned = true
    }
    package static let unknownIssuer = Self.showing("shows a certificate of an authority that nobody knows") {
        $0.authority = nil
    }

    private static func showing(
        _ description: String,
        _ change: @escaping @Sendable (inout EchoServer.TLS) -> Void
    ) -> HostileServer {
        HostileServer(secure: description, certificate: change) {
            [.startTLS($0), .acceptUpgrade(), .waitForEndOfStream]
        }
    }
}
