import FoundationEssentials
import Glibc

/// Starts the small programs in turns: one that is linked with the library, the same with the Swift runtime linked into it
/// if that has been built, and the plain C client's.
struct StartupRace {
    private struct Program {
        var name: String
        var path: String
        var arguments: [String]
    }

    var rounds: Int
    var url: String

    func run() throws -> [StartupMeasurement] {
        let programs = try self.programs()
        var progress = ProgressLine(total: self.rounds)
        defer { progress.clear() }
        var results = programs.map {
            StartupMeasurement(
                name: $0.name,
                echoMilliseconds: [],
                exitMilliseconds: [],
                fileBytes: Self.size(of: $0.path) ?? 0,
                strippedBytes: Self.strippedSize(of: $0.path)
            )
        }
        // Files are read into memory.
        for program in programs { _ = try Self.time(program, isEcho: true) }
        for round in 1...self.rounds {
            progress.advance("start of a program, round \(round)")
            for (index, program) in programs.enumerated() {
                results[index].echoMilliseconds.append(try Self.time(program, isEcho: true))
                results[index].exitMilliseconds.append(try Self.time(program, isEcho: false))
            }
        }
        return results
    }

    /// They lie beside this one.
    private func programs() throws -> [Program] {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let folder = URL(filePath: own).deletingLastPathComponent()
        let server = try ServerURL(self.url)
        let echo = "\(server.origin)/echo"
        // .build/TRIPLE/release beside .build-static/TRIPLE/release.
        let package = folder.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let isStatic = package.appending(path: ".build-static/release/startup").path
        let programs = [
            Program(
                name: "c",
                path: folder.appending(path: "startup-c").path,
                arguments: [server.host, String(server.port)]
            ),
            Program(name: "nova", path: folder.appending(path: "startup").path, arguments: [echo]),
            Program(name: "nova-static", path: isStatic, arguments: [echo]),
        ]
        for program in programs.prefix(2) where Self.size(of: program.path) == nil {
            throw BenchmarkError("\(program.path) has not been built")
        }
        return programs.filter { Self.size(of: $0.path) != nil }
    }

    private static func time(_ program: Program, isEcho: Bool) throws -> Double {
        let start = monotonicNanoseconds()
        let process = try ChildProcess(executable: program.path, arguments: isEcho ? program.arguments : [])
        let line = isEcho ? process.readLine() : nil
        let echoed = monotonicNanoseconds()
        process.closeInput()
        let status = process.wait()
        guard status == 0, !isEcho || line == "ok" else {
            throw BenchmarkError("\(program.path): exit status \(status)")
        }
        let end = isEcho ? echoed : monotonicNanoseconds()
        return Statistics.rounded(Double(end - start) / 1e6, places: 3)
    }

    private static func size(of path: String) -> Int? {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : nil
    }

    private static func strippedSize(of path: String) -> Int? {
        let copy = LoadServerProcess.temporaryPath("stripped")
        defer { unlink(copy) }
        guard let strip = try? ChildProcess(executable: "strip", arguments: ["-o", copy, path]) else { return nil }
        return strip.wait() == 0 ? self.size(of: copy) : nil
    }
}
