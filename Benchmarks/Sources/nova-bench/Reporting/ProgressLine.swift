import Glibc

/// One line on the standard error that says how far a long run has come, and how long the rest may take; nothing when nobody
/// watches.
struct ProgressLine {
    private let total: Int
    private var done = 0
    private let start = monotonicNanoseconds()
    private let isShown = isatty(STDERR_FILENO) == 1

    init(total: Int) {
        self.total = total
    }

    /// What begins now.
    mutating func advance(_ what: String) {
        let seconds = Double(monotonicNanoseconds() - self.start) / 1e9
        let rest = Self.remaining(done: self.done, of: self.total, after: seconds).map { ", \($0) left" } ?? ""
        self.done += 1
        self.show("\r\u{1B}[K[\(self.done)/\(self.total)\(rest)] \(what)")
    }

    func clear() {
        self.show("\r\u{1B}[K")
    }

    /// Judged by the time that each step has taken so far; nil before that says anything.
    static func remaining(done: Int, of total: Int, after seconds: Double) -> String? {
        guard done > 0, total >= done else { return nil }
        let rest = Int(seconds / Double(done) * Double(total - done))
        return rest < 60 ? "\(rest) s" : "\((rest + 30) / 60) min"
    }

    private func show(_ text: String) {
        guard self.isShown else { return }
        StandardError.write(text)
    }
}

enum StandardError {
    static func write(_ text: String) {
        _ = text.withCString { Glibc.write(STDERR_FILENO, $0, strlen($0)) }
    }
}
