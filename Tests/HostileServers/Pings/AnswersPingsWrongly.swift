internal import WebSocketNovaTesting

extension HostileServer {
    package static let neverAnswersPings = Self.afterUpgrade(
        "never answers a ping",
        [.receiveFrame, .mark("pinged"), .waitForEndOfStream]
    )
    package static let answersPingsLate = Self.afterUpgrade(
        "answers a ping late",
        [.delay(.milliseconds(150)), .echoFrames(2)]
    )
    package static let answersOtherPings = Self.afterUpgrade(
        "answers with pongs that belong to no ping",
        [
            .receiveFrame, .repeated(100, [.send(Frame(.pong, Array("another".utf8)))]), .mark("answered"),
            .waitForEndOfStream,
        ]
    )
    /// Life without pongs: whoever counts any byte as such leaves it alone.
    package static let talksInsteadOfPongs = Self.afterUpgrade(
        "answers pings with messages",
        [.untilClientLeaves([.send(Frame.text("alive")), .delay(.milliseconds(20))])]
    )
    /// Keeps the TCP connection alive, and says nothing.
    package static let fallsSilent = Self.afterUpgrade("falls silent", [.waitForEndOfStream])
}
