// The interface between the block loop and what becomes of its rows.
internal import Geo
internal import Telemetry

/// The value of pixels outside the area and without imagery, in maps of values.
package let mapNodata: Float = -9999

/// Receives the finished rows of one part of a map, and counts what is in them.
///
/// All outputs are made of decided rows, so that they are the same whether a row was just computed or was kept by an earlier run.
protocol PartSink: AnyObject {
    /// Decides what is stored of a row of a block.
    ///
    /// - Parameters:
    ///   - row: Row in the block.
    ///   - sums: The blended values, `[blended band, column]`.
    ///   - covered: Whether a scene covers the pixel.
    ///   - mask: Whether the pixel belongs to the area, `[row, column]` of the block; `nil` for all.
    func decided(block: PixelWindow, row: Int, sums: [Double], covered: [Bool], mask: [Bool]?) -> MapRow

    /// Stores the next row of a block.
    ///
    /// - Parameter number: Row in the block.
    func store(_ row: MapRow, block: PixelWindow, number: Int) throws

    /// Does the work that needs all rows; called once after the last of them.
    func complete(_ progress: ProgressHandler) throws

    /// The statistics, final after `complete(_:)`.
    var statistics: MapStatistics { get }
    /// The preview, final after `complete(_:)`.
    var preview: MapPreview { get }
}
