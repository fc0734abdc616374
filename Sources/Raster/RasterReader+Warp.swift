// stub
import Geo
extension RasterReader {
    func warp(_ lattice: Lattice, _ wanted: [Int], resampling: Resampling) throws(RasterError) -> PixelBuffer {
        throw RasterError(.unsupported, "soon")
    }
}
