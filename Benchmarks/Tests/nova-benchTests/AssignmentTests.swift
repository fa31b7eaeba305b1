import Testing

@testable import nova_bench

@Suite struct AssignmentTests {
    private func assignment(_ work: Work, url: String = "ws://127.0.0.1:9", size: Int = 125, count: Int = 100) throws
        -> Assignment
    {
        Assignment(work: work, server: try ServerURL(url), size: size, count: count)
    }

    @Test func theLoadServersPathIsAdded() throws {
        #expect(try self.assignment(.flood).url == "ws://127.0.0.1:9/flood?size=125&count=100")
        #expect(try self.assignment(.echo, url: "wss://[::1]:9/").url == "wss://[::1]:9/echo")
        var text = try self.assignment(.flood)
        text.isText = true
        text.connections = 8
        #expect(text.url == "ws://127.0.0.1:9/flood?size=125&count=12&text=1")
        #expect(text.messages == 96)
    }

    @Test func aPathOfItsOwnIsKept() throws {
        let assignment = try self.assignment(.sink, url: "ws://example.com/a?b=c")
        #expect(assignment.url == "ws://example.com:80/a?b=c")
        // A short run would leave some of its messages unread.
        #expect(assignment.warmUp.count == 100)
    }

    @Test func aWarmUpIsATwentiethAndAtLeastAMessageForEachConnection() throws {
        var assignment = try self.assignment(.sink)
        #expect(assignment.warmUp.count == 5)
        assignment.connections = 8
        #expect(assignment.warmUp.countPerConnection == 1)
        #expect(assignment.share.countPerConnection == 12)
    }

    @Test func whatIsNeededFollowsFromWhatIsAsked() throws {
        var assignment = try self.assignment(.echo, url: "wss://localhost:1")
        #expect(assignment.features == [.tls])
        assignment.isCompressed = true
        assignment.connections = 2
        #expect(assignment.features == [.tls, .deflate, .connections])
    }

    @Test(arguments: [0, 1, 15, 16, 17, 18, 19, 125, 1024, 65_537])
    func payloadsHaveTheirSizeAndNoCutCharacter(size: Int) {
        for (isText, isCompressed) in [(false, false), (true, false), (false, true), (true, true)] {
            let bytes = Payload.bytes(size, isText: isText, isCompressed: isCompressed)
            #expect(bytes.count == size)
            #expect(String(validating: bytes, as: UTF8.self) != nil)
        }
        let isWide = Payload.bytes(size, isText: true, isCompressed: false).contains { $0 >= 0x80 }
        // The sixteenth character has three bytes.
        #expect(isWide == (size >= 18))
    }

    @Test(arguments: ["http://a", "ws://", "ws://:9", "ws://a:99999", "ws://[::1", "a"])
    func whatIsNoURLIsRefused(url: String) {
        #expect(throws: BenchmarkError.self) { try ServerURL(url) }
    }
}
