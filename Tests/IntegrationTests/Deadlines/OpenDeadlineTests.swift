import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

@testable import LWSTransport

extension Serial {
    @Suite("The deadlines of an opening", .timeLimit(.minutes(1)))
    struct OpenDeadlineTests {
        private static let limit = Duration.milliseconds(250)

        @Test(arguments: StalledPhase.allCases)
        func `F27 a phase has a deadline of its own, which names it`(phase: StalledPhase) async throws {
            try await phase.withURL { url in
                var configuration = WebSocketConfiguration()
                configuration.deadlines.open = .seconds(30)
                // For a body the head has to have come, on a busy machine too.
                let limit = phase == .body ? .seconds(1) : Self.limit
                phase.set(limit, in: &configuration.deadlines)
                let stopwatch = Stopwatch()
                let error = await openingError(url, configuration)
                let duration = stopwatch.elapsed
                #expect(duration >= limit)
                #expect(stopwatch.elapsedInMotion < limit + .seconds(5))
                if phase == .body {
                    #expect(error?.code == .upgradeRefused)
                    #expect(error?.handshake?.status == 503)
                } else {
                    #expect(error?.code == .timedOut)
                    #expect(error?.deadline == WebSocketError.Deadline(phase.kind, phase: phase.kind, limit: limit))
                    #expect(
                        error?.message.contains("deadlines.\(phase.rawValue)") == true,
                        "\(String(describing: error))"
                    )
                    #expect(error?.message.contains("0.25 seconds") == true, "\(String(describing: error))")
                    #expect(error?.isRetryable == true)
                }
            }
        }

        @Test(arguments: StalledPhase.allCases.filter { $0 != .body })
        func `F27 the deadline of the whole names the phase too`(phase: StalledPhase) async throws {
            try await phase.withURL { url in
                let error = await openingError(url, .with { $0.deadlines.open = Self.limit })
                #expect(error?.deadline == WebSocketError.Deadline(.open, phase: phase.kind, limit: Self.limit))
            }
        }

        @Test func `F27 a look-up has a deadline of its own`() async throws {
            let gate = Gate()
            let group = try EventLoopGroup(configuration: .stuckInLookUps(gate))
            let error = await openingError(
                "ws://name.example/",
                .with {
                    $0.eventLoopGroup = group
                    $0.deadlines.resolve = Self.limit
                }
            )
            #expect(error?.deadline == WebSocketError.Deadline(.resolve, phase: .resolve, limit: Self.limit))
            gate.open()
            await group.shutDown()
        }

        @Test func `F27 a phase that is over does not time out`() async throws {
            // The answer to the upgrade comes long after the deadlines of the phases before it.
            let script: [ScriptedServer.Step] = [
                .expectUpgrade, .delay(.milliseconds(700)), .acceptUpgrade(), .echoFrames(1),
            ]
            let configuration = WebSocketConfiguration.with {
                $0.deadlines.resolve = .milliseconds(300)
                $0.deadlines.connect = .milliseconds(300)
                $0.deadlines.tls = .milliseconds(300)
                $0.deadlines.upgrade = .seconds(20)
            }
            try await withScript(script, configuration) { socket, _ in
                let time = try await socket.ping()
                #expect(time > .zero)
            }
        }

        @Test func `no deadline of the opening outlives it`() async throws {
            let configuration = WebSocketConfiguration.with {
                $0.deadlines.open = .seconds(1)
                $0.deadlines.upgrade = .seconds(1)
            }
            let script: [ScriptedServer.Step] = [.acceptUpgrade(), .delay(.milliseconds(1_300)), .echoFrames(1)]
            try await withScript(script, configuration) { socket, _ in
                let time = try await socket.ping()
                #expect(time > .zero)
            }
        }
    }
}
