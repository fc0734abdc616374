// Elements and slices by index.
internal import CTorchAPI

extension Tensor {
    /// The slices at indices (a vector of int64 or int32).
    public func indexSelect(dim: Int, indices: Tensor) -> Tensor {
        make("indexSelect", [self, indices]) { ct.pointee.index_select(handle, dim, indices.handle, $0) }
    }

    /// The tensor with slices of a source added at indices.
    public func indexAdd(dim: Int, indices: Tensor, _ source: Tensor) -> Tensor {
        make("indexAdd", [self, indices, source]) {
            ct.pointee.index_add(handle, dim, indices.handle, source.handle, $0)
        }
    }

    /// At each place the element whose place along `dim` the index (int64) names.
    public func gather(dim: Int, index: Tensor) -> Tensor {
        make("gather", [self, index]) { ct.pointee.gather(handle, dim, index.handle, $0) }
    }
}
