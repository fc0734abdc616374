// Cuts the network's windows from the chunks of the mosaic.
internal import Geo
internal import Scenes

/// Makes windows from chunks; pixels that no scene covers hold the mean of those that are covered.
struct WindowAssembler {
    let part: MapPlan.Part
    let layout: PixelLayout
    let loader: ChunkLoader

    /// A window's pixels in the model's sample type; `nil` where no scene covers any of them.
    func window(_ index: LatticeIndex) throws -> PixelBuffer? {
        let window = part.inputWindow(index)
        let chunks = Chunk.indices(of: window)
        var pieces: [(window: PixelWindow, pixels: PixelBuffer)] = []
        for j in chunks.j {
            for i in chunks.i {
                let index = LatticeIndex(i: i, j: j)
                if let pixels = try loader.chunk(index).pixels { pieces.append((Chunk.window(index), pixels)) }
            }
        }
        return assembled(window, from: pieces, layout: layout, grid: part.inputLattice.grid(of: window))
    }
}
