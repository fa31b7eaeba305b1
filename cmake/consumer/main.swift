import WebSocketNova

let closed = try await withWebSocket(to: CommandLine.arguments[1]) { try await $0.send("hello") }
print(closed)
