import FoundationEssentials
import Glibc

/// A `gate-client` under callgrind, which is asked for one measurement after another.
final class Callgrind {
    /// Where callgrind writes; removed at the end.
    private let folder: URL
    private let process: ChildProcess
    private var dumps = 0

    private var log: URL { self.folder.appending(path: "log") }
    private var output: URL { self.folder.appending(path: "out") }

    /// - Parameter program: this program, in a form that valgrind can read: see `strippedProgram`.
    init(program: URL) throws {
        var template = Array("\(FileManager.default.temporaryDirectory.path)/nova-bench-XXXXXX".utf8CString)
        guard let path = mkdtemp(&template) else { throw BenchmarkError(errno: errno, "cannot make a folder") }
        let folder = URL(filePath: String(cString: path))
        self.folder = folder
        // The order in which a dictionary is walked must not differ from run to run.
        setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
        self.process = try ChildProcess(
            // The server comes first where processors are scarce: a client that waits for it reads less at a time.
            executable: "nice",
            arguments: [
                "valgrind",
                // Names in full in each dump: else they are only in that of their first use.
                "--tool=callgrind", "--compress-strings=no", "--callgrind-out-file=\(folder.path)/out",
                "--log-file=\(folder.path)/log",
                program.path, "gate-client",
            ]
        )
    }

    deinit {
        self.process.closeInput()
        _ = self.process.wait()
        try? FileManager.default.removeItem(at: self.folder)
    }

    /// - Parameter profile: where to keep callgrind's profile of the run, for callgrind_annotate; nil for nowhere.
    func measure(_ arguments: [String], profile: URL?) throws -> GateCount {
        guard self.process.writeLine(arguments.joined(separator: " ")), let line = self.process.readLine() else {
            let log = (try? String(contentsOf: self.log, encoding: .utf8)) ?? ""
            let tail = log.split(separator: "\n").suffix(12).joined(separator: "\n")
            throw BenchmarkError("no answer to 'client \(arguments.joined(separator: " "))'; valgrind: \(tail)")
        }
        let reply = try JSONDecoder().decode(GateReply.self, from: Data(line.utf8))
        let few = try self.takeDump(keepingAs: nil)
        let many = try self.takeDump(keepingAs: profile)
        let messages = Double(reply.many - reply.few)
        return GateCount(
            allocations: Double(reply.allocationsOfMany - reply.allocationsOfFew) / messages,
            instructions: Double(many - few) / messages
        )
    }

    /// The instructions of the next dump.
    private func takeDump(keepingAs profile: URL?) throws -> Int {
        self.dumps += 1
        let file = URL(filePath: "\(self.output.path).\(self.dumps)")
        if let profile {
            try? FileManager.default.removeItem(at: profile)
            try FileManager.default.copyItem(at: file, to: profile)
        }
        // Megabytes, of which the last line is the sum.
        let end = String(decoding: try Data(contentsOf: file).suffix(100), as: UTF8.self)
        try FileManager.default.removeItem(at: file)
        guard let line = end.split(separator: "\n").last, line.hasPrefix("totals: "), let count = Int(line.dropFirst(8))
        else { throw BenchmarkError("callgrind's dump has no sum") }
        return count
    }

    /// A copy of this program without its debugging information, of which valgrind 3.19 cannot read the DWARF that Swift 6
    /// writes. The names of functions remain.
    static func strippedProgram(in folder: URL) throws -> URL {
        let copy = folder.appending(path: "nova-bench")
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let process = try ChildProcess(executable: "strip", arguments: ["--strip-debug", "-o", copy.path, own])
        guard process.wait() == 0 else { throw BenchmarkError("strip failed") }
        return copy
    }
}
