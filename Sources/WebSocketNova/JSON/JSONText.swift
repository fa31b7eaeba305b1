internal import FoundationEssentials
internal import WebSocketCore

/// JSON text from and to values of any type, by Foundation's coders; for a ``JSONValue`` there is a faster way.
enum JSONText {
    /// See ``JSONValue/text()``.
    static func encode(_ value: JSONValue) throws(WebSocketError) -> String { try value.text() }

    static func decode<Value: Decodable>(_ type: Value.Type, from text: some Sequence<UInt8>) throws(WebSocketError)
        -> Value
    {
        do {
            return try JSONDecoder().decode(type, from: Data(text))
        } catch {
            throw WebSocketError(.invalidMessage, "not the JSON of a \(type)", underlying: error)
        }
    }

    /// - Parameter pretty: in lines that a person can read.
    static func encode(_ value: some Encodable, pretty: Bool = false) throws(WebSocketError) -> String {
        let encoder = JSONEncoder()
        // One value has one text, which tests and logs can compare.
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        } catch {
            throw WebSocketError(.invalidMessage, "a \(type(of: value)) has no JSON", underlying: error)
        }
    }
}
