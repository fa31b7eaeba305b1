import HostileServers
import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    /// In processes of their own: memory is measured.
    @Suite("Hostile servers: floods", .timeLimit(.minutes(1)))
    struct HostileFloodTests {
        enum Flood: String, CaseIterable, Codable {
            case pings, pingsUnread, pingsInMessage, pongs
            case tinyMessages, emptyMessages, largeMessages
            case fragmentsByByte, emptyFragments, fragmentsAndPings, messageWithoutEnd
            case compressedBomb, endlessBomb
            /// Of what is announced nothing is allocated before it comes.
            case announcement

            var server: HostileServer {
                switch self {
                case .pings: .floodsPings
                case .pingsUnread: .floodsPingsUnread
                case .pingsInMessage: .floodsPingsInMessage
                case .pongs: .floodsPongs
                case .tinyMessages: .floodsTinyMessages
                case .emptyMessages: .floodsEmptyMessages
                case .largeMessages: .floodsLargeMessages
                case .fragmentsByByte: .fragmentsByByte
                case .emptyFragments: .floodsEmptyFragments
                case .fragmentsAndPings: .floodsFragmentsAndPings
                case .messageWithoutEnd: .messageNeverEnds
                case .compressedBomb: .compressedBomb
                case .endlessBomb: .endlessBomb
                case .announcement: .announcesMuch
                }
            }
        }

        /// With a reader, it ends or comes to its end; memory does not grow with it.
        @Test(.disabled(if: Sanitizer.isOn, "sanitizers take memory of their own"), arguments: Flood.allCases)
        func `memory stays what it was`(flood: Flood) async {
            await #expect(processExitsWith: .success) { [flood] in
                try await Encounter.with(flood.server, within: .seconds(20), { $0.compression = .defaults }) {
                    encounter in
                    let before = ProcessCensus.residentKiB
                    let socket = try await encounter.connect()
                    let isRead = ![.tinyMessages, .emptyMessages, .largeMessages, .pingsUnread, .announcement]
                        .contains(flood)
                    if isRead {
                        let first = try? await socket.nextMessage()
                        // Only a server that has broken no rule comes to its last message.
                        if let first { #expect(first == .text(flood == .pingsInMessage ? "AB" : "after")) }
                    } else {
                        await Self.standstill(of: encounter.server)
                    }
                    let growth = ProcessCensus.peakResidentKiB - before
                    #expect(growth < 24 << 10, "\(growth) KiB more")
                    try await socket.close()
                }
            }
        }

        /// Nobody reads, so the server is held back by TCP, and what it has sent is what the kernels' buffers and ours take.
        @Test(arguments: [HostileServer.floodsTinyMessages, .floodsEmptyMessages, .floodsLargeMessages])
        func `messages that nobody reads are not taken`(server: HostileServer) async throws {
            try await Encounter.with(server, within: .seconds(10)) { encounter in
                let socket = try await encounter.connect()
                await Self.standstill(of: encounter.server)
                let sent = encounter.server.transcript.first.sentCount
                #expect(sent < HostileServer.endless / 2, "\(sent) bytes")
                #expect(socket.closeInfo == nil)
                // Closing reads on, and drops what nobody wants.
                let closed = try await socket.close()
                #expect(closed.initiator == .local)
            }
        }

        /// A reader that takes its time gets them all.
        @Test func `pongs that nobody has asked for are passed over`() async throws {
            try await Encounter.with(.floodsPongs, within: .seconds(Sanitizer.isOn ? 60 : 15)) { encounter in
                let socket = try await encounter.connect()
                #expect(try await socket.nextMessage() == .text("after"))
                #expect(socket.closeInfo == nil)
                try await socket.close()
            }
        }

        /// Waits until nothing more goes to the client.
        private static func standstill(of server: ScriptedServer) async {
            var (last, repetitions) = (-1, 0)
            let deadline = ContinuousClock.now + .seconds(15)
            while repetitions < 10, ContinuousClock.now < deadline {
                // That nothing happens can only be seen by waiting.
                try? await Task.sleep(for: .milliseconds(20))
                let sent = server.transcript.first.sentCount
                repetitions = sent == last ? repetitions + 1 : 0
                last = sent
            }
        }
    }
}
