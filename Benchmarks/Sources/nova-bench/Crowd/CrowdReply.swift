import FoundationEssentials

/// What a `crowd-client` answers to one command, as one line of JSON.
struct CrowdReply: Codable, Sendable {
    var steps: [CrowdMeasurement.Step]?
    var residentKilobytes: Int?
    var roundTrips: CrowdMeasurement.RoundTrips?
    var shutdownSeconds: Double?

    func jsonLine() throws -> String { String(decoding: try JSONEncoder().encode(self), as: UTF8.self) }

    static func parse(_ line: String) throws -> CrowdReply {
        try JSONDecoder().decode(Self.self, from: Data(line.utf8))
    }
}
