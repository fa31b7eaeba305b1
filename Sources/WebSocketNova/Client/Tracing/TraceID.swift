public import WebSocketCore

/// Names the history of one client, so that it can be found again in the logs and traces of other systems.
public struct TraceID: Sendable, Hashable, CustomStringConvertible {
    /// The name.
    public let rawValue: String

    /// A name of the caller's, such as the `trace-id` of W3C Trace Context (section 3.2.2.3).
    ///
    /// - Throws: `invalid_configuration` unless it has from 1 to 128 characters, each an ASCII letter or digit or one of
    ///   `-_.:`. Control characters and line breaks in a name could forge lines of a log.
    public init(_ name: String) throws(WebSocketError) {
        guard (1...128).contains(name.utf8.count), name.utf8.allSatisfy(Self.isAllowed) else {
            throw WebSocketError(
                .invalidConfiguration,
                "the trace id \"\(name.printable)\" must have 1 to 128 characters, each a letter, a digit or one of -_.:"
            )
        }
        self.rawValue = name
    }

    /// 16 random bytes in lowercase hexadecimal digits.
    public static func random() -> TraceID {
        var generator = SystemRandomNumberGenerator()
        return self.random(using: &generator)
    }

    /// 16 bytes of a generator in lowercase hexadecimal digits.
    public static func random(using generator: inout some RandomNumberGenerator) -> TraceID {
        let digits = Array("0123456789abcdef".utf8)
        let bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let name = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return TraceID(trusted: String(decoding: name, as: UTF8.self))
    }

    private init(trusted name: String) { self.rawValue = name }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
            UInt8(ascii: ":"):
            true
        default: false
        }
    }

    public var description: String { self.rawValue }
}
