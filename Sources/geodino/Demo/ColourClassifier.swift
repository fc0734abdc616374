// What the colour of a pixel alone says of its class: the yardstick of a land-cover map.
#if EARTH
    import Foundation
    import Geo
    import Raster

    /// Quadratic discriminant analysis: each class is a Gaussian of red, green and blue, as frequent as among the labels.
    ///
    /// It sees neither neighbours nor features. What a map gains over it comes from the pixels' surroundings.
    struct ColourClassifier {
        /// What it is called in the report.
        static let name = "quadratic discriminant analysis of RGB"

        /// The colours of a class, summed up.
        private struct Sums {
            var count = 0.0
            var colours = SIMD3<Double>.zero
            /// Rows of the sum of the products of each two bands.
            var products = [SIMD3<Double>](repeating: .zero, count: 3)
        }

        /// The Gaussian of a class.
        private struct Gaussian {
            var mean: SIMD3<Double>
            /// Rows of the inverse of the covariance.
            var inverse: [SIMD3<Double>]
            /// Logarithm of the class's frequency, less half of that of the covariance's determinant.
            var offset: Double
        }

        private let legend: Legend
        /// By class; `nil` for a class without labels.
        private let gaussians: [Gaussian?]

        /// Takes every fourth pixel of every fourth row of labelled images.
        ///
        /// - Parameters:
        ///   - pairs: Images of three 8-bit bands, and rasters of classes.
        ///   - legend: What the rasters' values stand for.
        init(_ pairs: [(image: String, cover: String)], legend: Legend) throws {
            var sums = [Sums](repeating: Sums(), count: legend.classes.count)
            let meanings = legend.meanings
            for pair in pairs {
                let image = try RasterReader(path: pair.image)
                let pixels = try image.read(image.grid.window, bands: [1, 2, 3])
                let labels = try ClassRaster(path: pair.cover).values(onto: image.grid)
                for row in stride(from: 0, to: pixels.height, by: 4) {
                    for column in stride(from: 0, to: pixels.width, by: 4) {
                        let place = row * pixels.width + column
                        guard pixels.isValid(row: row, column: column), labels.validity[place],
                            case .index(let index)? = meanings[.number(Int(labels.values[place]))]
                        else { continue }
                        let colour = Self.colour(pixels, row, column)
                        sums[index].count += 1
                        sums[index].colours += colour
                        for band in 0..<3 { sums[index].products[band] += colour * colour[band] }
                    }
                }
            }
            let total = sums.reduce(0) { $0 + $1.count }
            self.legend = legend
            gaussians = sums.map { $0.count > 0 ? Self.gaussian($0, of: total) : nil }
        }

        /// Classifies an image, and writes its map.
        func map(_ image: String, to path: String) throws {
            let reader = try RasterReader(path: image)
            let pixels = try reader.read(reader.grid.window, bands: [1, 2, 3])
            var ids = [UInt8](repeating: Legend.nodataID, count: pixels.width * pixels.height)
            for row in 0..<pixels.height {
                for column in 0..<pixels.width where pixels.isValid(row: row, column: column) {
                    if let index = index(of: Self.colour(pixels, row, column)) {
                        ids[row * pixels.width + column] = legend.classes[index].id
                    }
                }
            }
            let palette = legend.classes.map {
                RasterFormat.PaletteEntry(index: Int($0.id), colour: $0.colour + [255], name: $0.name)
            }
            try writeRaster(
                PixelBuffer(
                    bands: 1, height: pixels.height, width: pixels.width, samples: .uint8(ids), grid: reader.grid),
                to: path,
                format: RasterFormat(
                    sampleType: .uint8, nodata: Double(Legend.nodataID), bands: [BandInfo(name: "class")],
                    palette: palette))
        }

        /// The most probable class of a colour.
        private func index(of colour: SIMD3<Double>) -> Int? {
            var best: (index: Int, score: Double)?
            for (index, gaussian) in gaussians.enumerated() {
                guard let gaussian else { continue }
                let distance = colour - gaussian.mean
                var square = 0.0
                for band in 0..<3 { square += distance[band] * (gaussian.inverse[band] * distance).sum() }
                let score = gaussian.offset - square / 2
                if best.map({ score > $0.score }) ?? true { best = (index, score) }
            }
            return best?.index
        }

        private static func gaussian(_ sums: Sums, of total: Double) -> Gaussian {
            let mean = sums.colours / sums.count
            var rows = (0..<3).map { sums.products[$0] / sums.count - mean * mean[$0] }
            // A grey level: no class is so uniform that its covariance cannot be inverted.
            for band in 0..<3 { rows[band][band] += 1 }
            func cross(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> SIMD3<Double> {
                SIMD3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)
            }
            let adjugate = [cross(rows[1], rows[2]), cross(rows[2], rows[0]), cross(rows[0], rows[1])]
            let determinant = (rows[0] * adjugate[0]).sum()
            return Gaussian(
                mean: mean, inverse: adjugate.map { $0 / determinant },
                offset: log(sums.count / total) - log(determinant) / 2)
        }

        private static func colour(_ pixels: PixelBuffer, _ row: Int, _ column: Int) -> SIMD3<Double> {
            SIMD3(Double(pixels[0, row, column]), Double(pixels[1, row, column]), Double(pixels[2, row, column]))
        }
    }
#endif
