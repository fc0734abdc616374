// Trees: where they stand, and the shape of their crowns in the surface model.
import Geo

#if canImport(Glibc)
    import Glibc
#endif

/// One tree.
struct Tree {
    /// Column and row of the stem in pixels of the scene.
    let x: Float
    let y: Float
    /// Metres.
    let height: Float
    let radius: Float
    let species: Species
    /// Reflectance of the leaves.
    let colour: SIMD4<Float>
    let seed: UInt64
}

extension Landscape {
    /// A tree of a height and species; colour varies from tree to tree, and knows nothing of the height.
    func tree(
        x: Float, y: Float, height: Float, species: Species, vigour: SIMD4<Float>, openGrown: Bool, seed: UInt64
    ) -> Tree {
        var draw = Draw(seed)
        let turned = conditions.autumn * draw.uniform(0.5, 1)
        let own = (1 + 0.09 * draw.normal()) * SIMD4(1 + 0.05 * draw.normal(), 1, 1 + 0.04 * draw.normal(), 1)
        let colour = (species.summer * (1 - turned) + species.autumn * turned) * vigour * own
        let radius =
            crownRadius(height: height) * species.spread * (openGrown ? 1.15 : 1)
            * (1 + 0.09 * draw.normal())
        return Tree(
            x: x, y: y, height: height, radius: radius, species: species, colour: colour, seed: draw.next())
    }
}

extension Block {
    /// Plants the stands and then the single trees.
    func growTrees() {
        for index in 0..<stands.count {
            if let stand = stands.stand(index) { plant(stand, index: Int32(index)) }
        }
        growSingleTrees()
    }

    private func plant(_ stand: Stand, index: Int32) {
        let gsd = landscape.gsd
        let pitch = stand.spacing * crownRadius(height: stand.height) / gsd
        let rowPitch = pitch * 0.866
        // Places are counted from the scene's corner, so that every block finds the same trees.
        let firstRow = Int(Float(window.row + stand.top) / rowPitch) - 2
        let lastRow = Int(Float(window.row + stand.bottom) / rowPitch) + 2
        let firstColumn = Int(Float(window.column + stand.left) / pitch) - 2
        let lastColumn = Int(Float(window.column + stand.right) / pitch) + 2
        for j in firstRow...lastRow {
            for i in firstColumn...lastColumn {
                let seed = latticeHash(stand.seed &+ 7, i, j)
                var draw = Draw(seed)
                guard draw.chance(stand.density) else { continue }
                let shift = j & 1 == 0 ? Float(0.25) : 0.75
                let x = (Float(i) + shift + stand.disorder * draw.uniform(-1, 1)) * pitch
                let y = (Float(j) + 0.5 + stand.disorder * draw.uniform(-1, 1)) * rowPitch
                let column = Int(x.rounded(.down)) - window.column
                let row = Int(y.rounded(.down)) - window.row
                guard column >= 0, row >= 0, column < width, row < height else { continue }
                let here = row * width + column
                guard self.stand.values[here] == index, roadDistance.values[here] > 12 else { continue }
                let height = max(2.2, stand.height * (1 + stand.spread * draw.normal()))
                let first = draw.chance(stand.share)
                raise(
                    landscape.tree(
                        x: x, y: y, height: height, species: Species.all[first ? stand.species.0 : stand.species.1],
                        vigour: stand.vigour, openGrown: false, seed: seed &+ 3))
            }
        }
    }

    /// Trees in gardens and meadows, along field edges, and few in fields.
    private func growSingleTrees() {
        let pitch = 11 / landscape.gsd
        let firstRow = Int((Float(window.row) / pitch).rounded(.down))
        let lastRow = Int((Float(window.row + height) / pitch).rounded(.down))
        let firstColumn = Int((Float(window.column) / pitch).rounded(.down))
        let lastColumn = Int((Float(window.column + width) / pitch).rounded(.down))
        for j in firstRow...lastRow {
            for i in firstColumn...lastColumn {
                let seed = latticeHash(landscape.seed &+ 0x7EE5, i, j)
                var draw = Draw(seed)
                let x = (Float(i) + draw.uniform()) * pitch
                let y = (Float(j) + draw.uniform()) * pitch
                let column = Int(x.rounded(.down)) - window.column
                let row = Int(y.rounded(.down)) - window.row
                guard column >= 0, row >= 0, column < width, row < height else { continue }
                let here = row * width + column
                guard owner.values[here] == 0, roadDistance.values[here] > 15 else { continue }
                let chance: Float
                switch Ground(rawValue: ground.values[here]) ?? .meadow {
                case .garden: chance = 0.28
                case .meadow: chance = 0.07
                case .crop: chance = landscape.parcel(x, y).edge < 4 ? 0.35 : 0.004
                case .shore: chance = 0.15
                default: chance = 0
                }
                guard draw.chance(chance) else { continue }
                let species = Species.all[Int(draw.next() % 6)]
                let light = SIMD4<Float>(repeating: 1 + 0.12 * draw.normal())
                raise(
                    landscape.tree(
                        x: x, y: y, height: draw.uniform(4, 21), species: species, vigour: light, openGrown: true,
                        seed: seed &+ 3))
            }
        }
    }

    /// Sets a crown into the surface model; where crowns overlap the higher surface is seen.
    private func raise(_ tree: Tree) {
        let gsd = landscape.gsd
        let radius = tree.radius / gsd
        let reach = radius * 1.2 + 1
        let x0 = tree.x - Float(window.column)
        let y0 = tree.y - Float(window.row)
        let left = max(0, Int(x0 - reach))
        let right = min(width - 1, Int(x0 + reach) + 1)
        let top = max(0, Int(y0 - reach))
        let bottom = min(height - 1, Int(y0 + reach) + 1)
        guard left <= right, top <= bottom else { return }
        trees.append(tree.colour)
        let identity = Int32(truncatingIfNeeded: trees.count)
        let cone = tree.species.cone
        let depth = min(tree.species.depth * tree.radius, 0.75 * tree.height)
        // Branch clusters: bumps whose size goes with the crown's.
        let bump = 1 / max(1.1, radius * 0.42)
        let lift = 0.16 * tree.radius
        for row in top...bottom {
            for column in left...right {
                let dx = Float(column) + 0.5 - x0
                let dy = Float(row) + 0.5 - y0
                let clusters = lumps(tree.seed, (dx + 64) * bump, (dy + 64) * bump)
                let ratio = (dx * dx + dy * dy).squareRoot() / radius * (1 + 0.16 * clusters)
                guard ratio < 1 else { continue }
                let dome = (1 - ratio * ratio).squareRoot()
                let profile = cone * (1 - ratio) + (1 - cone) * dome
                let surface = max(0.5, tree.height - depth * (1 - profile) + lift * (clusters - 0.6))
                let index = row &* width &+ column
                guard surface > objectHeight.values[index] || owner.values[index] == 0 else { continue }
                objectHeight.values[index] = surface
                owner.values[index] = identity
                texture.values[index] = clusters
            }
        }
    }

    /// Smooth bumps, -1 to 1: bilinear lattice noise, eased.
    @inline(__always)
    private func lumps(_ seed: UInt64, _ x: Float, _ y: Float) -> Float {
        let ix = Int(x)
        let iy = Int(y)
        var tx = x - Float(ix)
        var ty = y - Float(iy)
        tx = tx * tx * (3 - 2 * tx)
        ty = ty * ty * (3 - 2 * ty)
        let a = signedUnit(latticeHash(seed, ix, iy))
        let b = signedUnit(latticeHash(seed, ix &+ 1, iy))
        let c = signedUnit(latticeHash(seed, ix, iy &+ 1))
        let d = signedUnit(latticeHash(seed, ix &+ 1, iy &+ 1))
        let upper = a + (b - a) * tx
        let lower = c + (d - c) * tx
        return upper + (lower - upper) * ty
    }
}
