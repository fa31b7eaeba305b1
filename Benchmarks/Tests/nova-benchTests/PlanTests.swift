import FoundationEssentials
import Testing

@testable import nova_bench

@Suite struct PlanTests {
    @Test func theMatrixHasEachWorkAtEachSize() {
        let plans = Plan.standard(.messages)
        for work in [Work.flood, .echo, .sink] {
            let once = plans.filter { $0.work == work && $0.placement != .oneCore }
            #expect(once.map(\.size) == [16, 125, 1024, 16_384, 65_536, 1_048_576])
        }
        #expect(plans.allSatisfy { $0.features.isEmpty })
        #expect(!Plan.standard(.messages, quick: true).contains { $0.size == 16 })
    }

    @Test func eachGroupNeedsWhatItIsNamedFor() {
        #expect(Plan.standard(.text).allSatisfy { $0.features == [.text] })
        #expect(Plan.standard(.tls).allSatisfy { $0.features == [.tls] })
        #expect(Plan.standard(.deflate).allSatisfy { $0.features == [.deflate] })
        #expect(Set(Plan.standard(.connections).map(\.connections)) == [8, 64])
        #expect(Plan.standard(.connect).map(\.isSecure) == [false, true])
        for group in PlanGroup.allCases {
            let plans = Plan.standard(group)
            #expect(plans.isEmpty != group.isRace)
            #expect(Set(plans).count == plans.count)
            #expect(plans.allSatisfy { $0.group == group })
        }
    }

    @Test func thePlanIsSaidToTheClient() {
        let plan = Plan(work: .echo, size: 1024, count: 8, isText: true, isCompressed: true, connections: 8)
        #expect(plan.options == ["--text", "--deflate", "--connections", "8"])
        #expect(plan.title == "echo 1 KiB text deflate 8 connections")
        #expect(Plan(work: .sink, size: 125, count: 8).options.isEmpty)
    }

    @Test func oneCoreIsSaidInTheTitle() {
        var plan = Plan(work: .echo, size: 125, count: 8, isSecure: true)
        for placement in [nil, Placement.apart] {
            plan.placement = placement
            #expect(plan.title == "echo 125 B TLS")
        }
        plan.placement = .oneCore
        #expect(plan.title == "echo 125 B TLS, one core")
        // The client knows nothing of it: it is where it was started.
        #expect(plan.options.isEmpty)
    }

    @Test(arguments: [
        (Placement.apart, #""placement":"apart""#), (.oneCore, #""placement":"one-core""#),
    ])
    func aPlacementIsWrittenAndRead(placement: Placement, text: String) throws {
        let plan = Plan(work: .echo, size: 125, count: 8, placement: placement)
        let data = try JSONEncoder().encode(plan)
        #expect(String(decoding: data, as: UTF8.self).contains(text))
        #expect(try JSONDecoder().decode(Plan.self, from: data) == plan)
    }

    @Test func aPlanOfAnOlderFileHasNone() throws {
        let text = """
            {"connections":1,"count":0,"deflate":false,"group":"messages","size":125,"text":false,"tls":false,"work":"echo"}
            """
        let plan = try JSONDecoder().decode(Plan.self, from: Data(text.utf8))
        #expect(plan == Plan(work: .echo, size: 125, count: 0))
        #expect(plan.placement == nil)
        #expect(try !String(decoding: JSONEncoder().encode(plan), as: UTF8.self).contains("placement"))
    }

    @Test func aRivalIsAnotherLibrary() {
        let rivals = Set(Contestants.all.filter(\.isRival).map(\.name))
        #expect(rivals.contains("lws"))
        #expect(rivals.isDisjoint(with: ["c", "nova-handler", "nova-async", "nova-async-loop"]))
        #expect(!Contestants.layer.contains { $0.isRival })
    }

    @Test func whoLacksAFeatureIsLeftOut() {
        let plain = Contestants.all.filter { $0.can(.flood, with: []) }
        #expect(plain.count == Contestants.all.count)
        for contestant in Contestants.all {
            for feature in Feature.allCases {
                #expect(contestant.can(.flood, with: [feature]) == contestant.features.contains(feature))
            }
        }
        #expect(!NovaHandlerContestant().can(.json, with: []))
    }

    @Test func anEchoIsJudgedByItsRoundTripAndAllElseByItsTime() throws {
        let echo = Plan(work: .echo, size: 125, count: 1)
        #expect(echo.figure(of: try measurement("c", echo, cpu: 8000, p50: 20)) == 20)
        let flood = Plan(work: .flood, size: 125, count: 1)
        #expect(flood.figure(of: try measurement("c", flood, cpu: 66)) == 66)
        let connect = Plan.standard(.connect)[0]
        #expect(connect.figure(of: try measurement("c", connect, cpu: 9000, p50: 20)) == 9000)
    }
}

@Suite struct CalibrationTests {
    private let plan = Plan(work: .flood, size: 125, count: 50_000_000)

    /// As the race does it, with a contestant that takes so long for each message.
    private func count(nanoseconds: Double, _ plan: Plan, wanted: Double = 0.5) -> Int {
        var pilot = plan
        pilot.count = Calibration.firstCount(plan)
        var seconds = Double(pilot.count) * nanoseconds / 1e9
        while let next = Calibration.nextCount(pilot, seconds: seconds, most: plan.count) {
            #expect(next > pilot.count)
            pilot.count = next
            seconds = Double(pilot.count) * nanoseconds / 1e9
        }
        return Calibration.count(plan, pilot: pilot.count, seconds: seconds, wanted: wanted)
    }

    @Test func theMessagesFitTheTime() {
        #expect(self.count(nanoseconds: 50, self.plan) == 10_000_000)
        #expect(self.count(nanoseconds: 10_000, self.plan) == 50_000)
        #expect(self.count(nanoseconds: 1, self.plan) == self.plan.count)
    }

    @Test func thereIsAlwaysSomethingToMeasure() {
        #expect(self.count(nanoseconds: 1e9, self.plan) == 20)
    }

    @Test(arguments: [8, 64, 500])
    func eachConnectionGetsTheSame(connections: Int) {
        var plan = self.plan
        plan.connections = connections
        for nanoseconds in [20.0, 777, 1e5, 1e9] {
            let count = self.count(nanoseconds: nanoseconds, plan)
            #expect(count % connections == 0 && count >= 10 * connections)
        }
    }
}
