import COpenSSL
import Testing
import WebSocketCore

@testable import LWSTransport

@Suite("Kept TLS sessions")
struct TLSSessionsTests {
    private func server(_ number: Int) -> TLSSessions.Server {
        TLSSessions.Server(endpoint: Endpoint(host: "localhost", port: UInt16(number)), name: .dns("localhost"))
    }

    /// Hands a session over that could be resumed.
    private func keep(_ version: Int32, of server: TLSSessions.Server, in sessions: TLSSessions) throws {
        let session = try #require(SSL_SESSION_new())
        defer { SSL_SESSION_free(session) }
        SSL_SESSION_set_protocol_version(session, version)
        SSL_SESSION_set1_id(session, [1, 2, 3], 3)
        sessions.keep(session, of: server)
    }

    @Test func `are a bounded number for each server`() throws {
        let sessions = TLSSessions()
        for _ in 0..<100 { try self.keep(TLS1_3_VERSION, of: self.server(1), in: sessions) }
        #expect(sessions.count == 32)
        for _ in 0..<100 { try self.keep(TLS1_2_VERSION, of: self.server(2), in: sessions) }
        #expect(sessions.count == 33)
    }

    @Test func `are a bounded number in all`() throws {
        let sessions = TLSSessions()
        for number in 1...1_000 { try self.keep(TLS1_3_VERSION, of: self.server(number), in: sessions) }
        #expect(sessions.count == 512)
    }

    @Test func `are not kept if they cannot be resumed`() throws {
        let sessions = TLSSessions()
        let session = try #require(SSL_SESSION_new())
        defer { SSL_SESSION_free(session) }
        sessions.keep(session, of: self.server(1))
        #expect(sessions.count == 0)
    }

    /// Of these nobody knows with what certificate they were made.
    @Test func `are not given out, but forgotten, if they are not fresh`() throws {
        let sessions = TLSSessions()
        for _ in 0..<3 { try self.keep(TLS1_3_VERSION, of: self.server(1), in: sessions) }
        #expect(sessions.take(for: self.server(1)) == nil)
        #expect(sessions.count == 0)
    }
}
