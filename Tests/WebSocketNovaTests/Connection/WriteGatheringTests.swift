import TestSupport
import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("Writes that gather messages")
struct WriteGatheringTests {
    @Test func `the first writes in a row take what there is, those after them want more`() {
        var gathering = WriteGathering(delay: .microseconds(50), highWaterMark: 1 << 20)
        for _ in 0..<WriteGathering.promptWrites {
            #expect(gathering.least == 0)
            gathering.foundMore()
        }
        #expect(gathering.least == WriteGathering.enough)
        for _ in 0..<1000 { gathering.foundMore() }
        #expect(gathering.least == WriteGathering.enough)
        gathering.foundNothing()
        #expect(gathering.least == 0, "who sends anew does not wait")
    }

    @Test(arguments: [(1, 1), (2, 1), (300, 150), (128 << 10, 64 << 10), (Int.max, 64 << 10)])
    func `what is held back stays below the mark at which senders wait`(mark: Int, least: Int) {
        var gathering = WriteGathering(delay: .microseconds(50), highWaterMark: mark)
        for _ in 0..<WriteGathering.promptWrites { gathering.foundMore() }
        #expect(gathering.least == least)
    }

    @Test func `nothing is held back where no time is given for it`() {
        var gathering = WriteGathering(delay: nil, highWaterMark: 1 << 20)
        for _ in 0..<WriteGathering.promptWrites { gathering.foundMore() }
        #expect(gathering.least == 0)
    }
}
