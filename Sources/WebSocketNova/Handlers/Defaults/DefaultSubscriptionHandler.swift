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
        self.expire(now)
        let attempt = self.forget(channel)
        self.made += 1
        let id = SubscriptionID(rawValue: "sub_\(self.made)")
        self.records[id] = Record(
            request: SubscriptionRequest(channel: channel, parameters: parameters),
            status: .pending,
            requested: now,
            lastUpdated: now,
            attempt: attempt + 1,
            history: [.pending]
        )
        self.order.append(id)
        self.byChannel[channel] = id
        let request: JSONValue = [
            "type": "subscribe", "id": .string(id.rawValue), "channel": .string(channel), "params": parameters,
        ]
        return (id, .json(request))
    }

    /// Forgets the subscription to a channel that another one takes the place of.
    ///
    /// - Returns: how often it had been asked for.
    private mutating func forget(_ channel: String) -> Int {
        guard let id = self.byChannel.removeValue(forKey: channel) else { return 0 }
        self.order.removeAll { $0 == id }
        return self.records.removeValue(forKey: id)?.attempt ?? 0
    }

    public mutating func unsubscribe(from id: SubscriptionID, now: Duration) throws -> OutgoingMessage? {
        guard let record = self.records[id] else {
            throw WebSocketError(.subscriptionFailed, "there is no subscription \"\(id)\"")
        }
        self.change(id, to: .unsubscribed, now)
        self.byChannel.removeValue(forKey: record.request.channel)
        self.order.removeAll { $0 == id }
        self.records.removeValue(forKey: id)
        return .json([
            "type": "unsubscribe", "id": .string(id.rawValue), "channel": .string(record.request.channel),
        ])
    }

    // MARK: Hearing

    public mutating func handleResponse(_ message: JSONValue, now: Duration) throws -> SubscriptionResponse {
        self.expire(now)
        let reason = message["reason"]?.string ?? message["message"]?.string ?? "no reason given"
        switch (message["type"]?.string, message["status"]?.string) {
        case ("subscribed", _), ("subscription", "success"):
            return self.confirm(self.id(message["id"] ?? message["subscription_id"]), now)
        case ("subscription", "error"):
            return self.refuse(self.id(message["id"] ?? message["subscription_id"]), reason, now)
        case ("error", _) where message["subscription_id"] != nil:
            return self.refuse(self.id(message["subscription_id"]), reason, now)
        default:
            guard let channel = message["channel"]?.string, self.byChannel[channel] != nil else { return .unrelated }
            return .data(channel: channel, message)
        }
    }

    private func id(_ value: JSONValue?) -> SubscriptionID? {
        value?.string.map(SubscriptionID.init(rawValue:)).flatMap { self.records[$0] == nil ? nil : $0 }
    }

    private mutating func confirm(_ id: SubscriptionID?, _ now: Duration) -> SubscriptionResponse {
        guard let id else { return .unrelated }
        self.change(id, to: .confirmed, now)
        return .confirmed(id)
    }

    private mutating func refuse(_ id: SubscriptionID?, _ reason: String, _ now: Duration) -> SubscriptionResponse {
        guard let id else { return .unrelated }
        let text = String(reason.prefix(200))
        self.records[id]?.failure = text
        self.change(id, to: .failed, now)
        return .failed(id, reason: text)
    }

    private mutating func expire(_ now: Duration) {
        for (id, record) in self.records where record.status == .pending && now - record.requested > self.timeout {
            self.change(id, to: .expired, now)
        }
    }

    private mutating func change(_ id: SubscriptionID, to status: Status, _ now: Duration) {
        guard var record = self.records[id] else { return }
        record.status = status
        record.lastUpdated = now
        record.history.insert(status, at: 0)
        if record.history.count > Self.historySize { record.history.removeLast() }
        self.records[id] = record
    }

    // MARK: Looking

    public var restorable: [SubscriptionRequest] {
        self.order.compactMap { self.records[$0] }
            .filter { $0.status == .confirmed || $0.status == .pending }
            .map(\.request)
    }

    public var active: [SubscriptionID: SubscriptionRequest] {
        self.records.filter { $0.value.status == .confirmed }.mapValues(\.request)
    }

    /// The confirmed subscription to a channel.
    public func subscription(to channel: String) -> SubscriptionID? {
        self.byChannel[channel].flatMap { self.records[$0]?.status == .confirmed ? $0 : nil }
    }

    /// What is asked for again is asked for in the order of ``restorable``, and each takes the place of the one before.
    public mutating func prepareForReconnection() {
        for id in self.order where self.records[id]?.status == .confirmed { self.records[id]?.status = .pending }
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
