import Glibc
import WebSocketNova

/// The tool's exit statuses.
enum ExitStatus: Int32 {
    case success = 0
    case failure = 1
    case usage = 2

    func exit() -> Never {
        Glibc.exit(self.rawValue)
    }
}

/// What ends the tool before its work is done.
struct ToolFailure: Error, CustomStringConvertible {
    var status: ExitStatus
    var description: String

    init(_ description: String, status: ExitStatus = .failure) {
        self.status = status
        self.description = description
    }

    /// What an error of the library means to who called the tool: bad input is wrong usage.
    init(_ error: any Error) {
        switch error {
        case let error as ToolFailure: self = error
        case is CancellationError: self.init("interrupted")
        case let error as WebSocketError: self.init(error)
        default: self.init("\(error)")
        }
    }

    private init(_ error: WebSocketError) {
        let badInput: Set<WebSocketError.Code> = [
            .invalidURL, .invalidHeader, .invalidSubprotocol, .invalidConfiguration,
        ]
        var text = error.description
        if let body = error.handshake?.bodyPrefix, !body.isEmpty {
            text += "\n" + Console.printable(body)
        }
        self.init(text, status: badInput.contains(error.code) ? .usage : .failure)
    }
}
