// The lowest layer of a block: elevation, ground, forest stands, and the distance to the next road.
internal import Geo

extension Block {
    /// Decides elevation, ground and forest stand of every pixel.
    func layGround() {
        let place = landscape
        stampRoads()
        let bareNoise = place.bare.plane(over: window)
        let forestNoise = place.forest.plane(over: window)
        let settlementNoise = place.settlement.plane(over: window)
        let warpX = place.warpX.plane(over: window)
        let warpY = place.warpY.plane(over: window)
        let warp = 7 / place.gsd
        for row in 0..<height {
            for column in 0..<width {
                let index = row &* width &+ column
                let level = elevation.values[index]
                let x = Float(window.column + column)
                let y = Float(window.row + row)
                let wx = x + warp * warpX.values[index]
                let wy = y + warp * warpY.values[index]
                elevation.values[index] = place.metres(level)
                let depth = (level - place.waterThreshold) * place.relief
                var kind: Ground
                if roadDistance.values[index] == 0 {
                    kind = .road
                } else if depth < 0 {
                    kind = .water
                    // The depth shows in the water's colour.
                    texture.values[index] = depth
                } else if depth < 0.35 {
                    kind = .shore
                } else if settlementNoise.values[index] > place.settlementThreshold {
                    kind = place.isStreet(x, y) ? .street : .garden
                } else if forestNoise.values[index] > place.forestThreshold {
                    kind = .forestFloor
                    stands.include(column: column, row: row, atX: wx, y: wy, standOf: stand.values + index)
                } else if bareNoise.values[index] > place.bareThreshold {
                    kind = .bare
                } else {
                    kind = place.parcel(x, y).hash & 7 < 6 ? .crop : .meadow
                }
                ground.values[index] = kind.rawValue
            }
        }
    }

    /// Writes the distance beyond the nearest road's edge, in decimetres up to 255; 0 on the road.
    private func stampRoads() {
        let reach: Float = 8
        for road in landscape.roads {
            let outer = (road.halfWidth + reach) / landscape.gsd
            for (a, b) in zip(road.points, road.points.dropFirst()) {
                let left = Int(min(a.x, b.x) - outer) - window.column
                let right = Int(max(a.x, b.x) + outer) + 1 - window.column
                let top = Int(min(a.y, b.y) - outer) - window.row
                let bottom = Int(max(a.y, b.y) + outer) + 1 - window.row
                guard left < width, right >= 0, top < height, bottom >= 0 else { continue }
                let step = b - a
                let square = max(1e-6, (step * step).sum())
                for row in max(0, top)...min(height - 1, bottom) {
                    for column in max(0, left)...min(width - 1, right) {
                        let p = SIMD2(Float(column + window.column), Float(row + window.row)) - a
                        let t = min(1, max(0, (p * step).sum() / square))
                        let off = p - t * step
                        let metres = (off * off).sum().squareRoot() * landscape.gsd - road.halfWidth
                        let code = UInt8(max(0, min(255, (metres * 10).rounded(.up))))
                        let index = row &* width &+ column
                        if code < roadDistance.values[index] { roadDistance.values[index] = code }
                    }
                }
            }
        }
    }
}
