/// The offers of permessage-deflate, and what the server makes of them (RFC 7692 sections 5 and 7.1).
package enum PermessageDeflate {
    package static let name = "permessage-deflate"

    private static let serverNoContextTakeover = "server_no_context_takeover"
    private static let clientNoContextTakeover = "client_no_context_takeover"
    private static let serverMaxWindowBits = "server_max_window_bits"
    private static let clientMaxWindowBits = "client_max_window_bits"

    /// The value of `Sec-WebSocket-Extensions` in the request.
    package static func header(for offers: [CompressionConfiguration.Offer]) -> String {
        offers.map { Self.element(for: $0).description }.joined(separator: ", ")
    }

    private static func element(for offer: CompressionConfiguration.Offer) -> ExtensionHeader {
        var element = ExtensionHeader(name: Self.name)
        if offer.serverNoContextTakeover { element.parameters.append(.init(name: Self.serverNoContextTakeover)) }
        if offer.clientNoContextTakeover { element.parameters.append(.init(name: Self.clientNoContextTakeover)) }
        if let bits = offer.serverMaxWindowBits {
            element.parameters.append(.init(name: Self.serverMaxWindowBits, value: String(bits)))
        }
        switch offer.clientMaxWindowBits.storage {
        case .notOffered: break
        case .anySize: element.parameters.append(.init(name: Self.clientMaxWindowBits))
        case .atMost(let bits): element.parameters.append(.init(name: Self.clientMaxWindowBits, value: String(bits)))
        }
        return element
    }

    /// Why an answer cannot stand.
    package struct NegotiationError: Error, Hashable, CustomStringConvertible {
        package var description: String
    }

    /// Judges the server's answer against the offers.
    ///
    /// The answer does not say which offer it is to. Where it fits several, the client keeps to the strictest of what those
    /// say about its own side, because the server may count on any of them (RFC 7692 sections 7.1.1.2 and 7.1.2.2).
    package static func negotiate(
        _ answer: ExtensionHeader,
        offers: [CompressionConfiguration.Offer]
    ) throws(NegotiationError) -> NegotiatedDeflate {
        let answer = try Answer(answer)
        var reasons: [String] = []
        var negotiated: NegotiatedDeflate?
        for offer in offers {
            if let reason = answer.mismatch(with: offer) {
                if !reasons.contains(reason) { reasons.append(reason) }
            } else {
                negotiated = answer.parameters(under: offer, and: negotiated)
            }
        }
        guard let negotiated else {
            throw NegotiationError(description: "it answers no offer: " + reasons.joined(separator: "; "))
        }
        return negotiated
    }

    /// The parameters of an answer, each legal by itself.
    private struct Answer {
        var serverNoContextTakeover = false
        var clientNoContextTakeover = false
        var serverMaxWindowBits: Int?
        var clientMaxWindowBits: Int?

        init(_ header: ExtensionHeader) throws(NegotiationError) {
            var names: Set<String> = []
            for parameter in header.parameters {
                // RFC 7692 section 7: a parameter that is unknown, doubled or has an illegal value fails the connection.
                guard names.insert(parameter.name).inserted else {
                    throw NegotiationError(description: "parameter \(HTTPGrammar.quoted(parameter.name)) comes twice")
                }
                switch parameter.name {
                case PermessageDeflate.serverNoContextTakeover:
                    try Self.checkNoValue(parameter)
                    self.serverNoContextTakeover = true
                case PermessageDeflate.clientNoContextTakeover:
                    try Self.checkNoValue(parameter)
                    self.clientNoContextTakeover = true
                case PermessageDeflate.serverMaxWindowBits:
                    self.serverMaxWindowBits = try Self.windowBits(parameter)
                case PermessageDeflate.clientMaxWindowBits:
                    self.clientMaxWindowBits = try Self.windowBits(parameter)
                default:
                    throw NegotiationError(description: "parameter \(HTTPGrammar.quoted(parameter.name)) is unknown")
                }
            }
        }

        private static func checkNoValue(_ parameter: ExtensionHeader.Parameter) throws(NegotiationError) {
            if let value = parameter.value {
                throw NegotiationError(
                    description: "\(parameter.name) must have no value but has \(HTTPGrammar.quoted(value))"
                )
            }
        }

        /// 8 to 15 in decimal, without leading zeros (RFC 7692 section 7.1.2).
        private static func windowBits(_ parameter: ExtensionHeader.Parameter) throws(NegotiationError) -> Int {
            guard let value = parameter.value else {
                throw NegotiationError(description: "\(parameter.name) must have a value in an answer")
            }
            guard let bits = (8...15).first(where: { String($0) == value }) else {
                throw NegotiationError(description: "\(parameter.name) is \(HTTPGrammar.quoted(value)), not 8 to 15")
            }
            return bits
        }

        /// Why this cannot be an answer to the offer; nil if it can.
        func mismatch(with offer: CompressionConfiguration.Offer) -> String? {
            if offer.serverNoContextTakeover, !self.serverNoContextTakeover {
                return "server_no_context_takeover was asked for and is missing"
            }
            if let asked = offer.serverMaxWindowBits {
                guard let bits = self.serverMaxWindowBits else {
                    return "server_max_window_bits=\(asked) was asked for and is missing"
                }
                if bits > asked { return "server_max_window_bits=\(bits) is more than the \(asked) asked for" }
            }
            if let bits = self.clientMaxWindowBits, offer.clientMaxWindowBits.storage == .notOffered {
                return "client_max_window_bits=\(bits) was not offered"
            }
            return nil
        }

        /// What holds under an offer that fits, beside what an earlier one that fits has said.
        func parameters(
            under offer: CompressionConfiguration.Offer,
            and earlier: NegotiatedDeflate?
        ) -> NegotiatedDeflate {
            // A value in the offer binds the client even where the answer has none or a greater one.
            var bits = min(self.clientMaxWindowBits ?? 15, earlier?.clientMaxWindowBits ?? 15)
            if case .atMost(let offered) = offer.clientMaxWindowBits.storage { bits = min(bits, offered) }
            return NegotiatedDeflate(
                serverNoContextTakeover: self.serverNoContextTakeover,
                clientNoContextTakeover: self.clientNoContextTakeover || offer.clientNoContextTakeover
                    || earlier?.clientNoContextTakeover == true,
                serverMaxWindowBits: self.serverMaxWindowBits ?? 15,
                clientMaxWindowBits: bits
            )
        }
    }
}
