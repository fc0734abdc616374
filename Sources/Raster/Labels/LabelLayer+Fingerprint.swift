// What names the content of a layer of labels.
internal import Files
internal import Geo

extension LabelLayer {
    /// A hash of all labels as they were read: values and coordinates, whatever files they came from.
    public func fingerprint() -> String {
        var hash = SHA256()
        func add(_ numbers: [Double]) {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(8 * numbers.count)
            for number in numbers {
                withUnsafeBytes(of: number.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
            }
            hash.update(bytes)
        }
        func add(_ points: Outline) { add([Double(points.count)] + points.flatMap { [$0.x, $0.y] }) }
        hash.update(Array("\(crs.definition);".utf8))
        for shape in shapes {
            hash.update(Array("\(numbered[shape.value]);".utf8))
            switch shape.form {
            case .polygon(let rings):
                add([0, Double(rings.count)])
                for ring in rings { add(ring) }
            case .line(let points):
                add([1])
                add(points)
            case .point(let x, let y): add([2, x, y])
            case .band(let band):
                add([3, band.from.x, band.from.y, band.to.x, band.to.y, band.across.x, band.across.y])
            }
        }
        return hash.finalize()
    }
}
