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

    /// The tensor with elements of a source put where the index (int64) names their place along `dim`.
    public func scatter(dim: Int, index: Tensor, _ source: Tensor) -> Tensor {
        make("scatter", [self, index, source]) {
            ct.pointee.scatter(handle, dim, index.handle, source.handle, $0)
        }
    }

    /// The tensor with a number put where the index (int64) names a place along `dim`.
    public func scatter(dim: Int, index: Tensor, value: Double) -> Tensor {
        make("scatter", [self, index]) { ct.pointee.scatter_value(handle, dim, index.handle, value, $0) }
    }

    /// The tensor with elements of a source added where the index (int64) names their place along `dim`.
    public func scatterAdd(dim: Int, index: Tensor, _ source: Tensor) -> Tensor {
        make("scatterAdd", [self, index, source]) {
            ct.pointee.scatter_add(handle, dim, index.handle, source.handle, $0)
        }
    }

    /// The elements where the mask is true, as a vector.
    public func maskedSelect(_ mask: Tensor) -> Tensor {
        make("maskedSelect", [self, mask]) { ct.pointee.masked_select(handle, mask.handle, $0) }
    }

    /// The indices (int64) of the elements that are not 0, `[found, rank]`.
    public func nonzero() -> Tensor { make("nonzero", [self]) { ct.pointee.nonzero(handle, $0) } }

    /// For each class index (int64) a row with a 1 in its place, int64, in a new last dimension.
    public func oneHot(classes: Int) -> Tensor {
        make("oneHot", [self]) { ct.pointee.one_hot(handle, classes, $0) }
    }
}
