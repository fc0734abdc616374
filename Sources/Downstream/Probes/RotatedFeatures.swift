// Features along the principal axes of some samples, where problems of least squares and of likelihood are nearly diagonal.
package import Torch

/// Features of samples, centred and rotated into the eigenbasis of their covariance.
///
/// A linear model with a free constant is the same in these coordinates: the centre goes into the constant, and an orthogonal rotation
/// changes no norm of weights. Coordinates are divided by one number, the deviation along the strongest axis, so that float32 holds
/// their squares whatever the unit of the features; a weight in coordinates is then larger by it. A last coordinate is 1. With more
/// features than samples, the axes are as many as the samples: the weights of an optimum have no part outside of what they span. All
/// numbers are float64.
package struct RotatedFeatures {
    /// Coordinates of the samples that the axes were found for, `[N, R + 1]`.
    let coordinates: Tensor
    /// Mean square of each coordinate over these samples, `[R + 1]`: rising, then 1.
    let meanSquares: Tensor
    /// What the lengths of features were divided by.
    let scale: Double
    private let mean: Tensor
    /// Orthonormal columns, `[D, R]`.
    private let axes: Tensor

    /// Finds the axes of features `[N, D]`.
    ///
    /// Takes memory for 2 N D numbers of float64 while it works, and N R after.
    ///
    /// - Throws: `TorchError`.
    package init(_ features: Tensor) throws {
        let (count, width) = (features.shape[0], features.shape[1])
        typealias Parts = (mean: Tensor, span: Tensor?, reduced: Tensor, found: [Tensor])
        let parts: Parts = try catchingTorchErrors {
            withoutGradient {
                let wide = features.to(.float64)
                let mean = wide.mean(0)
                let centred = wide - mean
                var span: Tensor?
                var reduced = centred
                if width > count {
                    // An orthonormal basis of what the rows span, exact also where they depend on each other.
                    let basis = evaluated("linalg_qr", "", [.tensor(centred.transpose(0, 1)), .string("reduced")])
                    span = basis
                    reduced = matmul(centred, basis)
                }
                let covariance = matmul(reduced.transpose(0, 1), reduced) / Double(count)
                let found = callOperator("aten::linalg_eigh", "", [.tensor(covariance), .string("L")])
                return (mean, span, reduced, found)
            }
        }
        precondition(parts.found.count == 2, "an eigenvalue decomposition has values and vectors")
        let (values, vectors) = (parts.found[0], parts.found[1])
        let strongest = try catchingTorchErrors { withoutGradient { values.max().item() } }
        let scale = strongest > 0 ? strongest.squareRoot() : 1
        self.scale = scale
        mean = parts.mean
        (axes, meanSquares, coordinates) = try catchingTorchErrors {
            withoutGradient {
                let axes = parts.span.map { matmul($0, vectors) } ?? vectors
                let ones = Tensor.ones([count, 1], dtype: .float64)
                let squares = values.clamped(min: 0) / (scale * scale)
                return (
                    axes, concatenate([squares, Tensor.ones([1], dtype: .float64)]),
                    concatenate([matmul(parts.reduced, vectors) / scale, ones], dim: 1)
                )
            }
        }
    }

    /// Number of coordinates, R + 1.
    package var width: Int { meanSquares.shape[0] }

    /// Coordinates of other samples, `[M, D]` to `[M, R + 1]`.
    func coordinates(of features: Tensor) -> Tensor {
        let rotated = matmul(features.to(.float64) - mean, axes) / scale
        return concatenate([rotated, Tensor.ones([features.shape.first ?? 0, 1], dtype: .float64)], dim: 1)
    }

    /// A linear model of features, weights `[D, K]` and intercepts `[K]`, from one of coordinates, `[R + 1, K]`.
    func ofFeatures(_ model: Tensor) -> (weights: Tensor, intercepts: Tensor) {
        let rotated = model.narrow(dim: 0, start: 0, length: width - 1)
        let weights = matmul(axes, rotated) / scale
        return (weights, model.select(dim: 0, index: width - 1) - matmul(mean, weights))
    }

    /// A linear model of coordinates, `[R + 1, K]`, from one of features: the same on the samples that the axes were found for.
    func ofCoordinates(weights: Tensor, intercepts: Tensor) -> Tensor {
        let rotated = matmul(axes.transpose(0, 1), weights) * scale
        return concatenate([rotated, (intercepts + matmul(mean, weights)).unsqueezed(dim: 0)])
    }
}
