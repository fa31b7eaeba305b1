import FoundationEssentials
import Glibc

/// The load server in a process of its own, so that only the client's CPU time is measured.
final class LoadServerProcess {
    /// The first that the server names: in the clear, but for a crowd with TLS.
    let url: String
    /// In which `secure` has the certificate to trust.
    private let certificate: String?
    /// With `isSecure`: the same server with TLS.
    let secure: Race.SecureServer?
    private let process: ChildProcess

    var pid: pid_t { self.process.pid }

    /// - Parameters:
    ///   - program: `nova-bench`.
    ///   - isSecure: also listens with TLS, and says so in a second line.
    init(program: String = ChildProcess.ownProgram, arguments: [String] = [], isSecure: Bool = false) throws {
        let certificate = isSecure ? Self.temporaryPath("load.pem") : nil
        let tls = certificate.map { ["--tls", $0] } ?? []
        self.process = try ChildProcess(
            executable: program,
            arguments: ["serve", "--until-end-of-input"] + arguments + tls
        )
        self.certificate = certificate
        guard let url = self.process.readLine() else { throw BenchmarkError("the load server did not start") }
        self.url = url
        if let certificate {
            guard let url = self.process.readLine() else { throw BenchmarkError("the load server has no TLS") }
            self.secure = Race.SecureServer(url: url, certificate: certificate)
        } else {
            self.secure = nil
        }
    }

    func stop() {
        self.process.closeInput()
        _ = self.process.wait()
        if let certificate { unlink(certificate) }
    }

    static func temporaryPath(_ name: String) -> String {
        FileManager.default.temporaryDirectory.appending(path: "nova-bench-\(getpid())-\(name)").path
    }
}
