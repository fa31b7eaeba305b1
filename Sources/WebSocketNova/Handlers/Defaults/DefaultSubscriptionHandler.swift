internal import WebSocketCore

/// Subscriptions by JSON objects.
///
/// | sent | |
/// |---|---|
/// | `{"type":"subscribe","id":…,"channel":…,"params":…}` | begins one |
/// | `{"type":"unsubscribe","id":…,"channel":…}` | ends one |
///
/// | received | |
/// |---|---|
/// | `{"type":"subscribed","id":…}`, `{"type":"subscription","status":"success","id":…}` | it is in force |
/// | `{"type":"subscription","status":"error","id":…,"reason":…}`, `{"type":"error","subscription_id":…,"reason":…}` | it is not |
/// | any other object with a `channel` to which there is a subscription | news |
///
/// There is one subscription to a channel at a time: subscribing again takes the place of the one before.
public struct DefaultSubscriptionHandler: SubscriptionHandler {
    /// How far a subscription has come.
    public enum Status: String, Sendable, Hashable, Codable, CaseIterable {
        case pending, confirmed, failed, expired, unsubscribed
    }

    /// What is known of a subscription.
    public struct Record: Sendable, Hashable {
        public var request: SubscriptionRequest
        public var status: Status
        /// When it was asked for, on the clock of the calls.
        public var requested: Duration
        public var lastUpdated: Duration
        /// How often it has been asked for.
        public var attempt: Int
        /// What the service said when it refused.
        public var failure: String?
        /// The statuses that it had, the newest first; of the last 16 changes.
        public var history: [Status]
    }

    /// How long a request may stay unanswered. Default: 30 s. Looked at when something is asked for or comes.
    public var timeout = Duration.seconds(30)
    public private(set) var records: [SubscriptionID: Record] = [:]
    private var order: [SubscriptionID] = []
    private var byChannel: [String: SubscriptionID] = [:]
    private var made = 0
    /// Those that a lost connection has left, until they are asked for again: they have no time to run out of.
    private var unasked: Set<SubscriptionID> = []
    /// No request that waits for its answer was made before this.
    private var firstRequest: Duration?
    private static let historySize = 16

    public init() {}

    /// Makes a handler from a table: `subscription_timeout` in milliseconds.
    ///
    /// - Throws: `invalid_configuration` that names the option.
    public init(options: HandlerOptions) throws {
        guard let timeout = options["subscription_timeout"] else { return }
        guard let milliseconds = timeout.integer, (1...86_400_000).contains(milliseconds) else {
            throw WebSocketError(
                .invalidConfiguration,
                "option \"subscription_timeout\" is \(timeout): it must be from 1 ms to a day"
            )
        }
        self.timeout = .milliseconds(milliseconds)
    }

    // MARK: Asking

    public mutating func subscribe(
        to channel: String,
        parameters: JSONValue,
        now: Duration
    ) throws -> (id: SubscriptionID, request: OutgoingMessage) {
        let id = self.begin(channel, parameters: parameters, now: now)
        let request: JSONValue = [
            "type": "subscribe", "id": .string(id.rawValue), "channel": .string(channel), "params": parameters,
        ]
        return (id, .json(request))
    }

    /// Notes that a subscription is asked for, in words of the caller's own.
    ///
    /// - Returns: its name, which is unique among those of this handler.
    public mutating func begin(_ channel: String, parameters: JSONValue = .null, now: Duration) -> SubscriptionID {
        self.expire(now)
        self.made += 1
        let id = SubscriptionID(rawValue: "sub_\(self.made)")
        let attempt = self.replace(channel, by: id)
        self.records[id] = Record(
            request: SubscriptionRequest(channel: channel, parameters: parameters),
            status: .pending,
            requested: now,
            lastUpdated: now,
            attempt: attempt + 1,
            history: [.pending]
        )
        self.firstRequest = min(self.firstRequest ?? now, now)
        return id
    }

    /// Forgets the subscription to a channel, if there is one, and puts another one in its place in the order.
    ///
    /// - Returns: how often it had been asked for.
    private mutating func replace(_ channel: String, by id: SubscriptionID) -> Int {
        let old = self.byChannel.updateValue(id, forKey: channel)
        guard let old, let place = self.order.firstIndex(of: old) else {
            self.order.append(id)
            return 0
        }
        self.order[place] = id
        self.unasked.remove(old)
        return self.records.removeValue(forKey: old)?.attempt ?? 0
    }

    public mutating func unsubscribe(from id: SubscriptionID, now: Duration) throws -> OutgoingMessage? {
        let request = try self.end(id, now: now)
        return .json(["type": "unsubscribe", "id": .string(id.rawValue), "channel": .string(request.channel)])
    }

    /// Notes that a subscription is ended, in words of the caller's own.
    ///
    /// - Returns: what it was to.
    /// - Throws: `subscription_failed` if there is no such subscription.
    @discardableResult
    public mutating func end(_ id: SubscriptionID, now: Duration) throws -> SubscriptionRequest {
        guard let record = self.records.removeValue(forKey: id) else {
            throw WebSocketError(.subscriptionFailed, "there is no subscription \"\(id)\"")
        }
        self.byChannel.removeValue(forKey: record.request.channel)
        self.order.removeAll { $0 == id }
        self.unasked.remove(id)
        return record.request
    }

    // MARK: Hearing

    public mutating func handleResponse(_ message: JSONValue, now: Duration) throws -> SubscriptionResponse {
        self.expire(now)
        let reason = message["reason"]?.string ?? message["message"]?.string
        switch (message["type"]?.string, message["status"]?.string) {
        case ("subscribed", _), ("subscription", "success"):
            return self.confirm(Self.id(message["id"] ?? message["subscription_id"]), now: now)
        case ("subscription", "error"):
            return self.refuse(Self.id(message["id"] ?? message["subscription_id"]), reason: reason, now: now)
        case ("error", _) where message["subscription_id"] != nil:
            return self.refuse(Self.id(message["subscription_id"]), reason: reason, now: now)
        default:
            guard let channel = message["channel"]?.string, self.byChannel[channel] != nil else { return .unrelated }
            return .data(channel: channel, message)
        }
    }

    private static func id(_ value: JSONValue?) -> SubscriptionID? {
        value?.string.map(SubscriptionID.init(rawValue:))
    }

    /// Notes that the service confirmed a subscription.
    ///
    /// - Returns: what follows from that: nothing, if there is no such subscription.
    public mutating func confirm(_ id: SubscriptionID?, now: Duration) -> SubscriptionResponse {
        guard let id, self.records[id] != nil else { return .unrelated }
        self.change(id, to: .confirmed, now)
        return .confirmed(id)
    }

    /// Notes that the service refused a subscription.
    ///
    /// - Parameter reason: what the service says; 200 characters of it are kept.
    /// - Returns: what follows from that: nothing, if there is no such subscription.
    public mutating func refuse(_ id: SubscriptionID?, reason: String?, now: Duration) -> SubscriptionResponse {
        guard let id, self.records[id] != nil else { return .unrelated }
        let text = String((reason ?? "no reason given").prefix(200))
        self.records[id]?.failure = text
        self.change(id, to: .failed, now)
        return .failed(id, reason: text)
    }

    /// Looks at every subscription only when the oldest request can have run out, because it is called for every message.
    private mutating func expire(_ now: Duration) {
        guard let firstRequest, now - firstRequest > self.timeout else { return }
        var oldest: Duration?
        for (id, record) in self.records where record.status == .pending && !self.unasked.contains(id) {
            if now - record.requested > self.timeout {
                self.change(id, to: .expired, now)
            } else {
                oldest = min(oldest ?? record.requested, record.requested)
            }
        }
        self.firstRequest = oldest
    }

    private mutating func change(_ id: SubscriptionID, to status: Status, _ now: Duration) {
        guard var record = self.records[id] else { return }
        self.unasked.remove(id)
        record.status = status
        record.lastUpdated = now
        record.history.insert(status, at: 0)
        if record.history.count > Self.historySize { record.history.removeLast() }
        self.records[id] = record
    }

    // MARK: Looking

    public var restorable: [SubscriptionRequest] {
        self.order.filter(self.isRestorable).compactMap { self.records[$0]?.request }
    }

    private func isRestorable(_ id: SubscriptionID) -> Bool {
        switch self.records[id]?.status {
        case .pending, .confirmed: true
        case .failed, .expired, .unsubscribed, nil: false
        }
    }

    public var active: [SubscriptionID: SubscriptionRequest] {
        self.records.filter { $0.value.status == .confirmed }.mapValues(\.request)
    }

    /// The subscription to a channel, however far it has come.
    public func id(for channel: String) -> SubscriptionID? { self.byChannel[channel] }

    /// The confirmed subscription to a channel.
    public func subscription(to channel: String) -> SubscriptionID? {
        self.byChannel[channel].flatMap { self.records[$0]?.status == .confirmed ? $0 : nil }
    }

    /// What is asked for again is asked for in the order of ``restorable``, and each takes the place of the one before.
    public mutating func prepareForReconnection() {
        for id in self.order where self.isRestorable(id) {
            self.records[id]?.status = .pending
            self.unasked.insert(id)
        }
    }

    // MARK: Elsewhere

    /// What ``restorable`` was, to be kept outside of the process.
    public func export() -> [SubscriptionRequest] { self.restorable }

    /// Takes over what another handler exported: to be asked for, in that order.
    ///
    /// - Returns: what to send for each.
    public mutating func restore(_ requests: [SubscriptionRequest], now: Duration) throws -> [OutgoingMessage] {
        try requests.map { try self.subscribe(to: $0.channel, parameters: $0.parameters, now: now).request }
    }
}
