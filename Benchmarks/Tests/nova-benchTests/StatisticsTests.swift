import Testing

@testable import nova_bench

@Suite struct StatisticsTests {
    @Test func theMedianIsTheMiddleOrTheMeanOfTheTwoInTheMiddle() {
        #expect(Statistics.median([3, 1, 2]) == 2)
        #expect(Statistics.median([4, 1, 2, 3]) == 2.5)
        #expect(Statistics.median([]).isNaN)
    }

    @Test func aPercentileIsTheSmallestValueThatSoManyDoNotExceed() {
        let values = (1...1000).map { UInt64($0) }
        #expect(Statistics.percentile(50, ofSorted: values) == 500)
        #expect(Statistics.percentile(99, ofSorted: values) == 990)
        #expect(Statistics.percentile(99.9, ofSorted: values) == 999)
        #expect(Statistics.percentile(100, ofSorted: values) == 1000)
        #expect(Statistics.percentile(99.9, ofSorted: [7]) == 7)
        #expect(Statistics.percentile(50, ofSorted: []) == nil)
    }

    @Test func aSpreadLeavesOutWhatCannotBeCompared() {
        let spread = Spread([.nan, 2, 9, .infinity, 4])
        #expect(spread?.low == 2)
        #expect(spread?.median == 4)
        #expect(spread?.high == 9)
        #expect(Spread([]) == nil)
        #expect(Spread([.nan]) == nil)
    }

    @Test(arguments: [
        (0.44, "0.4 ns"), (9.96, "10.0 ns"), (66, "66 ns"), (1500, "1.5 µs"), (2.5e7, "25 ms"), (3e9, "3.0 s"),
    ])
    func durationsHaveTheUnitThatSuitsThem(nanoseconds: Double, text: String) {
        #expect(durationText(nanoseconds: nanoseconds) == text)
    }

    @Test(arguments: [(1234567, "1,234,567"), (99.95, "100.0"), (12.34, "12.3"), (1.234, "1.23"), (-5, "-5.00")])
    func numbersAreGrouped(value: Double, text: String) {
        #expect(numberText(value) == text)
    }

    @Test func theRestOfARunIsJudgedByWhatIsDone() {
        #expect(ProgressLine.remaining(done: 0, of: 10, after: 5) == nil)
        #expect(ProgressLine.remaining(done: 5, of: 10, after: 20) == "20 s")
        #expect(ProgressLine.remaining(done: 1, of: 11, after: 60) == "10 min")
    }
}
