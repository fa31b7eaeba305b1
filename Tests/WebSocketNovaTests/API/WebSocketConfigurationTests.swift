import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("The configuration's checks", .timeLimit(.minutes(1)))
struct WebSocketConfigurationTests {
    struct Option: CustomTestStringConvertible, Sendable {
        var name: String
        var accepted: [Int]
        var refused: [Int]
        var set: @Sendable (inout WebSocketConfiguration, Int) -> Void

        /// Durations are written with their unit.
        func written(_ value: Int) -> String {
            switch self.name.split(separator: ".").first {
            case "deadlines": "\(Duration.seconds(value))"
            case "keepalive": "\(Duration.milliseconds(value))"
            default: "\(value)"
            }
        }

        var testDescription: String { self.name }
    }

    private static let day = 86_400

    static let options: [Option] = [
        Option(name: "limits.messageSize", accepted: [0, 1, Int(Int32.max)], refused: [-1, .min, Int(Int32.max) + 1]) {
            $0.limits.messageSize = $1
        },
        Option(name: "limits.fragmentsPerMessage", accepted: [1, .max], refused: [0, -1, .min]) {
            $0.limits.fragmentsPerMessage = $1
        },
        Option(name: "limits.outboundMessageSize", accepted: [0, Int(Int32.max)], refused: [-1, .max]) {
            $0.limits.outboundMessageSize = $1
        },
        Option(name: "limits.inboundHighWaterMark", accepted: [1, .max], refused: [0, -1]) {
            $0.limits.inboundHighWaterMark = $1
        },
        Option(name: "limits.inboundMessageCount", accepted: [1, .max], refused: [0, -1]) {
            $0.limits.inboundMessageCount = $1
        },
        Option(name: "limits.outboundHighWaterMark", accepted: [1, .max], refused: [0, -1]) {
            $0.limits.outboundHighWaterMark = $1
        },
        Option(name: "limits.inboundLowWaterMark", accepted: [0, 1 << 20], refused: [-1, (1 << 20) + 1]) {
            $0.limits.inboundLowWaterMark = $1
        },
        Option(name: "limits.inboundLowMessageCount", accepted: [0, 16_384], refused: [-1, 16_385]) {
            $0.limits.inboundLowMessageCount = $1
        },
        Option(name: "limits.inboundReadAhead", accepted: [0, .max], refused: [-1, .min]) {
            $0.limits.inboundReadAhead = $1
        },
        Option(name: "limits.outboundLowWaterMark", accepted: [0, 1 << 20], refused: [-1, (1 << 20) + 1]) {
            $0.limits.outboundLowWaterMark = $1
        },
        Option(name: "limits.pingsPerSecond", accepted: [1, 1_000_000], refused: [0, -1, 1_000_001]) {
            $0.limits.pingsPerSecond = $1
        },
        Option(name: "limits.responseHeadSize", accepted: [256, 48 << 10], refused: [255, 0, (48 << 10) + 1]) {
            $0.limits.responseHeadSize = $1
        },
        Option(name: "limits.refusalBodySize", accepted: [0, 1 << 24], refused: [-1, (1 << 24) + 1]) {
            $0.limits.refusalBodySize = $1
        },
        Option(name: "limits.pendingPings", accepted: [1, 1 << 16], refused: [0, -1, (1 << 16) + 1]) {
            $0.limits.pendingPings = $1
        },
        Option(name: "deadlines.open", accepted: [1, 365 * day], refused: [0, -1, 365 * day + 1, .max]) {
            $0.deadlines.open = .seconds($1)
        },
        Option(name: "deadlines.close", accepted: [1, 365 * day], refused: [0, -1, 365 * day + 1, .max]) {
            $0.deadlines.close = .seconds($1)
        },
        Option(name: "deadlines.resolve", accepted: [1, 365 * day], refused: [0, -1, 365 * day + 1]) {
            $0.deadlines.resolve = .seconds($1)
        },
        Option(name: "deadlines.connect", accepted: [1], refused: [0, .min]) { $0.deadlines.connect = .seconds($1) },
        Option(name: "deadlines.proxy", accepted: [1], refused: [0, .min]) { $0.deadlines.proxy = .seconds($1) },
        Option(name: "deadlines.tls", accepted: [1], refused: [0, .min]) { $0.deadlines.tls = .seconds($1) },
        Option(name: "deadlines.upgrade", accepted: [1], refused: [0, .min]) { $0.deadlines.upgrade = .seconds($1) },
        Option(name: "deadlines.idle", accepted: [1], refused: [0, .min]) { $0.deadlines.idle = .seconds($1) },
        Option(name: "keepalive.interval", accepted: [20, 365 * day * 1_000], refused: [19, 0, -1, .max]) {
            $0.keepalive.interval = .milliseconds($1)
        },
        Option(name: "keepalive.timeout", accepted: [1, 365 * day * 1_000], refused: [0, -1, .max]) {
            $0.keepalive.timeout = .milliseconds($1)
        },
    ]

    @Test func `the defaults are in order`() throws {
        try WebSocketConfiguration().validate()
    }

    @Test(arguments: options)
    func `values out of range are refused by name and value`(option: Option) throws {
        for value in option.accepted {
            var configuration = WebSocketConfiguration()
            option.set(&configuration, value)
            try configuration.validate()
        }
        for value in option.refused {
            var configuration = WebSocketConfiguration()
            option.set(&configuration, value)
            let error = #expect(throws: WebSocketError.self, "\(value)") { try configuration.validate() }
            #expect(error?.code == .invalidConfiguration)
            #expect(
                error?.message.hasPrefix("\(option.name) is \(option.written(value));") == true,
                "\(String(describing: error))"
            )
        }
    }
}
