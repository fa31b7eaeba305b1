package import WebSocketNova

extension ExchangeClient {
    /// Something that happened on a channel.
    package struct Trade: Sendable, Hashable {
        /// Counts what has happened on the channel, whoever was listening.
        package var sequence: Int64
        package var price: Double

        package init(sequence: Int64, price: Double) {
            self.sequence = sequence
            self.price = price
        }
    }

    /// What a channel tells.
    package enum TradeUpdate: Sendable, Hashable {
        case trade(Trade)
        /// The connection was lost and is back: what happened in between was not heard.
        case gap(ClientEvent.Gap)
        /// So many were not read in time.
        case dropped(Int)
    }

    /// Listens to a channel, through all reconnections. Who lets go of the sequence has unsubscribed.
    ///
    /// - Throws: what ``WebSocketClient/subscribe(to:parameters:buffering:)`` throws.
    package func trades(_ channel: String) async throws -> some AsyncSequence<TradeUpdate, any Error> & Sendable {
        try await self.client.subscribe(to: channel).map(Self.update)
    }

    @Sendable
    private static func update(_ update: Subscription.Update) throws -> TradeUpdate {
        switch update {
        case .gap(let gap):
            return .gap(gap)
        case .dropped(let count):
            return .dropped(count)
        case .data(let message):
            guard let sequence = message.json.seq?.integer, let price = message.json.price?.number else {
                throw Refusal(code: 0, message: "what came on the channel is no trade")
            }
            return .trade(Trade(sequence: sequence, price: price))
        }
    }
}
