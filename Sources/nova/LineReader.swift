import Dispatch
import Glibc
import Synchronization

/// The lines of standard input, read when they are asked for: who sends slowly is not flooded.
///
/// Reading blocks a thread of its own queue, never one that runs tasks, and can be cancelled while nothing comes.
final class LineReader: Sendable {
    private static let lineFeed = UInt8(ascii: "\n")
    private static let readSize = 64 << 10
    /// More than the library would send as one message.
    private static let maximumLineSize = 64 << 20

    private struct State {
        var pending: [UInt8] = []
        /// Where in `pending` the next line begins.
        var begin = 0
        /// Up to where `pending` is known to hold no line feed.
        var searched = 0
        var isAtEnd = false
    }

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "nova.input")
    /// A pipe whose far end is written to wake a reader that is to stop waiting.
    private let wake: (near: Int32, far: Int32)

    /// - Throws: ``ToolFailure`` if the process has no descriptor left.
    init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw ToolFailure("pipe: \(String(cString: strerror(errno)))") }
        self.wake = (ends[0], ends[1])
    }

    deinit {
        close(self.wake.near)
        close(self.wake.far)
    }

    /// The next line without its line feed; nil at the end of input. A last line needs no line feed.
    ///
    /// - Throws: `CancellationError`, after which there are no more lines.
    func next() async throws -> [UInt8]? {
        while true {
            if let line = self.takeLine() { return line }
            if self.state.withLock({ $0.isAtEnd }) { return self.takeRest() }
            guard self.state.withLock({ $0.pending.count - $0.begin }) <= Self.maximumLineSize else {
                throw ToolFailure("a line of input is longer than \(Self.maximumLineSize) bytes")
            }
            try await self.fill()
        }
    }

    private func takeLine() -> [UInt8]? {
        self.state.withLock { state in
            guard let end = state.pending[state.searched...].firstIndex(of: Self.lineFeed) else {
                state.searched = state.pending.count
                return nil
            }
            let line = Array(state.pending[state.begin..<end])
            state.begin = end + 1
            state.searched = state.begin
            return line
        }
    }

    private func takeRest() -> [UInt8]? {
        self.state.withLock { state in
            let rest = Array(state.pending[state.begin...])
            state.begin = state.pending.count
            return rest.isEmpty ? nil : rest
        }
    }

    private func fill() async throws {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                self.queue.async {
                    self.readOnce()
                    continuation.resume()
                }
            }
        } onCancel: {
            _ = write(self.wake.far, [0], 1)
        }
        try Task.checkCancellation()
    }

    /// Waits for input or for ``wake``.
    private func readOnce() {
        var descriptors = [
            pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
            pollfd(fd: self.wake.near, events: Int16(POLLIN), revents: 0),
        ]
        while poll(&descriptors, 2, -1) < 0, errno == EINTR {}
        guard descriptors[1].revents == 0 else { return }
        let bytes = [UInt8](unsafeUninitializedCapacity: Self.readSize) { room, count in
            count = max(0, read(STDIN_FILENO, room.baseAddress, room.count))
        }
        self.state.withLock { state in
            state.pending.removeFirst(state.begin)
            state.searched -= state.begin
            state.begin = 0
            state.pending += bytes
            // An error, EIO for example after the terminal has gone, is the end as well.
            state.isAtEnd = bytes.isEmpty
        }
    }
}
