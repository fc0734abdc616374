// A web server on this machine alone: files behind a token, without HEAD, or no answer at all.
import Foundation
import Raster
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Runs with a rule of when remote files are no longer waited for; one test at a time, since the rule is the whole process's.
public func stoppingToWait<Value>(
    grace: Double, when asked: @escaping @Sendable (String) -> Bool, _ body: () throws -> Value
) rethrows -> Value {
    onlyOne.lock()
    GDAL.stopWaiting(grace: grace, when: asked)
    defer {
        GDAL.stopWaiting(when: nil)
        onlyOne.unlock()
    }
    return try body()
}

private let onlyOne = NSLock()

/// Serves the files of a folder on 127.0.0.1, over as many connections as are made, until it is stopped.
public final class FileServer: Sendable {
    /// How it answers.
    public struct Behaviour: Sendable {
        /// What the parameter `token` must be, decoded; 403 else.
        public var token: String?
        /// Whether HEAD is answered; 403 else, as signed addresses do.
        public var allowsHead = true
        /// The ETag of every file.
        public var entityTag: String?
        /// Requests for bytes from here on are never answered, even if they begin before; 0 answers nothing at all.
        public var silentFrom: Int?

        /// A server that answers everything.
        public init() {}
    }

    /// The port it listens on.
    public let port: Int
    private let folder: String
    private let listener: Int32
    private let state = Mutex(State())

    private struct State {
        var behaviour = Behaviour()
        var requests: [String] = []
        var connections: [Int32] = []
        var isStopped = false
        var silent = 0
    }

    /// Starts a server, on a port of its own or on one that another server had.
    public init(folder: String, port: Int = 0, _ behaviour: Behaviour = Behaviour()) throws {
        self.folder = folder
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        var yes: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(listener, generic, length) == 0 && listen(listener, 64) == 0
                    && getsockname(listener, generic, &length) == 0
            }
        }
        guard listener >= 0, bound else {
            let reason = String(cString: strerror(errno))
            throw CocoaError(.fileReadUnknown, userInfo: [NSLocalizedDescriptionKey: "no test server: \(reason)"])
        }
        self.port = Int(UInt16(bigEndian: address.sin_port))
        state.withLock { $0.behaviour = behaviour }
        Thread.detachNewThread { self.accept() }
    }

    deinit { stop() }

    /// The address of a file, with what follows it: `?token=...`.
    public func address(_ name: String, _ query: String = "") -> String { "http://127.0.0.1:\(port)/\(name)\(query)" }

    /// How it answers from now on.
    public func behave(_ change: (inout Behaviour) -> Void) { state.withLock { change(&$0.behaviour) } }

    /// Method, target and range of every request so far.
    public var requests: [String] { state.withLock { $0.requests } }

    /// Number of requests that wait for an answer that will not come.
    public var silentRequests: Int { state.withLock { $0.silent } }

    /// Closes all connections.
    public func stop() {
        let connections = state.withLock { state -> [Int32] in
            guard !state.isStopped else { return [] }
            state.isStopped = true
            defer { state.connections = [] }
            return state.connections + [listener]
        }
        for connection in connections {
            shutdown(connection, Int32(SHUT_RDWR))
            if connection == listener { close(connection) }
        }
    }

    private func accept() {
        while true {
            let connection = Glibc.accept(listener, nil, nil)
            guard connection >= 0 else { return }
            let isStopped = state.withLock { state in
                if !state.isStopped { state.connections.append(connection) }
                return state.isStopped
            }
            if isStopped {
                close(connection)
                return
            }
            Thread.detachNewThread {
                self.serve(connection)
                self.state.withLock { $0.connections.removeAll { $0 == connection } }
                close(connection)
            }
        }
    }

    private func serve(_ connection: Int32) {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        let end = Array("\r\n\r\n".utf8)
        while true {
            while let place = received.firstRange(of: end) {
                let head = String(decoding: received[..<place.lowerBound], as: UTF8.self)
                received.removeSubrange(..<place.upperBound)
                guard answer(head, connection) else { return }
            }
            let count = read(connection, &buffer, buffer.count)
            guard count > 0 else { return }
            received += buffer[..<count]
        }
    }

    /// Answers a request; `false` ends the connection.
    private func answer(_ head: String, _ connection: Int32) -> Bool {
        let lines = head.components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ").map(String.init)
        guard words.count == 3 else { return false }
        let range = lines.first { $0.lowercased().hasPrefix("range: bytes=") }?.dropFirst("range: bytes=".count)
        let wanted = (range ?? "").split(separator: "-").map { Int($0) ?? 0 }
        let behaviour = state.withLock { state in
            state.requests.append("\(words[0]) \(words[1]) \(range ?? "")")
            return state.behaviour
        }
        if let silentFrom = behaviour.silentFrom, wanted.max() ?? 0 >= silentFrom {
            state.withLock { $0.silent += 1 }
            // Until whoever asked goes away, or the server is stopped.
            var byte: UInt8 = 0
            while read(connection, &byte, 1) > 0 {}
            return false
        }
        let parts = words[1].split(separator: "?", maxSplits: 1).map(String.init)
        let parameters = (parts.count > 1 ? parts[1] : "").split(separator: "&")
        let token = parameters.first { $0.hasPrefix("token=") }?.dropFirst(6).removingPercentEncoding
        func send(_ code: String, _ body: Data = Data(), _ headers: [String] = []) -> Bool {
            let head = ["HTTP/1.1 \(code)", "Content-Length: \(body.count)"] + headers + ["", ""]
            var bytes = [UInt8](head.joined(separator: "\r\n").utf8)
            if words[0] != "HEAD" { bytes += body }
            var sent = 0
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes {
                    Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }
        if let wanted = behaviour.token, wanted != token { return send("403 Forbidden") }
        if words[0] == "HEAD", !behaviour.allowsHead { return send("403 Forbidden") }
        let path = folder + (parts[0].removingPercentEncoding ?? parts[0])
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue,
            let data = FileManager.default.contents(atPath: path)
        else { return send("404 Not Found") }
        var headers = ["Accept-Ranges: bytes"]
        if let tag = behaviour.entityTag { headers.append("ETag: \"\(tag)\"") }
        guard let first = wanted.first, range != nil else { return send("200 OK", data, headers) }
        guard first < data.count else { return send("416 Range Not Satisfiable") }
        let last = min(wanted.count > 1 ? wanted[1] : data.count - 1, data.count - 1)
        headers.append("Content-Range: bytes \(first)-\(last)/\(data.count)")
        return send("206 Partial Content", data[first...last], headers)
    }
}
