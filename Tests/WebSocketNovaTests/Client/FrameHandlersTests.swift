import Testing
import WebSocketNova

@Suite("Handlers of kinds of frames")
struct FrameHandlersTests {
    private struct Refusal: Error {}

    private let stream = StreamRef(connection: ConnectionID(rawValue: 1), generation: 2)

    private func frame(_ kind: WebSocketFrame.Kind) -> WebSocketFrame {
        switch kind {
        case .text: .text("t")
        case .binary: .binary([1])
        case .ping: .ping([2])
        case .pong: .pong([3])
        case .close: .close(.goingAway, reason: "r")
        }
    }

    @Test("F60: without a handler every frame goes the usual way")
    func none() throws {
        let handlers = FrameHandlers()
        #expect(handlers.isEmpty)
        for kind in WebSocketFrame.Kind.allCases {
            #expect(!handlers.wants(kind))
            #expect(try handlers.handle(self.frame(kind), on: self.stream) == nil)
        }
    }

    @Test(
        "F60: a handler gets the frames of its kind with their stream, and no others",
        arguments: WebSocketFrame.Kind.allCases
    )
    func register(kind: WebSocketFrame.Kind) throws {
        var handlers = FrameHandlers()
        // What it was given is in its answer.
        handlers.register(kind) { frame, stream in .replyMany([frame, .text("\(stream)")]) }
        #expect(!handlers.isEmpty)
        for other in WebSocketFrame.Kind.allCases {
            let frame = self.frame(other)
            #expect(handlers.wants(other) == (other == kind))
            let expected = other == kind ? HandlerDecision.replyMany([frame, .text("connection-1/2")]) : nil
            #expect(try handlers.handle(frame, on: self.stream) == expected)
        }
    }

    @Test("F60: unregistering restores the default, for that kind only", arguments: WebSocketFrame.Kind.allCases)
    func unregister(kind: WebSocketFrame.Kind) throws {
        var handlers = FrameHandlers()
        for each in WebSocketFrame.Kind.allCases { handlers.register(each) { _, _ in .ok } }
        handlers.unregister(kind)
        handlers.unregister(kind)
        for each in WebSocketFrame.Kind.allCases {
            #expect(handlers.wants(each) == (each != kind))
            #expect(try handlers.handle(self.frame(each), on: self.stream) == (each == kind ? nil : .ok))
        }
        for each in WebSocketFrame.Kind.allCases { handlers.unregister(each) }
        #expect(handlers.isEmpty)
    }

    @Test("F60: the last handler that was registered is the one that is asked, and another value keeps its own")
    func replace() throws {
        var handlers = FrameHandlers()
        handlers.register(.ping) { _, _ in .ok }
        let copy = handlers
        handlers.register(.ping) { _, _ in .stop(reason: "no pings") }
        #expect(try handlers.handle(.ping(), on: self.stream) == .stop(reason: "no pings"))
        #expect(try copy.handle(.ping(), on: self.stream) == .ok)
    }

    @Test("F60: what a handler throws comes out")
    func throwing() {
        var handlers = FrameHandlers()
        handlers.register(.text) { _, _ in throw Refusal() }
        #expect(throws: Refusal.self) { try handlers.handle(.text(""), on: self.stream) }
    }
}
