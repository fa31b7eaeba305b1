import DequeModule
import WebSocketCore

/// What comes on a loop, and the tasks that wait for it, both in order.
///
/// `@unchecked Sendable` because it is only touched on its loop: who calls from elsewhere is brought there by ``next()``.
final class LoopMailbox<Element: Sendable>: @unchecked Sendable {
    /// What a task waits with.
    private final class Ticket: @unchecked Sendable {
        // Sendable because it is only touched on the loop.
        var continuation: CheckedContinuation<Element?, any Error>?
        var isCancelled = false
    }

    private enum End {
        case finished
        case failed(any Error)
    }

    private let loop: InMemoryLoop
    private var elements: Deque<Element> = []
    private var waiting: Deque<Ticket> = []
    private var end: End?
    /// Called for each element that is taken after it has waited.
    var didTake: (Element) -> Void = { _ in }

    init(_ loop: InMemoryLoop) {
        self.loop = loop
    }

    // MARK: On the loop

    /// - Returns: whether the element waits, because nobody waits for it.
    @discardableResult
    func push(_ element: Element) -> Bool {
        guard self.end == nil else { return false }
        while let ticket = self.waiting.popFirst() {
            guard let continuation = ticket.continuation.take() else { continue }
            continuation.resume(returning: element)
            return false
        }
        self.elements.append(element)
        return true
    }

    /// Nothing more comes: what is there can be taken, and after that comes nil, or the error.
    func finish(throwing error: (any Error)? = nil) {
        guard self.end == nil else { return }
        self.end = error.map { .failed($0) } ?? .finished
        for ticket in self.waiting { if let continuation = ticket.continuation.take() { self.tellEnd(continuation) } }
        self.waiting = []
    }

    /// Drops what waits to be taken.
    func removeAll() { self.elements = [] }

    private func tellEnd(_ continuation: CheckedContinuation<Element?, any Error>) {
        switch self.end {
        case .failed(let error): continuation.resume(throwing: error)
        case .finished, nil: continuation.resume(returning: nil)
        }
    }

    // MARK: Anywhere

    /// The next element; nil at the end.
    ///
    /// - Throws: the error of the end; `CancellationError`, and then nothing is lost.
    func next() async throws -> Element? {
        let ticket = Ticket()
        let loop = self.loop
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                loop.perform { self.take(ticket, continuation) }
            }
        } onCancel: {
            loop.perform { self.cancel(ticket) }
        }
    }

    private func take(_ ticket: Ticket, _ continuation: CheckedContinuation<Element?, any Error>) {
        if ticket.isCancelled {
            continuation.resume(throwing: CancellationError())
        } else if let element = self.elements.popFirst() {
            self.didTake(element)
            continuation.resume(returning: element)
        } else if self.end != nil {
            self.tellEnd(continuation)
        } else {
            ticket.continuation = continuation
            self.waiting.append(ticket)
        }
    }

    private func cancel(_ ticket: Ticket) {
        ticket.isCancelled = true
        guard let continuation = ticket.continuation.take() else { return }
        self.waiting.removeAll { $0 === ticket }
        continuation.resume(throwing: CancellationError())
    }
}
