import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("The checks of a client's configuration")
struct ClientConfigurationTests {
    struct Setting: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var accepted: [Int]
        var refused: [Int]
        var set: @Sendable (inout ClientConfiguration, Int) -> Void

        init(
            _ name: String,
            accepted: [Int],
            refused: [Int],
            set: @escaping @Sendable (inout ClientConfiguration, Int) -> Void
        ) {
            self.testDescription = name
            self.accepted = accepted
            self.refused = refused
            self.set = set
        }

        /// A setting of the default error handler.
        static func policy(
            _ name: String,
            set: @escaping @Sendable (inout DefaultErrorHandler, Duration) -> Void
        ) -> Setting {
            Setting(name, accepted: [0, Self.year], refused: [-1, Self.year + 1, .max]) {
                var handler = DefaultErrorHandler()
                set(&handler, .seconds($1))
                $0.handlers.error = handler
            }
        }

        static let year = 365 * 86_400
    }

    static let settings: [Setting] = [
        Setting("requestTimeout", accepted: [1, Setting.year], refused: [0, -1, Setting.year + 1, .max]) {
            $0.requestTimeout = .seconds($1)
        },
        Setting("disconnectedSends.wait", accepted: [1, Setting.year], refused: [0, -1, Setting.year + 1]) {
            $0.disconnectedSends = .wait(upTo: .seconds($1))
        },
        Setting("pendingRequests", accepted: [1, 1_000_000], refused: [0, -1, 1_000_001, .max]) {
            $0.pendingRequests = $1
        },
        Setting("listenerBuffer.count", accepted: [1, .max], refused: [0, -1]) { $0.listenerBuffer.count = $1 },
        Setting("listenerBuffer.bytes", accepted: [1, .max], refused: [0, .min]) { $0.listenerBuffer.bytes = $1 },
        Setting("deadlines.open", accepted: [1], refused: [0]) { $0.webSocket.deadlines.open = .seconds($1) },
        .policy("backoff.base") { $0.backoff.base = $1 },
        .policy("backoff.maximum") { $0.backoff.maximum = $1 },
        .policy("maximumRetryAfter") { $0.maximumRetryAfter = $1 },
        .policy("stabilityPeriod") { $0.stabilityPeriod = $1 },
    ]

    @Test(arguments: settings)
    func `values out of range are refused by name`(setting: Setting) throws {
        for value in setting.accepted {
            var configuration = ClientConfiguration()
            setting.set(&configuration, value)
            try configuration.validate()
        }
        for value in setting.refused {
            var configuration = ClientConfiguration()
            setting.set(&configuration, value)
            let error = #expect(throws: WebSocketError.self, "\(value)") { try configuration.validate() }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.hasPrefix("\(setting.testDescription) is ") == true, "\(String(describing: error))")
        }
    }

    @Test func `the defaults are in order, and so are the policies without a time`() throws {
        var configuration = ClientConfiguration()
        try configuration.validate()
        for policy in [ClientConfiguration.DisconnectedSendPolicy.failFast, .drop] {
            configuration.disconnectedSends = policy
            try configuration.validate()
        }
    }
}
