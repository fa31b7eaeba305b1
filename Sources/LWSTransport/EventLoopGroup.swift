internal import Synchronization
public import WebSocketCore

/// Some event loops among which connections are spread.
///
/// One loop carries some thousand busy connections; a service with more raises the number, at most to its processors.
///
/// ```swift
/// let group = try EventLoopGroup(loopCount: 2)
/// configuration.eventLoopGroup = group
/// …
/// await group.shutDown()
/// ```
public final class EventLoopGroup: Sendable {
    /// The loops.
    public let loops: [EventLoop]
    private let next = Atomic<Int>(0)

    /// Starts the loops.
    ///
    /// - Parameters:
    ///   - loopCount: how many, 1 to 1024. Default: 1.
    ///   - configuration: of each loop.
    /// - Throws: ``WebSocketError``: `invalid_configuration`; `resource_exhausted` if a context or a thread cannot be had.
    public init(
        loopCount: Int = 1,
        configuration: EventLoop.Configuration = EventLoop.Configuration()
    ) throws(WebSocketError) {
        guard (1...1024).contains(loopCount) else {
            throw WebSocketError(.invalidConfiguration, "loopCount is \(loopCount); it must be from 1 to 1024")
        }
        var loops: [EventLoop] = []
        do throws(WebSocketError) {
            for _ in 0..<loopCount { loops.append(try EventLoop(configuration: configuration)) }
        } catch {
            // A loop's thread keeps it: those that were made would stay for ever.
            for loop in loops { loop.beginShutdown() }
            throw error
        }
        self.loops = loops
    }

    /// The loop for the next connection: each in turn.
    public func nextLoop() -> EventLoop {
        let turn = self.next.wrappingAdd(1, ordering: .relaxed).oldValue
        return self.loops[Int(UInt(bitPattern: turn) % UInt(self.loops.count))]
    }

    /// Shuts all loops down; see ``EventLoop/shutDown()``. The shared group must not be shut down while it is in use:
    /// connections opened on it later fail with `loop_shut_down`.
    public func shutDown() async {
        // All at the same time.
        for loop in self.loops { loop.beginShutdown() }
        for loop in self.loops { await loop.shutDown() }
    }

    private static let sharedResult: Result<EventLoopGroup, WebSocketError> = Result { () throws(WebSocketError) in
        try EventLoopGroup()
    }

    /// The group of all connections that name none: one loop, started with the first connection, which lives as long as the
    /// process.
    ///
    /// - Throws: what ``init(loopCount:configuration:)`` threw, each time.
    public static func shared() throws(WebSocketError) -> EventLoopGroup { try self.sharedResult.get() }
}
