import WebSocketNova

/// WebSocketNova's client: the layer of handlers, events, requests and subscriptions above the connection.
struct NovaClientContestant: Contestant {
    /// Who wants the messages.
    enum Way: String {
        /// A task reads `client.messages`; the handlers are the defaults, which want none.
        case messages = "nova-client"
        /// A connection handler is asked about each frame, and counts.
        case handler = "nova-client-handler"
        /// Nobody: they are counted by the metrics, and that is all.
        case ignored = "nova-client-ignored"
        /// A task reads `client.events`, frames included.
        case events = "nova-client-events"
        /// A task reads `client.messages` while a request waits for an answer that does not come.
        case request = "nova-client-request"
        /// A subscription to a channel, to which each message belongs.
        case subscription = "nova-client-subscription"
    }

    private let reader: Way

    init(_ reader: Way) { self.reader = reader }

    var name: String { self.reader.rawValue }

    var way: String {
        switch self.reader {
        case .messages: "WebSocketClient, for try await over messages, await send, default handlers"
        case .handler: "WebSocketClient, a connection handler that counts frames"
        case .ignored: "WebSocketClient, default handlers, nobody reads"
        case .events: "WebSocketClient, for await over events with frames"
        case .request: "WebSocketClient, messages, while a request looks for its answer in each of them"
        case .subscription: "WebSocketClient, a subscription to which all messages belong"
        }
    }

    let path: LibraryPath? = nil
    let features: Set<Feature> = [.text, .tls, .deflate]

    var works: Set<Work> {
        switch self.reader {
        case .messages: Set(Work.allCases)
        case .handler, .ignored, .events: [.flood]
        case .request, .subscription: [.json]
        }
    }

    func perform(_ assignment: Assignment) async throws -> Outcome {
        var configuration = ClientConfiguration(url: assignment.url)
        configuration.webSocket = Nova.configuration(for: assignment)
        configuration.reconnection = .never
        let metrics = DefaultMetricsHandler()
        configuration.handlers.metrics = metrics
        switch (assignment.work, self.reader) {
        case (.sink, _): return try await Self.sink(assignment, configuration)
        case (.echo, _): return try await Self.echo(assignment, configuration)
        case (.json, .messages): try await Self.read(assignment, configuration) { try await $0.send("go") }
        case (_, .messages): try await Self.read(assignment, configuration) { _ in }
        case (_, .request): try await Self.read(assignment, configuration, Self.askInVain)
        case (_, .handler): return try await Self.handle(assignment, configuration)
        case (_, .ignored): try await Self.ignore(configuration)
        case (_, .events): return try await Self.listen(assignment, configuration)
        case (_, .subscription): return try await Self.subscribe(assignment, configuration)
        }
        return Outcome(messages: metrics.totals.messagesReceived)
    }

    // MARK: Receiving

    /// - Parameter prepare: makes the server begin, where it waits for that.
    private static func read(
        _ assignment: Assignment,
        _ configuration: ClientConfiguration,
        _ prepare: (WebSocketClient) async throws -> Void
    ) async throws {
        let client = try WebSocketClient(configuration)
        let messages = client.messages
        try await client.connect()
        try await prepare(client)
        var tally = Tally()
        for try await message in messages {
            tally.add(message.payloadSize)
            if tally.messages == assignment.count { break }
        }
        try await client.close()
    }

    /// Leaves a request behind that looks into each message. The server begins when it comes.
    private static func askInVain(_ client: WebSocketClient) {
        Task {
            let request: OutgoingMessage = .json(["id": 7, "method": "public/test"])
            _ = try? await client.request(request, correlatedBy: \.id, timeout: .seconds(100))
        }
    }

    private static func handle(_ assignment: Assignment, _ configuration: ClientConfiguration) async throws -> Outcome {
        let progress = HandlerProgress()
        var configuration = configuration
        configuration.handlers.connection = CountingHandler(progress: progress, count: assignment.count)
        let client = try await WebSocketClient.connect(to: configuration)
        await progress.waitUntilFinished()
        try await client.close()
        return Outcome(messages: progress.tally.messages)
    }

    private static func ignore(_ configuration: ClientConfiguration) async throws {
        let client = try await WebSocketClient.connect(to: configuration)
        _ = try await client.waitUntilEnded()
    }

    private static func listen(_ assignment: Assignment, _ configuration: ClientConfiguration) async throws -> Outcome {
        let client = try WebSocketClient(configuration)
        let events = client.events
        try await client.connect()
        var tally = Tally()
        for await event in events {
            guard case .frame(_, let frame) = event.kind, frame.kind != .close else { continue }
            tally.add(frame.size)
            if tally.messages == assignment.count { break }
        }
        try await client.close()
        return Outcome(messages: tally.messages)
    }

    private static func subscribe(
        _ assignment: Assignment,
        _ configuration: ClientConfiguration
    ) async throws -> Outcome {
        var configuration = configuration
        configuration.handlers.subscription = OneChannelHandler()
        let client = try await WebSocketClient.connect(to: configuration)
        // The first message is taken for the confirmation.
        let subscription = try await client.subscribe(to: OneChannelHandler.channel)
        var tally = Tally()
        for try await case .data(let message) in subscription {
            tally.add(message.message.payloadSize)
            if tally.messages == assignment.count - 1 { break }
        }
        try await client.close()
        return Outcome(messages: tally.messages + 1)
    }

    // MARK: Sending

    private static func sink(_ assignment: Assignment, _ configuration: ClientConfiguration) async throws -> Outcome {
        let client = try WebSocketClient(configuration)
        var messages = client.messages.makeAsyncIterator()
        try await client.connect()
        switch Nova.message(for: assignment) {
        case .text(let text): for _ in 0..<assignment.count { try await client.send(text) }
        case .binary(let bytes): for _ in 0..<assignment.count { try await client.send(bytes) }
        }
        guard case .text("ok") = try await messages.next() else { throw BenchmarkError("the sink did not answer") }
        try await client.close()
        return Outcome(messages: assignment.count)
    }

    private static func echo(_ assignment: Assignment, _ configuration: ClientConfiguration) async throws -> Outcome {
        let client = try WebSocketClient(configuration)
        var messages = client.messages.makeAsyncIterator()
        try await client.connect()
        let message = Nova.message(for: assignment)
        let (kind, size) = (message.kind, message.payloadSize)
        var roundTrips: [UInt64] = []
        roundTrips.reserveCapacity(assignment.count)
        for _ in 0..<assignment.count {
            let start = monotonicNanoseconds()
            try await client.send(message)
            guard let answer = try await messages.next(), answer.kind == kind, answer.payloadSize == size else {
                throw BenchmarkError("the echo ended early or is another message")
            }
            roundTrips.append(monotonicNanoseconds() - start)
        }
        try await client.close()
        return Outcome(messages: roundTrips.count, roundTrips: roundTrips)
    }
}

extension WebSocketClient {
    fileprivate static func connect(to configuration: ClientConfiguration) async throws -> WebSocketClient {
        let client = try WebSocketClient(configuration)
        try await client.connect()
        return client
    }
}

/// Wants each frame, and counts the messages.
private struct CountingHandler: ConnectionHandler {
    var progress = HandlerProgress()
    var count = 0

    var wantsFrames: Bool { true }

    mutating func handleFrame(_ frame: WebSocketFrame, on stream: StreamRef) -> HandlerDecision {
        guard frame.kind == .binary || frame.kind == .text else { return .ok }
        self.progress.tally.add(frame.size)
        if self.progress.tally.messages == self.count { self.progress.finish() }
        return .ok
    }
}

/// One subscription: the first message confirms it, all others are news for it.
private struct OneChannelHandler: SubscriptionHandler {
    static let channel = "trades.BTC-PERPETUAL.raw"
    private static let id = SubscriptionID(rawValue: "1")
    private var isConfirmed = false

    mutating func subscribe(
        to channel: String,
        parameters: JSONValue,
        now: Duration
    ) -> (id: SubscriptionID, request: OutgoingMessage) {
        (Self.id, .json(["channel": .string(channel)]))
    }

    mutating func unsubscribe(from id: SubscriptionID, now: Duration) -> OutgoingMessage? { nil }

    mutating func handleResponse(_ message: JSONValue, now: Duration) -> SubscriptionResponse {
        guard let channel = message["channel"]?.string else { return .unrelated }
        guard self.isConfirmed else {
            self.isConfirmed = true
            return .confirmed(Self.id)
        }
        return .data(channel: channel, message["data"] ?? .null)
    }

    let restorable: [SubscriptionRequest] = []
    let active: [SubscriptionID: SubscriptionRequest] = [:]
}
