// Files that appear whole or not at all, and the locks of folders.
import Files
import Foundation
import Telemetry
import Testing

private typealias Whole = DurableFile<FilesFailure>
private typealias Lock = FolderLock<FilesFailure>

/// A folder that goes with its object.
private final class Folder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("files-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var names: [String] { fileNames(in: path) }
}

struct DurableFileTests {
    @Test func `a file has its name only when it is whole, and its hash is that of its bytes`() throws {
        let folder = try Folder()
        let path = folder.path + "/a"
        let file = try Whole(path: path, hashing: true)
        try file.append(Array("hello ".utf8))
        #expect(!fileExists(path) && folder.names.count == 1)
        try file.append(Array("world".utf8))
        let hash = try file.finish()
        #expect(folder.names == ["a"] && hash == SHA256.hex(of: Array("hello world".utf8)))
        #expect(try hash == SHA256.hex(ofFile: path))
        // Bytes out of order have no running hash.
        let other = try Whole(path: path, hashing: true)
        try other.reserve(4)
        try Array("abcd".utf8).withUnsafeBytes { try other.replace(at: 0, with: $0) }
        #expect(try other.finish() == nil)
        #expect(try Disk<FilesFailure>.read(path) == Array("abcd".utf8))
        #expect(throws: FilesError.self) { try other.append([1]) }
    }

    @Test func `without an end nothing remains`() throws {
        let folder = try Folder()
        do {
            let file = try Whole(path: folder.path + "/a")
            try file.append([1, 2, 3])
        }
        #expect(folder.names.isEmpty)
        let error = try #require(throws: FilesError.self) { try Whole(path: folder.path + "/no/a") }
        #expect(error.code == .writeFailed && error.place == folder.path + "/no/a")
    }

    @Test func `a full disk is its own kind`() {
        let full = FilesError.writing("cannot write the file", "a", ENOSPC)
        #expect(full.code == .diskFull && full.remedy == "free space on the disk")
        let other = FilesError.writing("cannot write the file", "a", EACCES)
        #expect(other.code == .writeFailed && other.remedy == nil && other.causes == ["Permission denied"])
    }

    @Test func `texts are replaced whole, and what a killed process left is written over`() throws {
        let folder = try Folder()
        let path = folder.path + "/recipe.json"
        try Data("half".utf8).write(to: URL(fileURLWithPath: path + ".partial"))
        try Disk<FilesFailure>.write("one", to: path)
        try Disk<FilesFailure>.write("two", to: path)
        #expect(folder.names == ["recipe.json"])
        #expect(try Disk<FilesFailure>.read(path) == Array("two".utf8))
        let error = try #require(throws: FilesError.self) { try Disk<FilesFailure>.read(folder.path + "/none") }
        #expect(error.code == .notFound)
    }

    @Test(arguments: [("a", "."), ("/a", "/"), ("x/a/", "x"), ("x/y/a", "x/y")])
    func `the folder of a path`(path: String, folder: String) {
        #expect(parentFolder(path) == folder)
    }
}

struct FolderLockTests {
    @Test(arguments: [true, false])
    func `one writer holds a folder, and the next one takes it over`(isRemoved: Bool) throws {
        let folder = try Folder()
        func take() throws -> Lock {
            try Lock(folder: folder.path, name: "lock", what: "run", isRemoved: isRemoved)
        }
        var first: Lock? = try take()
        let error = try #require(throws: FilesError.self) { try take() }
        #expect(
            error.code == .locked
                && error.causes == ["it is process \(getpid()) on \(ProcessInfo.processInfo.hostName)"])
        func ask() throws { try Lock.refuseHeld(folder: folder.path, name: "lock", what: "run") }
        #expect(try #require(throws: FilesError.self) { try ask() }.causes == error.causes)
        withExtendedLifetime(first) {}
        first = nil
        #expect(folder.names == (isRemoved ? [] : ["lock"]))
        try ask()
        #expect(folder.names == (isRemoved ? [] : ["lock"]), "to ask takes no lock")
        _ = try take()
    }

    @Test func `a lock that is released is free, whoever has a copy of its descriptor`() throws {
        let folder = try Folder()
        var first: Lock? = try Lock(folder: folder.path, name: "lock", what: "run", isRemoved: false)
        // As a program that another thread is about to start.
        let copies = (3..<1024).filter { descriptor in
            var open = stat()
            var named = stat()
            return fstat(Int32(descriptor), &open) == 0 && stat(folder.path + "/lock", &named) == 0
                && open.st_ino == named.st_ino && open.st_dev == named.st_dev
        }.map { dup(Int32($0)) }
        defer { copies.forEach { close($0) } }
        #expect(!copies.isEmpty)
        withExtendedLifetime(first) {}
        first = nil
        _ = try Lock(folder: folder.path, name: "lock", what: "run", isRemoved: false)
    }

    @Test func `the lock of another machine is taken over only where it would have gone with its owner`() throws {
        let folder = try Folder()
        try Data("process 1 on elsewhere\n".utf8).write(to: URL(fileURLWithPath: folder.path + "/lock"))
        let error = try #require(throws: FilesError.self) {
            try Lock(folder: folder.path, name: "lock", what: "corpus", isRemoved: true)
        }
        #expect(error.code == .locked && error.remedy?.contains("remove '\(folder.path)/lock'") == true)
        #expect(folder.names == ["lock"])
        _ = try Lock(folder: folder.path, name: "lock", what: "run", isRemoved: false)
    }
}
