import Testing

@testable import nova_bench

@Suite struct MeasurementTests {
    @Test func aLineOfAnotherProgramIsRead() throws {
        let measurement = try Measurement.parse(
            """
            {"name":"nio","mode":"echo","size":125,"n":10,"seconds":0.25,"cpu_ns_per_msg":31000,"p50_us":30.5,"p99_us":60,\
            "p999_us":90.25,"max_rss_kb":9000,"text":true,"tls":true,"deflate":true,"connections":8,"version":"2.1"}
            """
        )
        #expect(measurement.name == "nio")
        #expect(measurement.mode == .echo)
        #expect(measurement.p999 == 90.25)
        #expect(measurement.isText && measurement.isSecure && measurement.isCompressed)
        #expect(measurement.connections == 8)
    }

    @Test func whatIsNotSaidIsPlain() throws {
        let measurement = try Measurement.parse(
            """
            {"name":"c","mode":"flood","size":16,"n":1,"seconds":1,"cpu_ns_per_msg":5.5,"p50_us":null,"p99_us":null,\
            "p999_us":null,"max_rss_kb":1}
            """
        )
        #expect(measurement.p50 == nil && measurement.p999 == nil)
        #expect(!measurement.isText && !measurement.isSecure && !measurement.isCompressed)
        #expect(measurement.connections == 1)
    }

    @Test(arguments: ["", "{}", "Segmentation fault", #"{"name":"c","mode":"fly"}"#])
    func anythingElseIsRefused(line: String) {
        #expect(throws: (any Error).self) { try Measurement.parse(line) }
    }

    @Test func aLineHasTheKeysOfPlainWorkAndOfWhatDiffers() throws {
        var sample = try measurement("c", Plan(work: .sink, size: 125, count: 1), cpu: 83.14)
        #expect(
            try sample.jsonLine() == """
                {"cpu_ns_per_msg":83.1,"max_rss_kb":2048,"mode":"sink","n":1000,"name":"c","p50_us":null,"p999_us":null,\
                "p99_us":null,"seconds":0.5,"size":125}
                """
        )
        sample.isSecure = true
        sample.connections = 64
        let line = try sample.jsonLine()
        #expect(line.contains(#""tls":true"#) && line.contains(#""connections":64"#) && !line.contains("text"))
        #expect(try Measurement.parse(line).connections == 64)
    }
}
