// The method of conjugate gradients.
internal import Torch

/// What conjugate gradients found.
struct ConjugateGradientsResult {
    /// An approximation of the solution, of the shape of the right side.
    let solution: Tensor
    /// How many products with the matrix it took.
    let products: Int
}

/// Solves `A x = b` for a symmetric positive definite A, from products with it alone (Hestenes and Stiefel 1952).
///
/// Begins at 0. Stops when the residual, in the norm of the preconditioner, has become `residual` of what it was.
///
/// - Parameters:
///   - right: b, of any shape.
///   - residual: Above 0.
///   - limit: The largest number of products.
///   - product: A times a tensor of that shape. May be of lower precision: that only limits how small the residual becomes.
///   - precondition: An approximation of the inverse of A times a tensor; symmetric, and positive on what b and A span.
func conjugateGradients(
    _ right: Tensor, residual: Double, limit: Int, product: (Tensor) -> Tensor, precondition: (Tensor) -> Tensor
) -> ConjugateGradientsResult {
    var solution = right.zerosLike()
    var left = right
    var direction = precondition(left)
    var size = innerProduct(left, direction)
    let goal = residual * residual * size
    var products = 0
    // Not a number after a failed operation, which ends the loop.
    while products < limit, size > 0 {
        let image = product(direction)
        products += 1
        let curvature = innerProduct(direction, image)
        guard curvature > 0 else { break }
        let step = size / curvature
        solution = solution + direction * step
        left = left - image * step
        let next = precondition(left)
        let nextSize = innerProduct(left, next)
        if nextSize <= goal { break }
        direction = next + direction * (nextSize / size)
        size = nextSize
    }
    return ConjugateGradientsResult(solution: solution, products: products)
}
