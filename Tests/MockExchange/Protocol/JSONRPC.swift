import FoundationEssentials
package import WebSocketNova

/// JSON-RPC 2.0 as exchanges speak it: objects with a method and parameters, answers with a result or an error.
package enum JSONRPC {
    /// A request as text came in.
    package struct Request: Sendable, Hashable {
        /// What the answer repeats; null for a notification, which gets none.
        package var id: JSONValue
        package var method: String
        package var parameters: JSONValue
    }

    /// An error as the answer tells it.
    package struct Failure: Error, Sendable, Hashable {
        package var code: Int64
        package var message: String
        /// Says more, in a word that programs may read.
        package var reason: String?

        package init(_ code: Int64, _ message: String, reason: String? = nil) {
            self.code = code
            self.message = message
            self.reason = reason
        }

        // JSON-RPC 2.0 section 5.1.
        package static let parseError = Failure(-32700, "Parse error")
        package static let invalidRequest = Failure(-32600, "Invalid Request")
        package static func methodNotFound(_ method: String) -> Failure {
            Failure(-32601, "Method not found", reason: String(method.prefix(64)))
        }
        package static func invalidParameters(_ name: String) -> Failure {
            Failure(-32602, "Invalid params", reason: name)
        }

        // The exchange's own.
        package static func invalidCredentials(_ reason: String) -> Failure {
            Failure(13004, "invalid_credentials", reason: reason)
        }
        package static let unauthorized = Failure(13009, "unauthorized", reason: "not_authenticated")
        package static let expired = Failure(13009, "unauthorized", reason: "token_expired")
        package static let tooManyRequests = Failure(10028, "too_many_requests")
        package static let tooManyChannels = Failure(10043, "too_many_channels")
        package static let bookIsFull = Failure(10047, "order_book_full")
    }

    // MARK: Texts

    /// Any JSON out of text; nil if it is none.
    package static func value(_ text: String) -> JSONValue? {
        try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    }

    /// The text of any JSON; of one value always the same.
    package static func text(_ value: JSONValue) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // What has none is a number that is not finite; the exchange makes no such.
        guard let data = try? encoder.encode(value) else { return "null" }
        return String(decoding: data, as: UTF8.self)
    }

    package static func request(id: JSONValue, method: String, parameters: JSONValue = [:]) -> JSONValue {
        ["jsonrpc": "2.0", "id": id, "method": .string(method), "params": parameters]
    }

    package static func notification(method: String, parameters: JSONValue) -> JSONValue {
        ["jsonrpc": "2.0", "method": .string(method), "params": parameters]
    }

    package static func answer(to id: JSONValue, _ outcome: Result<JSONValue, Failure>) -> JSONValue {
        switch outcome {
        case .success(let result):
            return ["jsonrpc": "2.0", "id": id, "result": result]
        case .failure(let failure):
            var error: [String: JSONValue] = ["code": .integer(failure.code), "message": .string(failure.message)]
            if let reason = failure.reason { error["data"] = ["reason": .string(reason)] }
            return ["jsonrpc": "2.0", "id": id, "error": .object(error)]
        }
    }

    /// The request in a text.
    package static func parse(_ text: String) -> Result<Request, Failure> {
        guard let value = Self.value(text) else { return .failure(.parseError) }
        guard let method = value["method"]?.string else { return .failure(.invalidRequest) }
        let parameters = value["params"] ?? [:]
        return .success(Request(id: value["id"] ?? .null, method: method, parameters: parameters))
    }
}

/// Lower-case hexadecimal digits.
package func hexadecimalDigits(_ bytes: [UInt8]) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}
