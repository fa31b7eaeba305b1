import Testing
import WebSocketCore
import WebSocketNova

@Suite("The default message and connection handlers")
struct DefaultMessageHandlerTests {
    private let stream = StreamRef(connection: ConnectionID(rawValue: 1), generation: 1)

    @Test(
        arguments: [
            (.text("{\"a\":1}"), ["a": 1]), (.text(" [1, 2.5, null]"), [1, 2.5, nil]),
            (.text("hello"), ["content": "hello"]), (.text(""), ["content": ""]),
            (.binary([0, 171]), ["content": "00ab", "binary_data": true]),
        ] as [(WebSocketMessage, JSONValue)]
    )
    func `F64 what is JSON becomes its value, all else is wrapped`(message: WebSocketMessage, value: JSONValue) throws {
        var handler = DefaultMessageHandler()
        #expect(try handler.validate(message) == value)
    }

    @Test(arguments: ["{", "{\"a\":}", "{\"a\":1} x"])
    func `F64 what looks like JSON and is none is an error`(text: String) {
        var handler = DefaultMessageHandler()
        let error = #expect(throws: WebSocketError.self) { try handler.validate(.text(text)) }
        #expect(error?.code == .invalidMessage)
    }

    @Test(
        arguments: [
            (["type": "ping"], "ping"), (["type": "data", "method": "publish"], "data"),
            (["method": "publish"], "publish"),
            (["type": "odd", "method": "subscribe"], "subscribe"), (["action": "leave"], "leave"),
            (["type": 1], "unknown"),
            (["action": "odd"], "unknown"), ([1], "unknown"), ("ping", "unknown"), ([:], "unknown"),
        ] as [(JSONValue, String)]
    )
    func `F64 the type of a message`(message: JSONValue, type: String) {
        #expect(DefaultMessageHandler().type(of: message) == type)
    }

    @Test func `F64 what is sent`() throws {
        var handler = DefaultMessageHandler()
        #expect(try handler.encode(.text("plain")) == .text("plain"))
        #expect(try handler.encode(.binary([1])) == .binary([1]))
        #expect(
            try handler.encode(.json(["b": [true, nil], "a": "x/y"])) == .text("{\"a\":\"x/y\",\"b\":[true,null]}")
        )
    }

    @Test func `F64 errors, subscriptions and other messages are kept account of`() throws {
        var handler = DefaultMessageHandler()
        let error = #expect(throws: WebSocketError.self) {
            try handler.handleMessage(["type": "error", "message": "bad"], on: self.stream)
        }
        #expect(error?.message.contains("bad") == true && handler.lastError == "bad")
        #expect(throws: WebSocketError.self) { try handler.handleMessage(["type": "error"], on: self.stream) }
        #expect(handler.lastError == "Unknown error")
        for (status, kept) in [("subscribed", "subscribed"), ("odd", "unknown"), ("unsubscribed", "unsubscribed")] {
            let message: JSONValue = ["type": "subscription", "channel": "x", "status": .string(status)]
            #expect(try handler.handleMessage(message, on: self.stream) == .ok)
            #expect(handler.channels == ["x": kept])
        }
        #expect(try handler.handleMessage(["v": 1], on: self.stream) == .ok)
        #expect(handler.count == 1 && handler.lastMessage == ["v": 1])
    }

    @Test func `the names of channels do not fill the memory`() throws {
        var handler = DefaultMessageHandler()
        for number in 0..<2000 {
            _ = try handler.handleMessage(["type": "subscription", "channel": .string("\(number)")], on: self.stream)
        }
        #expect(handler.channels.count == 1024)
    }

    @Test func `F63 a ping is answered with its payload, a pong is kept`() {
        var handler = DefaultConnectionHandler()
        #expect(handler.handleFrame(.ping([1, 2]), on: self.stream) == .reply(.pong([1, 2])))
        #expect(handler.handleFrame(.pong([3]), on: self.stream) == .ok)
        #expect(handler.lastPong == [3])
        #expect(handler.handleFrame(.text("x"), on: self.stream) == .ok)
    }

    @Test func `F63 five losses in a row are reconnected, the sixth is the last`() {
        var handler = DefaultConnectionHandler()
        let lost = DisconnectReason.failed(WebSocketError(.transportFailed, "reset"))
        for _ in 0..<5 { #expect(handler.handleDisconnect(lost) == .reconnect()) }
        #expect(handler.handleDisconnect(lost) == .stop(reason: "max_reconnect_attempts_reached"))
        #expect(handler.handleTimeout() == .stop(reason: "max_reconnect_attempts_reached"))
        #expect(handler.handleDisconnect(.local) == .ok)
        #expect(handler.lastDisconnectReason == .local)
        let info = ConnectionInfo(
            connection: self.stream.connection,
            stream: self.stream,
            host: "h",
            port: 1,
            path: "/",
            transport: .tcp
        )
        #expect(handler.handleConnect(info) == .ok)
        #expect(handler.connection == info && handler.reconnectAttempts == 0)
        #expect(handler.handleDisconnect(lost) == .reconnect())
    }
}
