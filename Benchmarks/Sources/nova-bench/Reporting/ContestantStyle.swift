/// How a contestant is called and drawn, the same in every table and chart.
struct ContestantStyle: Equatable, Sendable {
    var label: String
    /// Of the library itself, which is set off from the others.
    var isOwn = false
    /// In light and in dark surroundings.
    var colour: String

    static func of(_ name: String) -> ContestantStyle {
        self.known[name] ?? ContestantStyle(label: name, colour: self.other(name))
    }

    private static let known: [String: ContestantStyle] = [
        "c": ContestantStyle(label: "plain C", colour: "#8a8f98"),
        "nova-handler": ContestantStyle(label: "WebSocketNova, handler", isOwn: true, colour: "#1463c4"),
        "nova-async-loop": ContestantStyle(label: "WebSocketNova, async on the loop", isOwn: true, colour: "#3d95ee"),
        "nova-async": ContestantStyle(label: "WebSocketNova, async", isOwn: true, colour: "#8ac6ff"),
        "lws": ContestantStyle(label: "libwebsockets", colour: "#a8672a"),
        "beast": ContestantStyle(label: "Boost.Beast", colour: "#3a9148"),
        "beast-buffered": ContestantStyle(label: "Boost.Beast, buffered", colour: "#86c98f"),
        "nio": ContestantStyle(label: "SwiftNIO, handler", colour: "#c93c18"),
        "nio-async": ContestantStyle(label: "SwiftNIO, async", colour: "#f29b7c"),
        "nio-async-loop": ContestantStyle(label: "SwiftNIO, async on the loop", colour: "#e8764f"),
        "picows": ContestantStyle(label: "picows", colour: "#7d3f98"),
        "websockets": ContestantStyle(label: "websockets", colour: "#b583c9"),
        "aiohttp": ContestantStyle(label: "aiohttp", colour: "#d9719f"),
        "gorilla": ContestantStyle(label: "gorilla", colour: "#16a394"),
        "ws": ContestantStyle(label: "ws", colour: "#c9a514"),
    ]

    /// The same for the same name.
    private static func other(_ name: String) -> String {
        let colours = ["#5f6fd1", "#94a33b", "#c2486f", "#4d8f8b", "#9a7b5f"]
        return colours[name.utf8.reduce(0) { ($0 + Int($1)) % colours.count }]
    }
}
