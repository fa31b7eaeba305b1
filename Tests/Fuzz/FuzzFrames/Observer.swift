import WebSocketCore

/// Feeds a decoder and writes down its events, with messages joined from their pieces.
struct Observer: ~Copyable {
    enum Event: Equatable {
        case text([UInt8])
        case binary([UInt8])
        case ping([UInt8])
        case pong([UInt8])
        case close(CloseFrame)
        case failure(WebSocketCloseCode)
    }

    private(set) var events: [Event] = []
    /// What has come of a message that is delivered in pieces and has not ended. After a failure it is of no account: how
    /// much of the broken message was delivered before may depend on the cuts.
    private(set) var unfinished: [UInt8] = []
    private var decoder: InboundDecoder
    private let options: Options

    init(_ options: Options) {
        self.options = options
        self.decoder = InboundDecoder(
            configuration: InboundDecoder.Configuration(
                maximumMessageSize: Options.messageLimit,
                maximumFragmentsPerMessage: Options.fragmentLimit
            ),
            inflater: options.inflater
        )
        self.decoder.deliversFragments = options.deliversFragments
    }

    mutating func feed(_ bytes: UnsafeRawBufferPointer) {
        var input = bytes
        while true {
            if self.readDirectly(&input) { continue }
            let event = self.decoder.next(&input)
            guard event.kind != .needsInput else {
                precondition(input.isEmpty, "input is left over")
                return
            }
            self.note(event)
        }
    }

    /// Does what a connection does with a large frame: reads past the decoder into its memory.
    private mutating func readDirectly(_ input: inout UnsafeRawBufferPointer) -> Bool {
        guard self.options.readsDirectly, !input.isEmpty, let target = self.decoder.directReadTarget() else {
            return false
        }
        let count = min(target.count, input.count)
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: input.prefix(count)))
        input = UnsafeRawBufferPointer(rebasing: input.dropFirst(count))
        let event = self.decoder.didReadDirectly(count)
        if event.kind != .needsInput { self.note(event) }
        return true
    }

    private mutating func note(_ event: InboundEvent) {
        precondition(self.decoder.failure == nil || event.kind == .failure, "an event after a failure")
        let payload = Array(event.payload)
        if event.isOwned {
            precondition(self.decoder.takeMessage() == payload, "the message that is taken is not the event's")
        }
        switch event.kind {
        case .needsInput: break
        case .text: self.noteMessage(payload, isText: true)
        case .binary: self.noteMessage(payload, isText: false)
        case .fragment:
            precondition(event.isFirst == !self.isInFragments, "a fragment out of its place")
            self.unfinished += payload
            self.isInFragments = !event.isFinal
            if event.isFinal {
                self.noteMessage(self.unfinished, isText: event.isText)
                self.unfinished = []
            }
        case .ping: self.noteControl(.ping(payload), payload)
        case .pong: self.noteControl(.pong(payload), payload)
        case .close:
            if let close = self.decoder.close { self.events.append(.close(close)) }
        case .failure:
            if let failure = self.decoder.failure { self.events.append(.failure(failure.closeCode)) }
            self.unfinished = []
        }
    }

    private var isInFragments = false

    private mutating func noteMessage(_ payload: [UInt8], isText: Bool) {
        precondition(payload.count <= Options.messageLimit, "a message above the limit")
        if isText { precondition(String(validating: payload, as: UTF8.self) != nil, "text that is not UTF-8") }
        self.events.append(isText ? .text(payload) : .binary(payload))
    }

    private mutating func noteControl(_ event: Event, _ payload: [UInt8]) {
        precondition(payload.count <= 125, "a control frame above its limit")
        self.events.append(event)
    }
}
