import WebSocketCore

/// What the path of the upgrade asks of an ``EchoServer``.
enum EchoRoute: Equatable {
    case echo
    case greet(String)
    case fragments(size: Int)
    case close(code: WebSocketCloseCode, reason: String)
    case drop
    case tls

    /// - Parameters:
    ///   - query: the name=value pairs, unescaped.
    ///   - header: the value of a request header.
    init(path: String, query: [String: String], header: (String) -> String?) {
        switch path {
        case "/greet":
            self = .greet("hello")
        case "/header":
            self = .greet(query["name"].flatMap(header) ?? "")
        case "/fragments":
            self = .fragments(size: max(1, query["size"].flatMap { Int($0) } ?? 1))
        case "/close":
            let code = query["code"].flatMap { UInt16($0) }.map(WebSocketCloseCode.init(rawValue:))
            self = .close(code: code ?? .normalClosure, reason: query["reason"] ?? "")
        case "/drop":
            self = .drop
        case "/tls":
            self = .tls
        default:
            self = .echo
        }
    }

    var fragmentSize: Int {
        if case .fragments(let size) = self { size } else { .max }
    }
}
