import Testing
import WebSocketCore

@testable import LWSTransport

@Suite("TLS contexts", .timeLimit(.minutes(1)))
struct TLSContextsTests {
    private func load(_ configuration: TLSConfiguration) async throws -> TLSContext {
        let outcome = await withCheckedContinuation { continuation in
            TLSContexts.load(configuration) { continuation.resume(returning: $0) }
        }
        return try outcome.get()
    }

    /// One that nothing else in this process uses.
    private func configuration(_ number: UInt8) throws -> TLSConfiguration {
        var configuration = TLSConfiguration(certificateVerification: .none)
        configuration.pins = [try PublicKeyPin(sha256: [UInt8](repeating: number, count: 32))]
        return configuration
    }

    @Test func `are shared by equal configurations, whatever their names`() async throws {
        var configuration = try self.configuration(1)
        #expect(TLSContexts.ready(for: configuration) == nil)
        let first = try await self.load(configuration)
        configuration.serverName = "other.example"
        #expect(try await self.load(configuration) === first)
        #expect(TLSContexts.ready(for: configuration) === first)
        configuration.minimumVersion = .tls13
        #expect(try await self.load(configuration) !== first)
    }

    @Test func `are made once for many that ask at the same time`() async throws {
        let configuration = TLSConfiguration()
        let contexts = try await withThrowingTaskGroup(of: TLSContext.self) { group in
            for _ in 0..<50 { group.addTask { try await self.load(configuration) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(contexts.count == 50)
        #expect(contexts.allSatisfy { $0 === contexts[0] })
        // The roots may be in a file, which has to be looked at.
        #expect(TLSContexts.ready(for: configuration) == nil)
    }

    @Test func `share the roots`() async throws {
        var configuration = TLSConfiguration()
        let first = try await self.load(configuration)
        configuration.minimumVersion = .tls13
        let second = try await self.load(configuration)
        #expect(first !== second)
        #expect(first.trustStore != nil)
        #expect(first.trustStore === second.trustStore)
    }

    @Test func `are kept for the last configurations only`() async throws {
        weak var first: TLSContext?
        first = try await self.load(try self.configuration(100))
        #expect(first != nil)
        for number in 101..<UInt8(140) { _ = try await self.load(try self.configuration(number)) }
        #expect(first == nil)
    }
}
