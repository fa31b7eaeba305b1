import TestSupport
import Testing
import WebSocketNova

/// Cycles after which a process has to be as it was before them. To be run in a process of its own: objects, descriptors,
/// threads and memory are counted.
struct Cycles {
    /// How many are made before the count begins.
    var warm: Int
    /// How many are made then, and how often at most. What is lost in each cycle is lost in each such run, while tables of
    /// the runtime and of the testing library double now and then: memory has to be flat in one of them.
    var measured: Int
    /// How many more bytes may be in use after a run.
    var heapAllowance: Int

    static let mostRuns = 3
    /// In KiB. malloc keeps what is free, and of that as much as there are threads at once.
    private static let residentAllowance = 4 << 10

    /// Makes the cycles on the group's one loop, giving each its number, and expects that nothing is left of them.
    func expectNothingIsLeft(of group: EventLoopGroup, _ cycle: (Int) async throws -> Void) async throws {
        for number in 0..<self.warm { try await cycle(number) }
        try await openRuntimeTimers()
        await eventually("no object is left") { LiveObjects.all.isEmpty }
        let census = ProcessCensus.take()
        var heapGrowth = Int.max
        var residentGrowth = Int.max
        for run in 0..<Self.mostRuns where heapGrowth >= self.heapAllowance || residentGrowth >= Self.residentAllowance
        {
            let heap = Heap.bytesInUse
            let resident = ProcessCensus.residentKiB
            let begin = self.warm + run * self.measured
            for number in begin..<begin + self.measured { try await cycle(number) }
            try await self.expectNoObject(of: group, beyond: census)
            heapGrowth = Heap.bytesInUse - heap
            residentGrowth = ProcessCensus.residentKiB - resident
        }
        // Sanitizers take memory of their own.
        if Sanitizer.isOn { return }
        #expect(heapGrowth < self.heapAllowance, "\(heapGrowth) bytes more are in use")
        #expect(residentGrowth < Self.residentAllowance, "\(residentGrowth) KiB more are resident")
    }

    private func expectNoObject(of group: EventLoopGroup, beyond before: ProcessCensus) async throws {
        await eventually("no object is left") { LiveObjects.all.isEmpty }
        #expect(LiveObjects.all.isEmpty, "\(LiveObjects.all)")
        #expect(group.loops[0].liveTunnels == 0)
        #expect(await group.loops[0].pendingTimers() == 0)
        await eventually("descriptors and threads are as before: \(before)") {
            let now = ProcessCensus.take()
            return now.descriptors <= before.descriptors && now.threads <= before.threads
        }
        let descriptors = ProcessCensus.openDescriptors
        #expect(descriptors.count <= before.descriptors, "\(descriptors)")
    }
}
