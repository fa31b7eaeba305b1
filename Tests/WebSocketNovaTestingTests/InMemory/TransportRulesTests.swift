import LWSTransport
import TestSupport
import Testing
import WebSocketCore
import WebSocketNovaTesting

@testable import WebSocketNovaTesting

/// The rules of ``Transport``, kept by the transport in memory and by the one over sockets alike.
@Suite("The rules of a transport", .timeLimit(.minutes(1)))
struct TransportRulesTests {
    enum Kind: CaseIterable, Sendable { case memory, sockets }

    /// What the server does when it has the request.
    enum Server: Sendable {
        case acceptsAndSends([UInt8], end: End)
        /// Sends when a frame has come, so that the bytes are in no segment with the response.
        case answers([UInt8])
        case refuses(body: String)
        case isSilent
        case isAbsent

        enum End: Sendable { case endOfStream, reset, whenClientLeaves }
    }

    @Test(arguments: Kind.allCases)
    func `what comes is read in order, to the end of the stream`(kind: Kind) async throws {
        let bytes = (0..<1_000).map { UInt8(truncatingIfNeeded: $0) }
        try await withTransport(kind, .acceptsAndSends(bytes, end: .endOfStream)) { transport, request in
            let probe = TransportProbe(transport.loop)
            await probe.open(transport, request)
            await probe.wait(for: .closed)
            #expect(probe.bytes == bytes)
            #expect(probe.events.prefix { $0 != .readable } == Self.opening)
            guard case .peer(let failure) = probe.closure else { return self.unexpected(probe) }
            #expect(failure.cause == .endOfStream)
            self.finish(probe)
        }
    }

    @Test(arguments: Kind.allCases)
    func `readable is told once, and told again after a read`(kind: Kind) async throws {
        let bytes = [UInt8](repeating: 5, count: 100)
        try await withTransport(kind, .answers(bytes)) { transport, request in
            let probe = TransportProbe(transport.loop)
            await probe.open(transport, request, readSize: nil)
            await probe.wait(for: .head(101))
            #expect(await probe.call { Self.writeFrame($0) } == true)
            await probe.wait(for: .readable)
            await probe.startReading(40)
            await probe.wait(for: .readable, 3)
            #expect(probe.bytes == bytes)
            _ = await probe.call { $0.close() }
            await probe.wait(for: .closed)
            guard case .local = probe.closure else { return self.unexpected(probe) }
            self.finish(probe)
        }
    }

    @Test(arguments: Kind.allCases)
    func `a reset ends the channel, and is found by reading`(kind: Kind) async throws {
        try await withTransport(kind, .acceptsAndSends([], end: .reset)) { transport, request in
            let probe = TransportProbe(transport.loop)
            await probe.open(transport, request)
            await probe.wait(for: .closed)
            guard case .peer(let failure) = probe.closure else { return self.unexpected(probe) }
            #expect(failure.cause == .reset)
            self.finish(probe)
        }
    }

    @Test(arguments: Kind.allCases)
    func `a head that is not wanted ends the channel with the beginning of the body`(kind: Kind) async throws {
        let body = String(repeating: "x", count: 5_000)
        try await withTransport(kind, .refuses(body: body)) { transport, request in
            let probe = TransportProbe(transport.loop)
            await probe.open(transport, request)
            await probe.wait(for: .closed)
            guard case .refused(let prefix) = probe.closure else { return self.unexpected(probe) }
            #expect(prefix == Array(body.utf8.prefix(request.maximumRefusalBodySize)))
            #expect(probe.events.contains(.head(403)))
            self.finish(probe)
        }
    }

    @Test(arguments: Kind.allCases)
    func `a failure to connect is told later`(kind: Kind) async throws {
        try await withTransport(kind, .isAbsent) { transport, request in
            let probe = TransportProbe(transport.loop)
            await probe.open(transport, request)
            await probe.wait(for: .closed)
            guard case .failed(let error) = probe.closure else { return self.unexpected(probe) }
            #expect(error.code == .connectFailed)
            #expect(probe.events == [.entered(.resolve), .entered(.connect), .closed])
            self.finish(probe)
        }
    }

    @Test(arguments: Kind.allCases, [false, true])
    func `the end of an opening is told once`(kind: Kind, isAborted: Bool) async throws {
        try await withTransport(kind, .isSilent) { transport, request in
            let probe = TransportProbe(transport.loop)
            await probe.open(transport, request)
            await probe.wait(for: .entered(.upgrade))
            for _ in 0..<3 { _ = await probe.call { isAborted ? $0.abort() : $0.close() } }
            await probe.wait(for: .closed)
            guard case .local = probe.closure else { return self.unexpected(probe) }
            self.finish(probe)
        }
    }

    @Test(arguments: Kind.allCases)
    func `a channel that is aborted in the turn in which it was opened is told of its end`(kind: Kind) async throws {
        try await withTransport(kind, .isSilent) { transport, request in
            let probe = TransportProbe(transport.loop)
            async let opened: Void = probe.open(transport, request)
            await opened
            _ = await probe.call { $0.abort() }
            await probe.wait(for: .closed)
            self.finish(probe)
        }
    }

    @Test(arguments: Kind.allCases)
    func `writable is told as often as it was asked for, and writing says what it can`(kind: Kind) async throws {
        try await withTransport(kind, .acceptsAndSends([1], end: .whenClientLeaves)) { transport, request in
            let probe = TransportProbe(transport.loop)
            await probe.open(transport, request)
            await probe.wait(for: .readable)
            await probe.requestWritable()
            await probe.wait(for: .writable)
            let outcome = await probe.call { channel in
                (channel.isWritable, Self.writeFrame(channel))
            }
            #expect(outcome?.0 == true)
            #expect(outcome?.1 == true)
            #expect(await probe.call { $0.isBroken } == false)
            _ = await probe.call { $0.close() }
            await probe.wait(for: .closed)
            self.finish(probe)
        }
    }

    @Test(arguments: Kind.allCases)
    func `a channel that has ended bears every call`(kind: Kind) async throws {
        try await withTransport(kind, .acceptsAndSends([1], end: .endOfStream)) { transport, request in
            let probe = TransportProbe(transport.loop)
            await probe.open(transport, request)
            let kept = await probe.call { KeptChannel($0) }
            await probe.wait(for: .closed)
            await probe.onChannel(kept) { channel in
                #expect(channel.read(into: channel.scratch) == 0)
                #expect(!channel.isWritable)
                #expect(!channel.isBroken)
                _ = [UInt8]([1]).withUnsafeBytes { channel.write($0) }
                channel.requestWritable()
                channel.close()
                channel.abort()
            }
            self.finish(probe)
        }
    }

    // MARK: Helpers

    private static let opening: [TransportProbe.Event] = [
        .entered(.resolve), .entered(.connect), .entered(.upgrade), .head(101),
    ]

    private static func writeFrame(_ channel: any TransportChannel) -> Bool {
        [UInt8]([0x81, 0x80, 0, 0, 0, 0]).withUnsafeBytes { channel.write($0) }
    }

    private func unexpected(_ probe: TransportProbe) {
        Issue.record("ended with \(String(describing: probe.closure))")
    }

    /// What holds for every channel that has ended.
    private func finish(_ probe: TransportProbe) {
        #expect(probe.violations == [])
        #expect(probe.events.count { $0 == .closed } == 1)
        #expect(probe.events.last == .closed)
    }
}

// MARK: - Servers

private func withTransport(
    _ kind: TransportRulesTests.Kind,
    _ server: TransportRulesTests.Server,
    _ body: (any Transport, TransportRequest) async throws -> Void
) async throws {
    switch kind {
    case .memory:
        try await withInMemoryNetwork { network in
            if case .isAbsent = server { network.refuseConnections() }
            network.onConnection { peer in try await play(server, peer) }
            try await body(InMemoryTransport(network: network), try request(port: 80))
        }
    case .sockets:
        let loop = try EventLoop()
        do {
            let script = try ScriptedServer(steps(server))
            let port = if case .isAbsent = server { try unusedPort() } else { script.port }
            try await body(LWSTransport(loop), try request(port: port))
            await script.stop()
        } catch {
            await loop.shutDown()
            throw error
        }
        await loop.shutDown()
    }
}

private func request(port: Int) throws -> TransportRequest {
    TransportRequest(
        endpoint: Endpoint(host: "127.0.0.1", port: UInt16(port)),
        tls: nil,
        head: try UpgradeRequest(url: WebSocketURL("ws://127.0.0.1:\(port)/")).head,
        maximumResponseHeadSize: 16_384,
        maximumRefusalBodySize: 1_000
    )
}

@Sendable
private func play(_ server: TransportRulesTests.Server, _ peer: InMemoryPeer) async throws {
    switch server {
    case .acceptsAndSends(let bytes, let end):
        try await peer.accept()
        try await peer.send(raw: bytes)
        switch end {
        case .endOfStream: break
        case .reset: await peer.drop()
        case .whenClientLeaves: _ = try await peer.waitUntilClosed()
        }
    case .answers(let bytes):
        try await peer.accept()
        _ = try await peer.receiveFrame()
        try await peer.send(raw: bytes)
        _ = try await peer.waitUntilClosed()
    case .refuses(let body): try await peer.refuse(status: 403, body: body)
    case .isSilent: _ = try await peer.waitUntilClosed()
    case .isAbsent: break
    }
}

private func steps(_ server: TransportRulesTests.Server) -> [ScriptedServer.Step] {
    switch server {
    case .acceptsAndSends(let bytes, let end):
        let ending: ScriptedServer.Step =
            switch end {
            case .endOfStream: .close
            case .reset: .reset
            case .whenClientLeaves: .waitForEndOfStream
            }
        return [.acceptUpgrade(following: bytes), ending]
    case .answers(let bytes):
        return [.acceptUpgrade(), .receiveFrame, .send(bytes), .waitForEndOfStream]
    case .refuses(let body):
        let head = "HTTP/1.1 403 Forbidden\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        return [.expectUpgrade, .send(head + body), .waitForEndOfStream]
    case .isSilent, .isAbsent:
        return [.waitForEndOfStream]
    }
}
