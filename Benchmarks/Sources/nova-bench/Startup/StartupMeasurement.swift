/// What it takes to start a small program and to have it installed.
struct StartupMeasurement: Codable, Sendable {
    /// `c`, `nova`, or `nova-static`.
    var name: String
    /// From the start of the process to the first echo, in milliseconds, round by round.
    var echoMilliseconds: [Double]
    /// From the start to the end of the process that does nothing.
    var exitMilliseconds: [Double]
    var fileBytes: Int
    /// Without symbols; nil where there is no `strip`.
    var strippedBytes: Int?

    enum CodingKeys: String, CodingKey {
        case name
        case echoMilliseconds = "first_echo_ms"
        case exitMilliseconds = "exit_ms"
        case fileBytes = "file_bytes"
        case strippedBytes = "stripped_bytes"
    }
}
