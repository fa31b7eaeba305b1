import Testing
import WebSocketCore

@Suite struct PermessageDeflateTests {
    typealias Offer = CompressionConfiguration.Offer

    // MARK: Offers

    @Test(
        arguments: [
            ([.standard], "permessage-deflate; client_max_window_bits"),
            ([Offer(clientMaxWindowBits: .notOffered)], "permessage-deflate"),
            (
                [Offer(clientNoContextTakeover: true)],
                "permessage-deflate; client_no_context_takeover; client_max_window_bits"
            ),
            (
                [
                    Offer(
                        serverNoContextTakeover: true,
                        clientNoContextTakeover: true,
                        serverMaxWindowBits: 9,
                        clientMaxWindowBits: .atMost(10)
                    )
                ],
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; "
                    + "client_max_window_bits=10"
            ),
            (
                [Offer(serverMaxWindowBits: 10), Offer(clientMaxWindowBits: .notOffered)],
                "permessage-deflate; server_max_window_bits=10; client_max_window_bits, permessage-deflate"
            ),
        ] as [([Offer], String)]
    )
    func writesOffers(offers: [Offer], header: String) {
        #expect(PermessageDeflate.header(for: offers) == header)
    }

    // MARK: Answers

    static func negotiate(_ answer: String, _ offers: [Offer]) throws -> NegotiatedDeflate {
        let header = try #require(try ExtensionHeader.parse(["permessage-deflate" + answer]).first)
        return try PermessageDeflate.negotiate(header, offers: offers)
    }

    struct Accepted: CustomTestStringConvertible {
        var answer: String
        var offers: [Offer] = [.standard]
        var result: NegotiatedDeflate
        var testDescription: String { "\(self.answer) to \(PermessageDeflate.header(for: self.offers))" }
    }

    @Test(arguments: [
        Accepted(answer: "", result: NegotiatedDeflate()),
        Accepted(answer: "; server_no_context_takeover", result: NegotiatedDeflate(serverNoContextTakeover: true)),
        Accepted(answer: "; client_no_context_takeover", result: NegotiatedDeflate(clientNoContextTakeover: true)),
        Accepted(answer: "; server_max_window_bits=8", result: NegotiatedDeflate(serverMaxWindowBits: 8)),
        Accepted(answer: "; server_max_window_bits=\"15\"", result: NegotiatedDeflate()),
        Accepted(answer: "; client_max_window_bits=8", result: NegotiatedDeflate(clientMaxWindowBits: 8)),
        Accepted(answer: "; client_max_window_bits=15", result: NegotiatedDeflate()),
        Accepted(
            answer: "; client_max_window_bits=10; server_max_window_bits=11; client_no_context_takeover; "
                + "server_no_context_takeover",
            result: NegotiatedDeflate(
                serverNoContextTakeover: true,
                clientNoContextTakeover: true,
                serverMaxWindowBits: 11,
                clientMaxWindowBits: 10
            )
        ),
        // What the client declared in its offer binds it whatever the answer says.
        Accepted(
            answer: "",
            offers: [Offer(clientNoContextTakeover: true, clientMaxWindowBits: .atMost(10))],
            result: NegotiatedDeflate(clientNoContextTakeover: true, clientMaxWindowBits: 10)
        ),
        Accepted(
            answer: "; client_max_window_bits=12",
            offers: [Offer(clientMaxWindowBits: .atMost(10))],
            result: NegotiatedDeflate(clientMaxWindowBits: 10)
        ),
        Accepted(
            answer: "; client_max_window_bits=9",
            offers: [Offer(clientMaxWindowBits: .atMost(10))],
            result: NegotiatedDeflate(clientMaxWindowBits: 9)
        ),
        Accepted(
            answer: "; server_max_window_bits=9; server_no_context_takeover",
            offers: [Offer(serverNoContextTakeover: true, serverMaxWindowBits: 10)],
            result: NegotiatedDeflate(serverNoContextTakeover: true, serverMaxWindowBits: 9)
        ),
        // The second offer, because the first cannot have been meant.
        Accepted(
            answer: "",
            offers: [Offer(serverMaxWindowBits: 10, clientMaxWindowBits: .atMost(9)), .standard],
            result: NegotiatedDeflate()
        ),
        Accepted(
            answer: "; client_max_window_bits=12",
            offers: [Offer(clientNoContextTakeover: true, clientMaxWindowBits: .notOffered), .standard],
            result: NegotiatedDeflate(clientMaxWindowBits: 12)
        ),
        // Either may have been meant: both are kept to.
        Accepted(
            answer: "",
            offers: [Offer(clientNoContextTakeover: true), Offer(clientMaxWindowBits: .atMost(11))],
            result: NegotiatedDeflate(clientNoContextTakeover: true, clientMaxWindowBits: 11)
        ),
        Accepted(
            answer: "; client_max_window_bits=12",
            offers: [Offer(clientMaxWindowBits: .atMost(11)), .standard],
            result: NegotiatedDeflate(clientMaxWindowBits: 11)
        ),
    ])
    func accepts(accepted: Accepted) throws {
        #expect(try Self.negotiate(accepted.answer, accepted.offers) == accepted.result)
    }

    @Test(
        arguments: [
            ("; foo", [.standard], "parameter \"foo\" is unknown"),
            ("; Server_no_context_takeover", [.standard], "parameter \"Server_no_context_takeover\" is unknown"),
            (
                "; server_no_context_takeover; server_no_context_takeover", [.standard],
                "parameter \"server_no_context_takeover\" comes twice"
            ),
            (
                "; client_max_window_bits=9; client_max_window_bits=9", [.standard],
                "parameter \"client_max_window_bits\" comes twice"
            ),
            (
                "; server_no_context_takeover=1", [.standard],
                "server_no_context_takeover must have no value but has \"1\""
            ),
            (
                "; client_no_context_takeover=true", [.standard],
                "client_no_context_takeover must have no value but has \"true\""
            ),
            ("; server_max_window_bits", [.standard], "server_max_window_bits must have a value in an answer"),
            ("; client_max_window_bits", [.standard], "client_max_window_bits must have a value in an answer"),
            ("; server_max_window_bits=7", [.standard], "server_max_window_bits is \"7\", not 8 to 15"),
            ("; server_max_window_bits=16", [.standard], "server_max_window_bits is \"16\", not 8 to 15"),
            ("; server_max_window_bits=08", [.standard], "server_max_window_bits is \"08\", not 8 to 15"),
            ("; server_max_window_bits=+9", [.standard], "server_max_window_bits is \"+9\", not 8 to 15"),
            ("; server_max_window_bits=x", [.standard], "server_max_window_bits is \"x\", not 8 to 15"),
            ("; client_max_window_bits=115", [.standard], "client_max_window_bits is \"115\", not 8 to 15"),
            (
                "; client_max_window_bits=9", [Offer(clientMaxWindowBits: .notOffered)],
                "it answers no offer: client_max_window_bits=9 was not offered"
            ),
            (
                "", [Offer(serverNoContextTakeover: true)],
                "it answers no offer: server_no_context_takeover was asked for and is missing"
            ),
            (
                "; server_no_context_takeover", [Offer(serverMaxWindowBits: 10)],
                "it answers no offer: server_max_window_bits=10 was asked for and is missing"
            ),
            (
                "; server_max_window_bits=11", [Offer(serverMaxWindowBits: 10), Offer(serverNoContextTakeover: true)],
                "it answers no offer: server_max_window_bits=11 is more than the 10 asked for; "
                    + "server_no_context_takeover was asked for and is missing"
            ),
        ] as [(String, [Offer], String)]
    )
    func refuses(answer: String, offers: [Offer], reason: String) throws {
        let error = try #require(throws: PermessageDeflate.NegotiationError.self) {
            try Self.negotiate(answer, offers)
        }
        #expect(error.description == reason)
    }

    // MARK: In force

    @Test func anEightBitWindowOfTheClientMeansNoCompression() {
        #expect(!NegotiatedDeflate(clientMaxWindowBits: 8).canCompress)
        #expect(NegotiatedDeflate(clientMaxWindowBits: 9).canCompress)
        let none = NegotiatedDeflate(clientMaxWindowBits: 8).makeDeflater(.defaults)
        switch none {
        case .none: break
        case .some: Issue.record("a deflater for a window that zlib does not have")
        }
    }

    @Test(arguments: 9...15, [(true, false), (false, true)])
    func makesHalvesThatObeyTheParameters(bits: Int, noTakeover: (server: Bool, client: Bool)) throws {
        let negotiated = NegotiatedDeflate(
            serverNoContextTakeover: noTakeover.server,
            clientNoContextTakeover: noTakeover.client,
            serverMaxWindowBits: bits,
            clientMaxWindowBits: bits
        )
        let message = (0..<4000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 5) }
        var inflater = negotiated.makeInflater()
        let sender = DeflateReference.Sender(windowBits: bits, contextTakeover: !noTakeover.server)
        guard var deflater = negotiated.makeDeflater(.defaults) else {
            Issue.record("no deflater for \(bits) bits")
            return
        }
        let receiver = DeflateReference.Receiver(windowBits: bits, contextTakeover: !noTakeover.client, step: 1)
        for _ in 0..<2 {
            #expect(try DeflateReference.inflate(sender.send(message), with: &inflater) == message)
            #expect(receiver.receive(try DeflateReference.deflate(message, with: &deflater)) == message)
        }
    }

    @Test func inflatesFromAnEightBitWindow() throws {
        // zlib's window of 9 bits reaches back 250 bytes at most (its MAX_DIST), so it can stand for one of 8 bits.
        let sender = DeflateReference.Sender(windowBits: 9)
        var inflater = NegotiatedDeflate(serverMaxWindowBits: 8).makeInflater()
        var random = DeflateReference.Random(seed: 8)
        for _ in 0..<20 {
            let message = random.message(upTo: 3000)
            #expect(try DeflateReference.inflate(sender.send(message), with: &inflater, pieces: 3) == message)
        }
    }
}
