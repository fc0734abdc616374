// Sun and sky: cast shadows, shading from the surface model, and how much sky a place sees.
import Geo

#if canImport(Glibc)
    import Glibc
#endif

/// How light falls on a block.
struct Light {
    /// Share of the direct sun that reaches the pixel, 0 in full shadow.
    let direct: Plane<Float>
    /// Share of the sky that is seen, about 0.35 to 1.
    let sky: Plane<Float>
    /// Upper surface of everything, metres.
    let surface: Plane<Float>
}

extension Block {
    /// Finds where sun and sky reach.
    func light() -> Light {
        let surface = Plane<Float>(width: width, height: height, filledWith: 0)
        for index in 0..<width * height {
            surface.values[index] = elevation.values[index] + objectHeight.values[index]
        }
        return Light(direct: castShadows(on: surface), sky: openSky(), surface: surface)
    }

    /// Marches from every pixel towards the sun until something stands in the way or nothing can any more.
    private func castShadows(on surface: Plane<Float>) -> Plane<Float> {
        let gsd = landscape.gsd
        let sun = landscape.conditions.sun
        let across = (sun.x * sun.x + sun.y * sun.y).squareRoot()
        let steps = Int(Self.margin / gsd)
        // One pixel per step along the sun's azimuth; the ray rises by the same amount each time.
        let direction = SIMD2(sun.x, sun.y) / across
        let rise = gsd * sun.z / across
        let columns = UnsafeMutablePointer<Int>.allocate(capacity: steps + 1)
        let rows = UnsafeMutablePointer<Int>.allocate(capacity: steps + 1)
        let offsets = UnsafeMutablePointer<Int>.allocate(capacity: steps + 1)
        defer {
            columns.deallocate()
            rows.deallocate()
            offsets.deallocate()
        }
        for step in 0...steps {
            columns[step] = Int((direction.x * Float(step)).rounded())
            rows[step] = Int((direction.y * Float(step)).rounded())
            offsets[step] = rows[step] * width + columns[step]
        }
        /// How many steps stay inside when the coordinate may still move so far.
        func reach(_ room: Int, _ table: UnsafeMutablePointer<Int>) -> Int {
            var last = steps
            while last > 0, abs(table[last]) > room { last -= 1 }
            return last
        }
        let rowReach = (0..<height).map { reach(direction.y < 0 ? $0 : height - 1 - $0, rows) }
        let columnReach = (0..<width).map { reach(direction.x < 0 ? $0 : width - 1 - $0, columns) }
        let ceiling = ceilings(of: surface)
        let penumbra: Float = 0.8
        let direct = Plane<Float>(width: width, height: height, filledWith: 1)
        columnReach.withUnsafeBufferPointer { columnReach in
            for row in 0..<height {
                let rowCeilings = ceiling.values + (row / Self.tile) * ceiling.width
                for column in 0..<width {
                    let index = row &* width &+ column
                    let here = surface.values[index] + 0.15
                    let room = rowCeilings[column / Self.tile] - here
                    let useful = Int(room / rise) + 1
                    let last = min(useful, min(rowReach[row], columnReach[column]))
                    var cover: Float = 0
                    var ray = here
                    var step = 1
                    while step <= last {
                        ray += rise
                        let above = surface.values[index &+ offsets[step]] - ray
                        if above > cover {
                            cover = above
                            if cover >= penumbra { break }
                        }
                        step &+= 1
                    }
                    direct.values[index] = 1 - min(1, cover / penumbra)
                }
            }
        }
        return direct
    }

    private static let tile = 16

    /// The highest surface within the margin of each tile of 16 x 16 pixels: where a ray may stop.
    private func ceilings(of surface: Plane<Float>) -> Plane<Float> {
        let columns = (width + Self.tile - 1) / Self.tile
        let rows = (height + Self.tile - 1) / Self.tile
        let highest = Plane<Float>(width: columns, height: rows, filledWith: -.infinity)
        for row in 0..<height {
            let line = highest.values + (row / Self.tile) * columns
            for column in 0..<width {
                let tile = column / Self.tile
                line[tile] = max(line[tile], surface.values[row &* width &+ column])
            }
        }
        let reach = Int(Self.margin / landscape.gsd) / Self.tile + 1
        // A square maximum, one direction after the other.
        let wide = Plane<Float>(width: columns, height: rows, filledWith: -.infinity)
        for row in 0..<rows {
            for column in 0..<columns {
                var value = -Float.infinity
                for other in max(0, column - reach)...min(columns - 1, column + reach) {
                    value = max(value, highest[row, other])
                }
                wide[row, column] = value
            }
        }
        for row in 0..<rows {
            for column in 0..<columns {
                var value = -Float.infinity
                for other in max(0, row - reach)...min(rows - 1, row + reach) {
                    value = max(value, wide[other, column])
                }
                highest[row, column] = value
            }
        }
        return highest
    }

    /// The sky seen from below the surroundings' mean surface, within about 3 m.
    ///
    /// Darkening stops at 5 m of depth, so that gaps in tall forest are as dark as gaps in low forest.
    private func openSky() -> Plane<Float> {
        let mean = blurred(objectHeight, radius: max(1, Int((2.4 / landscape.gsd).rounded())))
        for index in 0..<width * height {
            let depth = mean.values[index] - objectHeight.values[index]
            mean.values[index] = 1 - 0.6 * min(1, max(0, depth / 5))
        }
        return mean
    }

    /// The mean over a square window; at the edges over the part that is inside, about.
    private func blurred(_ plane: Plane<Float>, radius: Int) -> Plane<Float> {
        let rowMeans = Plane<Float>(width: width, height: height, filledWith: 0)
        let scale = 1 / Float(2 * radius + 1)
        for row in 0..<height {
            let line = plane.values + row * width
            var sum: Float = 0
            for offset in -radius...radius { sum += line[min(width - 1, max(0, offset))] }
            for column in 0..<width {
                rowMeans.values[row &* width &+ column] = sum * scale
                sum += line[min(width - 1, column + radius + 1)] - line[max(0, column - radius)]
            }
        }
        let means = Plane<Float>(width: width, height: height, filledWith: 0)
        let sums = Plane<Float>(width: width, height: 1, filledWith: 0)
        for offset in -radius...radius {
            let line = rowMeans.values + min(height - 1, max(0, offset)) * width
            for column in 0..<width { sums.values[column] += line[column] }
        }
        for row in 0..<height {
            let enter = rowMeans.values + min(height - 1, row + radius + 1) * width
            let leave = rowMeans.values + max(0, row - radius) * width
            let out = means.values + row * width
            for column in 0..<width {
                out[column] = sums.values[column] * scale
                sums.values[column] += enter[column] - leave[column]
            }
        }
        return means
    }
}
