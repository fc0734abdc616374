// The grid of a head's tokens, and how an odd one is made even.
internal import Torch

/// The token grid of a head's taps.
///
/// Heads with a map at half the grid's resolution need an even grid. An odd one is padded by its edge, which tells the head
/// nothing new, and what is made of the padding is cut off at the end; to stretch the map instead, as published code does, would
/// move every pixel.
struct TokenGrid {
    /// Rows of tokens.
    let rows: Int
    /// Columns of tokens.
    let columns: Int

    /// The grid of taps; `nil` after a failed operation, which leaves no shapes.
    init?(_ taps: [(map: Tensor, cls: Tensor)]) {
        guard taps.allSatisfy(\.map.isDefined), let shape = taps.first?.map.shape else { return nil }
        precondition(shape.count == 4, "a head takes maps of four dimensions, got the shape \(shape)")
        (rows, columns) = (shape[2], shape[3])
    }

    /// Whether a row or a column must be added to make it even.
    private var isOdd: Bool { rows % 2 + columns % 2 > 0 }

    /// Rows and columns of the even grid.
    var even: (rows: Int, columns: Int) { (rows + rows % 2, columns + columns % 2) }

    /// A map `[B, D, rows, columns]` on the even grid.
    func madeEven(_ map: Tensor) -> Tensor {
        isOdd ? map.padded([0, columns % 2, 0, rows % 2], .replicate) : map
    }

    /// Size of the image in pixels.
    func pixels(_ patchSize: Int) -> (height: Int, width: Int) { (rows * patchSize, columns * patchSize) }

    /// Size in pixels of what the even grid covers.
    func evenPixels(_ patchSize: Int) -> (height: Int, width: Int) { (even.rows * patchSize, even.columns * patchSize) }

    /// Pixels of the even grid `[B, C, H, W]` without those of the padding.
    func cropped(_ x: Tensor, patchSize: Int) -> Tensor {
        guard isOdd else { return x }
        let size = pixels(patchSize)
        return x.narrow(dim: 2, start: 0, length: size.height).narrow(dim: 3, start: 0, length: size.width)
    }
}
