import FoundationEssentials

/// Counts what messages cost, against one load server.
final class Gate {
    private let folder: URL
    private let program: URL
    private let server: LoadServerProcess
    private let profiles: URL?
    private var progress: ProgressLine

    /// - Parameters:
    ///   - runs: how many counts there will be, for the progress line.
    ///   - profiles: a folder for callgrind's profile of each row; nil for none.
    init(runs: Int, profiles: URL?) throws {
        self.folder = FileManager.default.temporaryDirectory.appending(path: "nova-bench-gate-\(UUID().uuidString)")
        self.profiles = profiles
        self.progress = ProgressLine(total: runs)
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        if let profiles { try FileManager.default.createDirectory(at: profiles, withIntermediateDirectories: true) }
        self.program = try Callgrind.strippedProgram(in: self.folder)
        self.server = try LoadServerProcess(isSecure: true)
    }

    deinit {
        self.progress.clear()
        self.server.stop()
        try? FileManager.default.removeItem(at: self.folder)
    }

    /// Counts each row, in a process for each contestant; again, while `isOpen`.
    func count(_ rows: [GateRow], while isOpen: (GateRow, [GateCount]) -> Bool) throws -> [GateRow: [GateCount]] {
        var counts: [GateRow: [GateCount]] = [:]
        for (_, rows) in Self.byContestant(rows) {
            let callgrind = try Callgrind(program: self.program)
            for row in rows {
                repeat {
                    self.progress.advance(row.name)
                    counts[row, default: []].append(try self.count(row, callgrind))
                } while isOpen(row, counts[row] ?? [])
            }
        }
        return counts
    }

    private func count(_ row: GateRow, _ callgrind: Callgrind) throws -> GateCount {
        let plan = row.plan
        let secure = plan.isSecure ? self.server.secure : nil
        let arguments =
            [
                row.way, plan.work.rawValue, "--url", secure?.url ?? self.server.url, "--size", String(plan.size),
                "--count", String(plan.count),
            ] + (secure.map { ["--ca", $0.certificate] } ?? [])
        let profile = self.profiles?.appending(path: row.name.replacing(" ", with: "-"))
        return try callgrind.measure(arguments + plan.options, profile: profile)
    }

    /// In the order of the rows.
    private static func byContestant(_ rows: [GateRow]) -> [(contestant: String, rows: [GateRow])] {
        var groups: [(contestant: String, rows: [GateRow])] = []
        for row in rows {
            if groups.last?.contestant == row.contestant {
                groups[groups.count - 1].rows.append(row)
            } else {
                groups.append((row.contestant, [row]))
            }
        }
        return groups
    }
}
