import CZlib

/// permessage-deflate (RFC 7692) for one connection of an ``EchoServer``: zlib and nothing of this package's own codec.
final class EchoCompression {
    enum Failure: Error {
        case tooLarge
        case invalid
    }

    /// The agreed parameters as they stand after the extension's name in the response.
    let parameters: String
    let threshold: Int
    private let clientNoContextTakeover: Bool
    private let serverNoContextTakeover: Bool
    private let inflater: UnsafeMutablePointer<z_stream>
    private let deflater: UnsafeMutablePointer<z_stream>

    /// Accepts the first offer that it can meet; nil if there is none.
    init?(offers: String, configuration: EchoServer.PermessageDeflate) {
        let all = offers.split(separator: ",").map { DeflateOffer($0) }
        let ours = all.compactMap { $0 }.filter { $0.name == PassThroughExtension.name }
        // lws refuses the upgrade if the name comes a second time after an offer without parameters.
        guard let first = ours.first, ours.count == 1 || !first.parameters.isEmpty else { return nil }
        guard let answer = ours.lazy.compactMap({ $0.answer(configuration) }).first else { return nil }
        self.parameters = answer.text
        self.threshold = configuration.threshold
        self.clientNoContextTakeover = answer.clientNoContextTakeover
        self.serverNoContextTakeover = answer.serverNoContextTakeover
        // zlib keeps the address of the stream.
        self.inflater = .allocate(capacity: 1)
        self.inflater.initialize(to: z_stream())
        self.deflater = .allocate(capacity: 1)
        self.deflater.initialize(to: z_stream())
        guard nova_inflate_init(self.inflater, -15) == Z_OK,
            nova_deflate_init(self.deflater, Z_DEFAULT_COMPRESSION, -Int32(answer.serverMaxWindowBits), 8) == Z_OK
        else { return nil }
    }

    deinit {
        inflateEnd(self.inflater)
        deflateEnd(self.deflater)
        self.inflater.deallocate()
        self.deflater.deallocate()
    }

    func inflate(_ payload: ArraySlice<UInt8>, limit: Int) -> Result<[UInt8], Failure> {
        if self.clientNoContextTakeover { inflateReset(self.inflater) }
        // The sender took these four bytes from the end (RFC 7692 section 7.2.1).
        var input = Array(payload) + [0x00, 0x00, 0xFF, 0xFF]
        var output: [UInt8] = []
        let result = Self.run(self.inflater, input: &input, output: &output, limit: limit) {
            CZlib.inflate($0, Z_SYNC_FLUSH)
        }
        guard output.count <= limit else { return .failure(.tooLarge) }
        return result ? .success(output) : .failure(.invalid)
    }

    func deflate(_ payload: ArraySlice<UInt8>) -> [UInt8]? {
        // zlib flushes nothing if there is nothing new; this is an empty stored block (RFC 7692 section 7.2.3.6).
        if payload.isEmpty { return [0x00] }
        if self.serverNoContextTakeover { deflateReset(self.deflater) }
        var input = Array(payload)
        var output: [UInt8] = []
        guard
            Self.run(self.deflater, input: &input, output: &output, limit: .max, { CZlib.deflate($0, Z_SYNC_FLUSH) }),
            output.suffix(4) == [0x00, 0x00, 0xFF, 0xFF]
        else { return nil }
        output.removeLast(4)
        return output
    }

    private static func run(
        _ stream: UnsafeMutablePointer<z_stream>,
        input: inout [UInt8],
        output: inout [UInt8],
        limit: Int,
        _ step: (UnsafeMutablePointer<z_stream>) -> Int32
    ) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        return input.withUnsafeMutableBufferPointer { input in
            stream.pointee.next_in = input.baseAddress
            stream.pointee.avail_in = UInt32(input.count)
            repeat {
                let code = chunk.withUnsafeMutableBufferPointer { chunk in
                    stream.pointee.next_out = chunk.baseAddress
                    stream.pointee.avail_out = UInt32(chunk.count)
                    return step(stream)
                }
                output.append(contentsOf: chunk.prefix(chunk.count - Int(stream.pointee.avail_out)))
                // Z_BUF_ERROR: there was nothing left to do.
                guard code == Z_OK || code == Z_BUF_ERROR else { return false }
            } while stream.pointee.avail_out == 0 && output.count <= limit
            return true
        }
    }
}

/// One offer in a Sec-WebSocket-Extensions field.
private struct DeflateOffer {
    struct Answer {
        var text = ""
        var serverNoContextTakeover = false
        var clientNoContextTakeover = false
        var serverMaxWindowBits = 15
    }

    var name: String
    var parameters: [(name: String, value: String?)]

    init?(_ text: Substring) {
        let parts = text.split(separator: ";").map { Self.trimmed($0) }
        guard let name = parts.first else { return nil }
        self.name = name
        self.parameters = parts.dropFirst().map { part in
            let sides = part.split(separator: "=", maxSplits: 1).map { Self.trimmed($0) }
            return (sides.first ?? "", sides.count == 2 ? sides[1] : nil)
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.filter { $0 != " " && $0 != "\t" && $0 != "\"" })
    }

    /// What to answer; nil to decline (RFC 7692 section 7.1).
    func answer(_ configuration: EchoServer.PermessageDeflate) -> Answer? {
        var answer = Answer()
        answer.serverNoContextTakeover = configuration.serverNoContextTakeover
        answer.clientNoContextTakeover = configuration.clientNoContextTakeover
        answer.serverMaxWindowBits = configuration.serverMaxWindowBits
        var mayLimitClient = false
        var isServerLimited = configuration.serverMaxWindowBits < 15
        for (name, value) in self.parameters {
            switch (name, value.map { Int($0) ?? 0 }) {
            case ("server_no_context_takeover", nil): answer.serverNoContextTakeover = true
            case ("client_no_context_takeover", nil): answer.clientNoContextTakeover = true
            case ("client_max_window_bits", nil): mayLimitClient = true
            case ("client_max_window_bits", let bits?) where (8...15).contains(bits): mayLimitClient = true
            // zlib has no raw window of 8 bits, so an offer that demands it is declined.
            case ("server_max_window_bits", let bits?) where (9...15).contains(bits):
                answer.serverMaxWindowBits = min(answer.serverMaxWindowBits, bits)
                isServerLimited = true
            default: return nil
            }
        }
        if answer.serverNoContextTakeover { answer.text += "; server_no_context_takeover" }
        if answer.clientNoContextTakeover { answer.text += "; client_no_context_takeover" }
        if isServerLimited { answer.text += "; server_max_window_bits=\(answer.serverMaxWindowBits)" }
        if let bits = configuration.clientMaxWindowBits {
            guard mayLimitClient else { return nil }
            answer.text += "; client_max_window_bits=\(bits)"
        }
        return answer
    }
}
