// Pixels of a benchmark's images as networks take them, wherever they are stored.
public import Geo

/// Pixels of a benchmark's images, brought to what a network takes.
///
/// Stateless: each image is opened when it is read. Callable from any thread.
public protocol BenchmarkPixels: Sendable {
    /// What they are: the bands of the weights, in 8 bits, or already normalised in `float32`.
    var layout: PixelLayout { get }
    /// What decides how values become pixels, besides the layout.
    var rule: [String] { get }
    /// The size of an image.
    ///
    /// - Throws: `BenchmarksError`: `readFailed`, `badForm`.
    func size(_ image: Int) throws -> (width: Int, height: Int)
    /// A window of an image.
    ///
    /// - Throws: `BenchmarksError` (`readFailed`), also for bands or values that the weights do not take.
    func pixels(_ image: Int, window: PixelWindow) throws -> PixelBuffer
    /// Values of each band as they are stored, of a small enough part of an image; invalid values are NaN.
    ///
    /// - Throws: As `pixels`.
    func values(_ image: Int) throws -> [[Double]]
    /// How the values of an image are stored.
    ///
    /// - Throws: `BenchmarksError` (`readFailed`).
    func stored(_ image: Int) throws -> StoredNumber
    /// What shows whether an image has changed: its file's size and date.
    ///
    /// - Throws: `BenchmarksError` (`notFound`) for one that is not there.
    func stamps(_ image: Int) throws -> [String]
}
