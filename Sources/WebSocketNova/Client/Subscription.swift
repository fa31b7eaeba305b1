internal import Synchronization
internal import WebSocketCore

/// The news of one channel, in order, through all reconnections.
///
/// ```swift
/// let trades = try await client.subscribe(to: "trades.BTC")
/// for try await update in trades {
///     switch update {
///     case .data(let message): print(try message.decode(as: Trade.self))
///     case .gap(let gap): print("nothing was heard for \(gap.duration)")
///     case .dropped(let count): print("\(count) were not read in time")
///     }
/// }
/// ```
///
/// The sequence ends when the client is closed or the subscription is; it throws what ended the client otherwise, and
/// `subscription_failed` when the peer refuses to restore it. One subscription may be iterated by several tasks, each of which
/// gets a part; another call of ``WebSocketClient/subscribe(to:parameters:buffering:)`` gives another sequence of the whole.
///
/// When the last sequence of a channel is dropped, the client unsubscribes from it.
public final class Subscription: AsyncSequence, Sendable {
    /// What comes.
    public enum Update: Sendable, Hashable {
        /// A message for the channel.
        case data(ReceivedMessage)
        /// The connection was lost and is back; what the peer sent in between is lost.
        case gap(ClientEvent.Gap)
        /// So many messages were dropped, because they were not read in time: only with ``Buffering/dropOldest``.
        case dropped(Int)

        /// The message, if it is one.
        public var message: ReceivedMessage? {
            guard case .data(let message) = self else { return nil }
            return message
        }

        /// The gap, if it is one.
        public var gap: ClientEvent.Gap? {
            guard case .gap(let gap) = self else { return nil }
            return gap
        }
    }

    /// What happens to messages that are not read as fast as they come.
    public enum Buffering: Sendable, Hashable {
        /// They wait. When ``ClientConfiguration/listenerBuffer`` is full, the connection stops reading, and TCP holds the
        /// peer back: nothing is lost, but whoever does not read holds up all that comes on the connection, answers to
        /// requests too.
        case holdBack
        /// Those that have waited longest make room; ``Update/dropped(_:)`` stands in their place.
        case dropOldest
    }

    public typealias Element = Update

    /// The channel.
    public let channel: String
    let sink: SubscriptionSink
    private let client: WebSocketClient

    init(_ sink: SubscriptionSink, channel: String, client: WebSocketClient) {
        self.sink = sink
        self.channel = channel
        self.client = client
    }

    deinit {
        self.sink.queue.abandon()
        self.client.engine.signal(.prune)
    }

    public func makeAsyncIterator() -> Iterator { Iterator(subscription: self) }

    /// Iterates over what comes.
    public struct Iterator: AsyncIteratorProtocol {
        let subscription: Subscription

        /// The next update, or nil at the end.
        ///
        /// - Throws: `CancellationError` when the task is cancelled, in which case nothing is lost; see ``Subscription``.
        public mutating func next() async throws -> Update? { try await self.subscription.sink.queue.next() }
    }
}

/// Where the news of a channel go for one subscriber.
final class SubscriptionSink: Sendable {
    let queue: ListenerQueue<Subscription.Update>
    let buffering: Subscription.Buffering

    init(_ queue: ListenerQueue<Subscription.Update>, _ buffering: Subscription.Buffering) {
        self.queue = queue
        self.buffering = buffering
    }

    /// Whether nothing more should be read before somebody has taken some of it.
    var holdsBack: Bool { self.buffering == .holdBack && self.queue.isFull }

    /// Takes a message; whoever waits for it is woken by ``ListenerQueue/wake()``.
    func receive(_ message: ReceivedMessage) {
        let size = message.message.payloadSize
        switch self.buffering {
        case .holdBack: self.queue.append(.data(message), bytes: size, wakes: false)
        case .dropOldest: self.queue.append(.data(message), bytes: size, wakes: false, merging: Self.merge)
        }
    }

    /// What stands for the two updates that have waited longest, of which the first makes room.
    private static func merge(_ first: Subscription.Update, _ second: Subscription.Update) -> Subscription.Update {
        switch (first, second) {
        case (.gap(let first), .gap(let second)):
            .gap(.init(duration: first.duration + second.duration, attempts: first.attempts + second.attempts))
        // A gap says already that something is missing.
        case (.gap, _): first
        case (_, .gap): second
        case (.dropped(let count), .dropped(let more)): .dropped(count + more)
        case (.dropped(let count), .data), (.data, .dropped(let count)): .dropped(count + 1)
        case (.data, .data): .dropped(2)
        }
    }
}
