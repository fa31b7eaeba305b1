import NIOCore
import NIOWebSocket

/// The handler at the end of the pipeline, which does everything on the event loop.
///
/// `@unchecked Sendable` because it is only touched on the event loop of its channel.
final class WorkHandler: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let assignment: Assignment
    private let message: Message
    private let finished: EventLoopPromise<Outcome>
    private var tally = Tally()
    private var sent = 0
    private var roundTrips: [UInt64] = []
    private var start: UInt64 = 0
    private var isSending = false
    private var isClosing = false
    private var context: ChannelHandlerContext?

    private init(_ assignment: Assignment, _ finished: EventLoopPromise<Outcome>) {
        self.assignment = assignment
        self.message = Message(assignment)
        self.finished = finished
        if assignment.work == .echo { self.roundTrips.reserveCapacity(assignment.count) }
    }

    static func perform(_ assignment: Assignment, _ opener: Opener) async throws -> Outcome {
        let (channel, handler) = try await opener.open { channel in
            let finished = channel.eventLoop.makePromise(of: Outcome.self)
            let handler = WorkHandler(assignment, finished)
            try channel.pipeline.syncOperations.addHandler(handler)
            return (channel, handler)
        }
        // Not before the upgrade is complete.
        channel.eventLoop.execute { handler.begin() }
        return try await handler.finished.futureResult.get()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    private func begin() {
        guard let context = self.context else { return }
        switch self.assignment.work {
        case .echo: self.sendEcho(context)
        case .sink: self.sendToSink(context)
        case .flood, .json: break
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = self.unwrapInboundIn(data)
        if self.assignment.work == .sink, frame.isAcknowledgement {
            self.close(context)
        } else if let size = self.message.size(of: frame) {
            self.tally.add(size)
            if self.assignment.work == .echo { self.echoCame(context) }
        } else {
            self.controlFrameCame(frame, context)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if self.assignment.work == .sink { self.sendToSink(context) }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        let isSink = self.assignment.work == .sink
        self.finished.succeed(
            Outcome(
                messages: isSink ? self.sent : self.tally.messages,
                bytes: isSink ? nil : self.tally.bytes,
                roundTrips: self.roundTrips
            )
        )
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.finished.fail(error)
        context.close(promise: nil)
    }

    private func sendEcho(_ context: ChannelHandlerContext) {
        self.start = monotonicNanoseconds()
        context.writeAndFlush(self.wrapOutboundOut(self.message.frame), promise: nil)
    }

    private func echoCame(_ context: ChannelHandlerContext) {
        self.roundTrips.append(monotonicNanoseconds() - self.start)
        if self.roundTrips.count == self.assignment.count { self.close(context) } else { self.sendEcho(context) }
    }

    private func sendToSink(_ context: ChannelHandlerContext) {
        // Writing and flushing tell at once that the writability has changed.
        guard !self.isSending else { return }
        self.isSending = true
        defer { self.isSending = false }
        while self.sent < self.assignment.count, context.channel.isWritable {
            while self.sent < self.assignment.count, context.channel.isWritable {
                context.write(self.wrapOutboundOut(self.message.frame), promise: nil)
                self.sent += 1
            }
            context.flush()
        }
    }

    private func close(_ context: ChannelHandlerContext) {
        self.isClosing = true
        context.writeAndFlush(self.wrapOutboundOut(.close(.normalClosure)), promise: nil)
    }

    private func controlFrameCame(_ frame: WebSocketFrame, _ context: ChannelHandlerContext) {
        switch frame.opcode {
        case .connectionClose:
            if !self.isClosing { self.close(context) }
            context.close(promise: nil)
        case .ping:
            let pong = WebSocketFrame(fin: true, opcode: .pong, maskKey: .random(), data: frame.data)
            context.writeAndFlush(self.wrapOutboundOut(pong), promise: nil)
        case .pong: break
        default: self.errorCaught(context: context, error: BenchmarkError("another message: \(frame.opcode)"))
        }
    }
}
