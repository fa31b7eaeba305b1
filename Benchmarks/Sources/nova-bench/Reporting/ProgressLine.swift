import Glibc

/// One line on the standard error that says how far a long run has come; nothing when nobody watches.
struct ProgressLine {
    private let total: Int
    private var done = 0
    private let isShown = isatty(STDERR_FILENO) == 1

    init(total: Int) {
        self.total = total
    }

    mutating func advance(_ what: String) {
        self.done += 1
        self.show("\r\u{1B}[K[\(self.done)/\(self.total)] \(what)")
    }

    func clear() {
        self.show("\r\u{1B}[K")
    }

    private func show(_ text: String) {
        guard self.isShown else { return }
        _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) }
    }
}
