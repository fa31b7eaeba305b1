import Glibc
import TestSupport
import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("Files of histories")
struct ExportDirectoryTests {
    private let trace = ConnectionTrace(host: "example.com", port: 443, traceID: "t", startedAt: 1)

    private func refusal(_ path: String, in directory: String = "exports/") -> WebSocketError? {
        do throws(WebSocketError) {
            _ = try ExportPath(path, in: directory, workingDirectory: "/home/user")
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "F86: paths below the export directory that end in .json are taken",
        arguments: [
            ("exports/a.json", "exports/", ["a.json"]), ("./exports//b/./a.json", "exports", ["b", "a.json"]),
            ("/home/user/exports/a.json", "exports", ["a.json"]), ("exports/a..b.json", "./exports/", ["a..b.json"]),
            ("x/exports/a.json", "/home/user/x/exports", ["a.json"]), ("exports/.json", "exports", [".json"]),
        ]
    )
    func safe(path: String, directory: String, components: [String]) throws {
        let place = try ExportPath(path, in: directory, workingDirectory: "/home/user")
        #expect(place.components == components)
        #expect(place.directory.starts(with: ["home", "user"]) && place.directory.last == "exports")
    }

    @Test(
        "F86: every other path is refused as unsafe_path, by name",
        arguments: [
            "", ".json", "a.json", "/etc/a.json", "exports/../a.json", "exports/b/../a.json", "../exports/a.json",
            "exports/a.txt", "exports/a.json/", "exports/a.json/..", "exports", "exports.json", "exports2/a.json",
            "exports/a.JSON", "exports/a.json\u{301}", "exports/a.json\0.json", "/exports/a.json",
            "other/exports/a.json",
        ]
    )
    func unsafe(path: String) {
        let error = self.refusal(path)
        #expect(error?.code == .unsafePath)
        #expect(error?.message.contains("\"\(path.printable)\"") == true)
    }

    @Test("F86: an export directory that is empty or goes up takes nothing", arguments: ["", "../exports", "a/../b"])
    func badDirectory(directory: String) {
        #expect(self.refusal("\(directory)/a.json", in: directory)?.code == .unsafePath)
    }

    @Test("F86: a history is written where it was asked for, for the owner only, and nothing is left beside it")
    func write() async throws {
        try await TemporaryDirectory.with { root in
            let exports = ExportDirectory("\(root)/made/exports")
            let path = "\(root)/made/exports/deep/er/a.json"
            try await exports.write(self.trace, to: path)
            #expect(try TemporaryDirectory.text(path) == self.trace.json())
            #expect(TemporaryDirectory.mode(path) == 0o600)
            #expect(TemporaryDirectory.mode("\(root)/made/exports/deep") == 0o700)
            var other = self.trace
            other.host = "example.org"
            try await exports.write(other, to: path)
            #expect(try TemporaryDirectory.text(path) == other.json())
            #expect(TemporaryDirectory.names("\(root)/made/exports/deep/er") == ["a.json"])
        }
    }

    @Test("F86: a symbolic link on the way is refused as unsafe_path, and what it leads to is untouched")
    func linkedDirectory() async throws {
        try await TemporaryDirectory.with { root in
            mkdir("\(root)/exports", 0o700)
            mkdir("\(root)/outside", 0o700)
            symlink("\(root)/outside", "\(root)/exports/link")
            let path = "\(root)/exports/link/a.json"
            let error = await #expect(throws: WebSocketError.self) {
                try await ExportDirectory("\(root)/exports").write(self.trace, to: path)
            }
            #expect(error?.code == .unsafePath && error?.message.contains(path) == true)
            #expect(TemporaryDirectory.names("\(root)/outside").isEmpty)
        }
    }

    @Test("F86: a symbolic link in the file's place is replaced and not followed")
    func linkedFile() async throws {
        try await TemporaryDirectory.with { root in
            mkdir("\(root)/exports", 0o700)
            let outside = "\(root)/outside.json"
            try TemporaryDirectory.put("kept", outside)
            symlink(outside, "\(root)/exports/a.json")
            try await ExportDirectory("\(root)/exports").write(self.trace, to: "\(root)/exports/a.json")
            #expect(try TemporaryDirectory.text(outside) == "kept")
            #expect(try TemporaryDirectory.text("\(root)/exports/a.json") == self.trace.json())
        }
    }

    @Test("F86: a directory that is exchanged for a link meanwhile leads nowhere")
    func race() async throws {
        try await TemporaryDirectory.with { root in
            for name in ["exports", "outside"] { mkdir("\(root)/\(name)", 0o700) }
            let (exports, trace) = (ExportDirectory("\(root)/exports"), self.trace)
            let isDone = Locked(false)
            async let exchanging: Void = Task.detached {
                var round = 0
                while !isDone.value {
                    // The writer makes the directory, which goes aside; a link is in its place for a moment.
                    rename("\(root)/exports/day", "\(root)/exports/aside-\(round)")
                    symlink("\(root)/outside", "\(root)/exports/day")
                    unlink("\(root)/exports/day")
                    round += 1
                }
            }.value
            var outcomes: [WebSocketError.Code?: Int] = [:]
            for _ in 0..<300 {
                do throws(WebSocketError) {
                    try await exports.write(trace, to: "\(root)/exports/day/a.json")
                    outcomes[nil, default: 0] += 1
                } catch {
                    outcomes[error.code, default: 0] += 1
                }
            }
            isDone.value = true
            await exchanging
            // The last one where the directory went between its making and its opening.
            #expect(Set(outcomes.keys).isSubset(of: [nil, .unsafePath, .exportFailed]), "\(outcomes)")
            #expect(TemporaryDirectory.names("\(root)/outside").isEmpty)
        }
    }

    @Test("F86: what the system refuses is told with its reason, and nothing is left behind")
    func refused() async throws {
        try await TemporaryDirectory.with { root in
            mkdir("\(root)/exports", 0o700)
            mkdir("\(root)/exports/a.json", 0o700)
            let error = await #expect(throws: WebSocketError.self) {
                try await ExportDirectory("\(root)/exports").write(self.trace, to: "\(root)/exports/a.json")
            }
            #expect(error?.code == .exportFailed && error?.message.contains("directory") == true)
            #expect(TemporaryDirectory.names("\(root)/exports") == ["a.json"])
            let long = "\(root)/exports/\(String(repeating: "n", count: 300)).json"
            let tooLong = await #expect(throws: WebSocketError.self) {
                try await ExportDirectory("\(root)/exports").write(self.trace, to: long)
            }
            #expect(tooLong?.code == .exportFailed)
            #expect(TemporaryDirectory.names("\(root)/exports") == ["a.json"])
        }
    }

    @Test("F86: many writers of one file leave a whole one")
    func manyWriters() async throws {
        try await TemporaryDirectory.with { root in
            let (exports, trace) = (ExportDirectory("\(root)/exports"), self.trace)
            await withDiscardingTaskGroup { group in
                for _ in 0..<50 {
                    group.addTask {
                        await #expect(throws: Never.self) {
                            try await exports.write(trace, to: "\(root)/exports/a.json")
                        }
                    }
                }
            }
            let (written, whole) = (try TemporaryDirectory.text("\(root)/exports/a.json"), try trace.json())
            #expect(written == whole)
            #expect(TemporaryDirectory.names("\(root)/exports") == ["a.json"])
        }
    }
}
