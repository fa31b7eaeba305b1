import Synchronization
import WebSocketCore

/// The client's side of one channel: records what a transport tells, and what of it breaks the rules of ``TransportDelegate``.
///
/// `@unchecked Sendable` because it is only touched on its loop, but for what is behind the lock.
final class TransportProbe: TransportDelegate, @unchecked Sendable {
    enum Event: Hashable, Sendable {
        case entered(TransportPhase)
        case head(Int)
        case readable
        case writable
        case closed

        /// That a phase begins is no outcome: it may be told within the call that opens.
        var isPhase: Bool { if case .entered = self { true } else { false } }
    }

    private struct Record {
        var events: [Event] = []
        var bytes: [UInt8] = []
        var closure: TransportClosure?
        var violations: [String] = []
        var waiting: [(count: Int, event: Event, continuation: CheckedContinuation<Void, Never>)] = []
    }

    let loop: any TransportLoop
    private let record = Mutex(Record())

    // On the loop.
    private(set) var channel: (any TransportChannel)?
    /// How many bytes a read asks for; nil not to read.
    private var readSize: Int?
    /// A call of the channel is under way, within which nothing may be told.
    private var isCalling = false
    private var isReadablePending = false
    private var writableRequests = 0
    private var takesHead = true

    init(_ loop: any TransportLoop) { self.loop = loop }

    // MARK: What the test does

    func open(_ transport: any Transport, _ request: TransportRequest, readSize: Int? = 7, takesHead: Bool = true) async
    {
        await self.onLoop {
            self.readSize = readSize
            self.takesHead = takesHead
            self.channel = self.calling { transport.open(request, delegate: self) }
        }
    }

    /// Calls the channel on its loop.
    func call<Value: Sendable>(_ body: @escaping @Sendable (any TransportChannel) -> Value) async -> Value? {
        await self.onLoop { self.channel.map { channel in self.calling { body(channel) } } }
    }

    func requestWritable() async {
        await self.onLoop {
            self.writableRequests += 1
            self.calling { self.channel?.requestWritable() }
        }
    }

    func startReading(_ size: Int) async {
        await self.onLoop {
            self.readSize = size
            if self.isReadablePending { self.readOnce() }
        }
    }

    /// Waits until an event has come so many times.
    func wait(for event: Event, _ count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let isHere = self.record.withLock { record in
                let isHere = record.events.count { $0 == event } >= count
                if !isHere { record.waiting.append((count, event, continuation)) }
                return isHere
            }
            if isHere { continuation.resume() }
        }
    }

    var events: [Event] { self.record.withLock { $0.events } }
    var bytes: [UInt8] { self.record.withLock { $0.bytes } }
    var closure: TransportClosure? { self.record.withLock { $0.closure } }
    var violations: [String] { self.record.withLock { $0.violations } }

    private func onLoop<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            self.loop.wake(LoopClosure { continuation.resume(returning: body()) })
        }
    }

    private func calling<Value>(_ body: () -> Value) -> Value {
        let wasCalling = self.isCalling
        self.isCalling = true
        defer { self.isCalling = wasCalling }
        return body()
    }

    private func readOnce() {
        guard let channel, let size = self.readSize else { return }
        self.isReadablePending = false
        let memory = UnsafeMutableRawBufferPointer(rebasing: channel.scratch.prefix(size))
        let count = self.calling { channel.read(into: memory) }
        let bytes = Array(memory.prefix(count))
        self.record.withLock { $0.bytes += bytes }
    }

    // MARK: What the transport tells

    /// - Parameter closure: how the channel has ended, with the event that says so: who waits for that finds it.
    private func note(_ event: Event, _ closure: TransportClosure? = nil) {
        let isOnLoop = self.loop.isCurrent
        let isCalling = self.isCalling
        let waiting = self.record.withLock { record in
            if !isOnLoop { record.violations.append("\(event) was told on another thread") }
            if isCalling, !event.isPhase { record.violations.append("\(event) was told within a call of the channel") }
            if record.closure != nil { record.violations.append("\(event) was told after the end") }
            record.events.append(event)
            if let closure { record.closure = closure }
            let count = record.events.count { $0 == event }
            let due = record.waiting.filter { $0.event == event && $0.count <= count }
            record.waiting.removeAll { $0.event == event && $0.count <= count }
            return due
        }
        for waiter in waiting { waiter.continuation.resume() }
    }

    private func violated(_ words: String) { self.record.withLock { $0.violations.append(words) } }

    func channelDidEnter(_ phase: TransportPhase) { self.note(.entered(phase)) }

    func channelWasRefused(_ error: WebSocketError) { self.violated("there is no proxy that could refuse") }

    func channelDidReceiveHead(_ head: HTTPResponseHead) -> Bool {
        self.note(.head(head.status))
        return self.takesHead && head.status == 101
    }

    func channelIsReadable() {
        if self.isReadablePending { self.violated("readable was told again, without a read in between") }
        self.isReadablePending = true
        // Who waits for this is to find what was read.
        self.readOnce()
        self.note(.readable)
    }

    func channelIsWritable() {
        self.writableRequests -= 1
        if self.writableRequests < 0 { self.violated("writable was told without having been asked for") }
        self.note(.writable)
    }

    func channelDidClose(_ closure: TransportClosure) {
        self.channel = nil
        self.note(.closed, closure)
    }
}

/// A closure as work of a loop.
private final class LoopClosure: TransportLoopWork {
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    func runOnLoop() { self.body() }
}

/// A channel beyond its end, which the probe does not keep.
struct KeptChannel: @unchecked Sendable {
    // Sendable because it is only used on the loop.
    let channel: any TransportChannel

    init(_ channel: any TransportChannel) { self.channel = channel }
}

extension TransportProbe {
    /// Calls a channel that has ended.
    func onChannel(_ kept: KeptChannel?, _ body: @escaping @Sendable (any TransportChannel) -> Void) async {
        guard let kept else { return }
        await withCheckedContinuation { continuation in
            self.loop.wake(
                LoopClosure {
                    body(kept.channel)
                    continuation.resume()
                }
            )
        }
    }
}
