// Writing zip archives whose members are stored as they are, beyond 4 GB where need be.
package import Telemetry

/// Writes members one after the other; their contents begin at multiples of 64 bytes.
///
/// Format: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3. Without `finish` nothing remains.
package final class ZipWriter<Kind: FileFailure> {
    private struct Member {
        let name: [UInt8]
        let offset: Int
        let count: Int
        let checksum: UInt32
    }

    private let file: DurableFile<Kind>
    private var members: [Member] = []
    private static var alignment: Int { 64 }
    private static var full: Int { 0xFFFF_FFFF }

    /// Makes the file under a temporary name.
    package init(path: String) throws(ModuleError<Kind>) { file = try DurableFile<Kind>(path: path) }

    /// Appends a member.
    package func append(_ name: String, _ contents: [UInt8]) throws(ModuleError<Kind>) {
        var failed: ModuleError<Kind>?
        contents.withUnsafeBytes { bytes in
            do throws(ModuleError<Kind>) { try append(name, bytes) } catch { failed = error }
        }
        if let failed { throw failed }
    }

    /// Appends a member.
    package func append(_ name: String, _ contents: UnsafeRawBufferPointer) throws(ModuleError<Kind>) {
        var checksum = CRC32()
        checksum.update(contents)
        let member = Member(
            name: Array(name.utf8), offset: file.count, count: contents.count, checksum: checksum.value)
        members.append(member)
        let wide = contents.count >= Self.full
        var extra = wide ? littleEndian(UInt16(1)) + littleEndian(UInt16(16)) : []
        if wide { extra += littleEndian(member.count) + littleEndian(member.count) }
        // A field of padding, four bytes at least, brings the contents to their place.
        let start = file.count + 30 + member.name.count + extra.count + 4
        let padding = (Self.alignment - start % Self.alignment) % Self.alignment
        extra += littleEndian(UInt16(0x4246)) + littleEndian(UInt16(padding))
        extra += [UInt8](repeating: 0, count: padding)
        var header = littleEndian(UInt32(0x0403_4B50)) + common(member, wide: wide)
        header += littleEndian(UInt16(member.name.count)) + littleEndian(UInt16(extra.count))
        try file.append(header + member.name + extra)
        try file.append(contents)
    }

    /// Writes the directory and gives the file its name.
    package func finish() throws(ModuleError<Kind>) {
        let start = file.count
        for member in members { try file.append(directoryEntry(member)) }
        let size = file.count - start
        if start >= Self.full || members.count >= 0xFFFF {
            let record = file.count
            var end = littleEndian(UInt32(0x0606_4B50)) + littleEndian(UInt64(44))
            end += littleEndian(UInt16(45)) + littleEndian(UInt16(45)) + littleEndian(UInt64(0))
            end += littleEndian(members.count) + littleEndian(members.count)
            end += littleEndian(size) + littleEndian(start)
            end += littleEndian(UInt32(0x0706_4B50)) + littleEndian(UInt32(0)) + littleEndian(record)
            end += littleEndian(UInt32(1))
            try file.append(end)
        }
        let count = UInt16(min(members.count, 0xFFFF))
        var end = littleEndian(UInt32(0x0605_4B50)) + littleEndian(UInt32(0))
        end += littleEndian(count) + littleEndian(count)
        end += littleEndian(UInt32(min(size, Self.full))) + littleEndian(UInt32(min(start, Self.full)))
        end += littleEndian(UInt16(0))
        try file.append(end)
        try file.finish()
    }

    /// What the local and the directory's entry share, from the version to the sizes.
    ///
    /// The date is the format's first day.
    private func common(_ member: Member, wide: Bool) -> [UInt8] {
        let size = UInt32(wide ? Self.full : member.count)
        var bytes = littleEndian(UInt16(wide ? 45 : 20)) + littleEndian(UInt16(0)) + littleEndian(UInt16(0))
        bytes += littleEndian(UInt16(0)) + littleEndian(UInt16(0x21))
        return bytes + littleEndian(member.checksum) + littleEndian(size) + littleEndian(size)
    }

    private func directoryEntry(_ member: Member) -> [UInt8] {
        let wide = member.count >= Self.full
        var fields: [UInt8] = []
        if wide { fields += littleEndian(member.count) + littleEndian(member.count) }
        if member.offset >= Self.full { fields += littleEndian(member.offset) }
        let extra = fields.isEmpty ? [] : littleEndian(UInt16(1)) + littleEndian(UInt16(fields.count)) + fields
        var entry = littleEndian(UInt32(0x0201_4B50)) + littleEndian(UInt16(fields.isEmpty ? 20 : 45))
        entry += common(member, wide: wide)
        entry += littleEndian(UInt16(member.name.count)) + littleEndian(UInt16(extra.count))
        // No comment, first disk, no attributes.
        entry += [UInt8](repeating: 0, count: 10)
        entry += littleEndian(UInt32(min(member.offset, Self.full)))
        return entry + member.name + extra
    }
}
