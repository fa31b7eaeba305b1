import FoundationEssentials
import Glibc

/// On what it was measured.
struct Machine: Codable, Sendable, Equatable {
    var processor: String
    var processors: Int
    var memoryMegabytes: Int
    var kernel: String
    var system: String

    enum CodingKeys: String, CodingKey {
        case processor, processors, kernel, system
        case memoryMegabytes = "memory_mb"
    }

    static var current: Machine {
        var names = utsname()
        uname(&names)
        let kernel = withUnsafeBytes(of: &names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let pages = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
        return Machine(
            processor: Self.value(of: "model name", in: "/proc/cpuinfo", separator: ":") ?? "unknown",
            processors: sysconf(Int32(_SC_NPROCESSORS_ONLN)),
            memoryMegabytes: pages >> 20,
            kernel: kernel,
            system: Self.value(of: "PRETTY_NAME", in: "/etc/os-release", separator: "=") ?? "unknown"
        )
    }

    private static func value(of name: String, in path: String, separator: Character) -> String? {
        let text = (try? String(contentsOf: URL(filePath: path), encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
        let value = line?.split(separator: separator, maxSplits: 1).last?.drop { $0 == " " }
        return value.map { String($0.filter { $0 != "\"" }) }
    }
}

/// Of what it was measured.
struct Versions: Codable, Sendable, Equatable {
    /// The commit, or the tag and how far behind it.
    var library: String
    var swift: String
    var libwebsockets: String
    var openSSL: String

    enum CodingKeys: String, CodingKey {
        case library, swift, libwebsockets
        case openSSL = "openssl"
    }

    static var current: Versions {
        // The program lies within the working tree that it was built from.
        let folder = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "."
        let git = [
            "-C", URL(filePath: folder).deletingLastPathComponent().path, "describe", "--always", "--dirty", "--tags",
        ]
        let swift = ChildProcess.firstLine(of: "swift", ["--version"])
        return Versions(
            library: ChildProcess.firstLine(of: "git", git) ?? "unknown",
            swift: swift.flatMap { Self.version(in: $0, after: "Swift version") } ?? "unknown",
            libwebsockets: Self.libwebsockets ?? "unknown",
            openSSL: Self.openSSLText.flatMap { Self.version(in: $0, after: "OpenSSL") } ?? "unknown"
        )
    }

    static func version(in text: String, after words: String) -> String? {
        guard let range = text.firstRange(of: words) else { return nil }
        return text[range.upperBound...].split(separator: " ").first.map(String.init)
    }

    // Asked of the libraries that are loaded; the headers that were compiled against may be others.

    private static var libwebsockets: String? {
        typealias Function = @convention(c) () -> UnsafePointer<CChar>?
        guard let symbol = dlsym(nil, "lws_get_library_version") else { return nil }
        let text = unsafeBitCast(symbol, to: Function.self)().map { String(cString: $0) }
        return text?.split(separator: "-").first.map(String.init)
    }

    private static var openSSLText: String? {
        typealias Function = @convention(c) (CInt) -> UnsafePointer<CChar>?
        guard let symbol = dlsym(nil, "OpenSSL_version") else { return nil }
        return unsafeBitCast(symbol, to: Function.self)(0).map { String(cString: $0) }
    }
}
