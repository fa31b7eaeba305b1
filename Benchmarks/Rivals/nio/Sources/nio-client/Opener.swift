import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket

/// Connects and upgrades.
struct Opener: Sendable {
    private let assignment: Assignment
    private let loop: any EventLoop
    private let tls: NIOSSLContext?

    init(assignment: Assignment, loop: any EventLoop) throws {
        self.assignment = assignment
        self.loop = loop
        guard assignment.server.isSecure else {
            self.tls = nil
            return
        }
        var configuration = TLSConfiguration.makeClientConfiguration()
        if let path = assignment.certificatePath { configuration.trustRoots = .file(path) }
        self.tls = try NIOSSLContext(configuration: configuration)
    }

    /// `setUp` gets the channel on its event loop, with the WebSocket handlers in its pipeline.
    func open<Result: Sendable>(_ setUp: @escaping @Sendable (any Channel) throws -> Result) async throws -> Result {
        let upgraded: EventLoopFuture<Result?> = try await ClientBootstrap(group: self.loop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            // The default reads at most 64 KiB at a time, which is dear for large messages.
            .channelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 2048, maximum: 1 << 20)
            )
            .connect(host: self.assignment.server.host, port: Int(self.assignment.server.port)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls = self.tls {
                        try channel.pipeline.syncOperations.addHandler(self.tlsHandler(tls))
                    }
                    var configuration = NIOUpgradableHTTPClientPipelineConfiguration(
                        upgradeConfiguration: self.upgrade(setUp)
                    )
                    // Frames may come with the response; by default they would be dropped.
                    configuration.leftOverBytesStrategy = .forwardBytes
                    return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
                        configuration: configuration
                    )
                }
            }
        guard let result = try await upgraded.get() else { throw BenchmarkError("the server refused the upgrade") }
        return result
    }

    private func upgrade<Result: Sendable>(
        _ setUp: @escaping @Sendable (any Channel) throws -> Result
    ) -> NIOTypedHTTPClientUpgradeConfiguration<Result?> {
        let upgrader = NIOTypedWebSocketClientUpgrader<Result?>(
            maxFrameSize: Assignment.maximumSize,
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    let aggregator = NIOWebSocketFrameAggregator(
                        minNonFinalFragmentSize: 0,
                        maxAccumulatedFrameCount: .max,
                        maxAccumulatedFrameSize: Assignment.maximumSize
                    )
                    try channel.pipeline.syncOperations.addHandler(aggregator)
                    return try setUp(channel)
                }
            }
        )
        let server = self.assignment.server
        return NIOTypedHTTPClientUpgradeConfiguration(
            upgradeRequestHead: HTTPRequestHead(
                version: .http1_1,
                method: .GET,
                uri: self.assignment.resource,
                headers: ["Host": "\(server.host):\(server.port)"]
            ),
            upgraders: [upgrader],
            notUpgradingCompletionHandler: { $0.eventLoop.makeSucceededFuture(nil) }
        )
    }

    private func tlsHandler(_ context: NIOSSLContext) throws -> NIOSSLClientHandler {
        let host = self.assignment.server.host
        // An address is no name for SNI (RFC 6066 section 3); NIOSSL verifies the peer's address then.
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host)
    }
}
