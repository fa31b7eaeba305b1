import Testing

@testable import WebSocketNova

@Suite("A message that came")
struct ReceivedMessageTests {
    private struct Trade: Decodable, Equatable {
        var price: Int
    }

    private static let stream = StreamRef(connection: ConnectionID(rawValue: 1), generation: 1)

    @Test("F76: a value is decoded from the message, or from the part that a handler has taken out of it")
    func decode() throws {
        let json: JSONValue = ["price": 1, "data": ["price": 2]]
        let message = ReceivedMessage(.text(#"{"price":1,"data":{"price":2}}"#), json: json, stream: Self.stream)
        #expect(try message.decode(as: Trade.self) == Trade(price: 1))
        #expect(try message.taking(json).decode(as: Trade.self) == Trade(price: 1))
        #expect(try message.taking(["price": 2]).decode(as: Trade.self) == Trade(price: 2))
        #expect(throws: WebSocketError.self) { try message.taking("none").decode(as: Trade.self) }
    }

    @Test("F76: a binary message is decoded from its bytes")
    func binary() throws {
        let bytes = Array(#"{"price":3}"#.utf8)
        let message = ReceivedMessage(.binary(bytes), json: ["binary_data": true], stream: Self.stream)
        #expect(try message.decode(as: Trade.self) == Trade(price: 3))
    }
}
