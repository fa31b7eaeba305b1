internal import COpenSSL
internal import WebSocketCore

// What went wrong, in words and by name.
extension TLSHandshake {
    /// The error of a connection that did not get through its handshake.
    ///
    /// - Parameter words: lws's own, for what is none of OpenSSL's business.
    func openingError(_ peer: String, words: String) -> WebSocketError {
        if let rejection {
            let tried = "verified \(self.subject) against \(self.context.trustStore?.description ?? "the pins only")"
            return self.error(
                TLSFailure(reason: rejection.reason, certificateNames: rejection.names),
                "TLS with \(peer): certificate not accepted: \(rejection.text) (\(tried))"
            )
        }
        if let error = self.alertError(peer) { return error }
        let (reason, text) = self.failure?.explanation ?? (.other, words)
        return self.error(TLSFailure(reason: reason), "TLS with \(peer): \(text) (\(self.offer))")
    }

    /// The error of a server that has sent an alert, in the handshake or later: with TLS 1.3 it looks at a client's certificate
    /// when the handshake is over for the client.
    func alertError(_ peer: String) -> WebSocketError? {
        guard let alert else { return nil }
        return self.error(
            TLSFailure(reason: Self.reason(ofAlert: Int32(alert)), alert: alert),
            "TLS with \(peer): \(self.alertText ?? "") (\(self.offer))"
        )
    }

    /// The alert that has come, in words.
    var alertText: String? {
        self.alert.flatMap { alert in
            SSL_alert_desc_string_long(Int32(alert)).map { "the server sent the alert \"\(String(cString: $0))\"" }
        }
    }

    private func error(_ failure: TLSFailure, _ message: String) -> WebSocketError {
        var error = WebSocketError(.tlsFailed, message)
        error.tlsFailure = failure
        return error
    }

    private var subject: String {
        switch self.name {
        case .dns(let name): "the name \"\(name)\""
        case .address(let address): "the address \(address)"
        }
    }

    /// What this side came with.
    private var offer: String {
        let configuration = self.context.configuration
        let versions: String
        switch configuration.maximumVersion {
        case configuration.minimumVersion: versions = "only \(configuration.minimumVersion)"
        case let maximum?: versions = "\(configuration.minimumVersion) to \(maximum)"
        case nil: versions = "\(configuration.minimumVersion) and later"
        }
        let name: String
        switch self.name {
        case .dns(let text): name = "the server name \"\(text)\""
        case .address: name = "no server name"
        }
        let identity = configuration.clientIdentity == nil ? "no client certificate" : "a client certificate"
        let ciphers = configuration.cipherList == nil && configuration.cipherSuites == nil ? "" : ", chosen ciphers"
        return "offered \(versions)\(ciphers), \(name), \(identity)"
    }

    private static func reason(ofAlert alert: Int32) -> TLSFailure.Reason {
        switch alert {
        case SSL_AD_PROTOCOL_VERSION: .protocolVersion
        case SSL_AD_HANDSHAKE_FAILURE, SSL_AD_INSUFFICIENT_SECURITY: .handshakeRefused
        case SSL_AD_UNRECOGNIZED_NAME: .unrecognizedName
        case SSL_AD_BAD_CERTIFICATE, SSL_AD_UNSUPPORTED_CERTIFICATE, SSL_AD_CERTIFICATE_REVOKED,
            SSL_AD_CERTIFICATE_EXPIRED, SSL_AD_CERTIFICATE_UNKNOWN, SSL_AD_UNKNOWN_CA, SSL_AD_ACCESS_DENIED,
            TLS13_AD_CERTIFICATE_REQUIRED:
            .clientCertificateRefused
        default: .other
        }
    }

    // MARK: Certificates

    /// Why OpenSSL does not accept a chain: its first objection.
    func explain(_ store: OpaquePointer) -> Rejection {
        let code = X509_STORE_CTX_get_error(store)
        let depth = X509_STORE_CTX_get_error_depth(store)
        let whose = depth > 0 ? "that of its issuer at depth \(depth)" : "it"
        guard let certificate = Certificate(retaining: X509_STORE_CTX_get_current_cert(store)) else {
            return Rejection(reason: .badCertificate, text: Self.text(of: code))
        }
        switch code {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            let text = "\(whose) expired on \(certificate.notAfter); here it is \(Certificate.now)"
            return Rejection(reason: .expired, text: text)
        case X509_V_ERR_CERT_NOT_YET_VALID:
            let text = "\(whose) is not valid before \(certificate.notBefore); here it is \(Certificate.now)"
            return Rejection(reason: .notYetValid, text: text)
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            let names = certificate.names
            let text = names.isEmpty ? "no name at all" : names.joined(separator: ", ")
            return Rejection(reason: .nameMismatch, text: "name mismatch, it is for \(text)", names: names)
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            let text = "unknown issuer, \(certificate.issuer) (\(Self.text(of: code)))"
            return Rejection(reason: .unknownIssuer, text: text)
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            let text = "unknown issuer, its chain ends with \(certificate.subject), which is not trusted"
            return Rejection(reason: .unknownIssuer, text: text)
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return Rejection(reason: .selfSigned, text: "self-signed by \(certificate.subject)")
        case X509_V_ERR_CERT_REVOKED:
            return Rejection(reason: .revoked, text: "\(whose) was revoked")
        default:
            return Rejection(reason: .badCertificate, text: "\(Self.text(of: code)) (\(certificate.subject))")
        }
    }

    private static func text(of code: Int32) -> String {
        X509_verify_cert_error_string(Int(code)).map { String(cString: $0) } ?? "error \(code)"
    }
}

extension TLSHandshake.Failure {
    /// By name and in words.
    var explanation: (TLSFailure.Reason, String) {
        guard self.code != 0 else {
            guard self.errno != 0 else { return (.peerClosed, "the server closed the connection") }
            return (.peerClosed, describe(errno: self.errno))
        }
        let words = openSSLReason(self.code)
        guard ERR_GET_LIB(self.code) == ERR_LIB_SSL else { return (.other, words) }
        switch ERR_GET_REASON(self.code) {
        case SSL_R_UNEXPECTED_EOF_WHILE_READING:
            return (.peerClosed, "the server closed the connection")
        case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_PACKET_LENGTH_TOO_LONG, SSL_R_BAD_RECORD_TYPE:
            return (.notTLS, "what the server sent is not TLS (\(words))")
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW, SSL_R_NO_PROTOCOLS_AVAILABLE,
            SSL_R_UNSUPPORTED_SSL_VERSION, SSL_R_VERSION_TOO_HIGH:
            return (.protocolVersion, "no version in common (\(words))")
        default:
            return (.other, words)
        }
    }
}
