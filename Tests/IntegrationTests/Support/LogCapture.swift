import Logging
import Synchronization

/// Keeps what is logged.
final class LogCapture: Sendable {
    struct Line: Sendable {
        var level: Logger.Level
        var message: String
        var metadata: String
    }

    private let entries = Mutex<[Line]>([])

    var lines: [Line] { self.entries.withLock { $0 } }

    func logger(_ label: String = "test") -> Logger { Logger(label: label) { _ in Handler(capture: self) } }

    var handler: any LogHandler { Handler(capture: self) }

    private struct Handler: LogHandler {
        let capture: LogCapture
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        init(capture: LogCapture) {
            self.capture = capture
        }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let line = Line(level: event.level, message: "\(event.message)", metadata: "\(event.metadata ?? [:])")
            self.capture.entries.withLock { $0.append(line) }
        }
    }
}
