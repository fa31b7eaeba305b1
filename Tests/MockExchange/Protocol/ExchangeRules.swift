package import WebSocketCore

/// How the exchange treats its clients. A test may change the rules at any time.
package struct ExchangeRules: Sendable {
    /// Who may authenticate: each client's secret.
    package var secrets: [String: String] = ["client": "secret"]
    /// How long an authentication holds.
    package var tokenLifetime = Duration.seconds(900)
    /// How far the timestamp of a signature may be from the exchange's clock.
    package var timestampTolerance = Duration.seconds(60)

    /// How many requests a connection may make at once, and how many a second after that; nil for any number. Answers to
    /// heartbeats do not count.
    package var requestLimit: (burst: Int, perSecond: Double)?
    /// How many channels a connection may have.
    package var channelLimit = 500
    /// How a channel's name may begin; others are left out of the answer to a subscription. Those of `user.` need
    /// authentication.
    package var channelPrefixes = ["trades.", "book.", "ticker.", "user."]

    /// When answers go out.
    package var answers = Answers.atOnce
    /// What becomes of a connection whose client leaves a test request unanswered for a whole interval.
    package var missedHeartbeat = ExchangeSession.Command.close(.tryAgainLater, reason: "heartbeat missed")

    /// Makes the default rules.
    package init() {}

    /// When answers go out. Notifications and test requests are never held back.
    package enum Answers: Sendable, Hashable {
        /// Each with the request that it answers.
        case atOnce
        /// Each after a time.
        case delayed(Duration)
        /// So many are gathered and sent in the reverse order, or those that are there after a time.
        case reversed(batch: Int, within: Duration)
    }
}

/// What goes wrong with one request.
package enum Disturbance: Sendable, Hashable {
    /// The request is lost on its way: nothing is done, and the connection ends.
    case dropBefore
    /// The request is carried out, but the connection ends before the answer.
    case dropAfter
    /// The request is carried out, and the connection ends in the middle of the frame of its answer.
    case dropInside
    /// The request is carried out, and is not answered; the connection goes on.
    case silence
    /// The request is refused.
    case refuse(JSONRPC.Failure)
    /// The connection is closed in place of the answer; the request is carried out.
    case close(WebSocketCloseCode)
}
